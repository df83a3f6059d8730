"""Whether a query has a criterion already that asks the same as another, or the opposite.

In: entries, a criterion. Out: a refusal, or none. Not here: what alike means (citerefine.rubrics.likeness), criteria of
the same content (folding.py).
"""

from collections.abc import Iterable

from citerefine.rubrics.buffer.refusals import Refusal
from citerefine.rubrics.buffer.state import Entry
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.likeness import is_alike, is_mirrored


def unwanted(criterion: Criterion, entries: Iterable[Entry]) -> Refusal | None:
    """Why a criterion is not wanted beside those of the entries; itself is not one of them."""
    for entry in entries:
        if entry.key == criterion.key:
            continue
        if is_alike(entry.alone, criterion):
            return Refusal("near_duplicate", f"it asks what {_named(entry)} asks")
        if is_mirrored(entry.alone, criterion):
            return Refusal("mirrored", f"it asks the opposite of {_named(entry)}")
    return None


def _named(entry: Entry) -> str:
    text = entry.criterion.text
    return f"{entry.key} ({entry.standing}): {text if len(text) <= 80 else f'{text[:79]}…'}"
