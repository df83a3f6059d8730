"""Keys that are misspelt: a weight under `wieght` would be taken for one of our own that nobody gave.

In: a native object, the keys that its format knows. Out: nothing, or RubricError with the key that was meant. All else
that a format does not know is data that we keep, and is let be. Not here: what the keys hold (the format modules).
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import OSA

from citerefine.rubrics.errors import RubricError

MOST_EDITS: Final = 2
"""Most letters that are wrong, missing, too many or swapped with the next one."""
LONG: Final = 6
"""From this length on, two may be; in a shorter word, one."""
SHORT: Final = 3
"""Words of fewer letters, such as `id`, are one edit from anything."""


def refuse_misspelt(native: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Raises RubricError if a key is nearly one of the known keys, and that one is absent."""
    known = frozenset(known)
    absent = known.difference(native)
    for key in native.keys() - known if absent else ():
        if meant := meant_by(key, absent):
            raise RubricError(f"{where} has the key `{key[:40]}` and no `{meant}`; did you mean `{meant}`?")


@lru_cache(maxsize=10_000)
def meant_by(key: str, known: frozenset[str]) -> str:
    """The known key that a key nearly is; empty if none, or the key is known."""
    near = ((OSA.distance(key, word, score_cutoff=_most_edits(word)), word) for word in known)
    found = [(edits, word) for edits, word in near if 0 < edits <= _most_edits(word)]
    return "" if key in known else min(found, default=(0, ""))[1]


def _most_edits(word: str) -> int:
    return 0 if len(word) < SHORT else 1 if len(word) < LONG else MOST_EDITS
