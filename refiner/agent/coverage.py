"""Keeps account of the parts of a question: for which of them something was found.

In: parts and marks as a planner wrote them, the records found. Out: the parts with the ids of their evidence, as JSON
values of the state; whether all are covered; a note on those that nothing was found on. A planner's word alone covers
no part: a mark counts where it names a record that exists. Not here: what a planner is asked (findings.py), when
searching ends (steps.py).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from citerefine.refiner.agent.state import Part, SnippetRecord
from citerefine.refiner.agent.unaided import record_text
from citerefine.refiner.language.words import content_stems, light_stems

MAX_IDS: Final = 10
"""Most records that are kept as the evidence of one part."""
_ALIKE: Final = 4
"""How many letters two words share at the start, at least, where one begins with the other: `warm` and `warmer`."""


class Mark(NamedTuple):
    """That records are evidence of a part."""

    number: int
    """Which part, from 1."""
    ids: tuple[str, ...]


def begin_parts(texts: Iterable[str]) -> list[Part]:
    """Open parts."""
    return [Part(text=text, ids=[]) for text in texts]


def mark_parts(parts: Sequence[Part], marks: Iterable[Mark], known: Collection[str]) -> list[Part]:
    """The parts with the marks in them; numbers of no part, and ids that are not `known`, are passed over."""
    ids = [[*part["ids"]] for part in parts]
    for mark in marks:
        if 1 <= mark.number <= len(parts):
            ids[mark.number - 1] += [id for id in mark.ids if id in known]
    return [
        Part(text=part["text"], ids=[*dict.fromkeys(of_part)][:MAX_IDS])
        for part, of_part in zip(parts, ids, strict=True)
    ]


def all_covered(parts: Sequence[Part]) -> bool:
    """Whether there are parts, and something was found for each."""
    return bool(parts) and all(part["ids"] for part in parts)


def nothing_found_note(parts: Sequence[Part], records: Collection[SnippetRecord]) -> str | None:
    """A note that names the parts that nothing was found on; None if there is none of which that can be said.

    It is said of a part without marks if no record holds a word like any of those that tell it from the other parts;
    the words that it shares with them are found with these.
    """
    open_parts = [part["text"] for part in parts if not part["ids"]]
    if not open_parts:
        return None
    held = {stem for record in records for stem in content_stems(record_text(record))}
    in_parts = Counter(stem for part in parts for stem in _telling_stems(part["text"]))
    own = {text: {stem for stem in _telling_stems(text) if in_parts[stem] == 1} for text in open_parts}
    unfound = [text for text, stems in own.items() if stems and not any(_is_like(stem, held) for stem in stems)]
    return f"Nothing was found on: {'; '.join(unfound)}." if unfound else None


def _telling_stems(text: str) -> set[str]:
    return {*content_stems(text)} - light_stems()


def _is_like(stem: str, held: Collection[str]) -> bool:
    """Whether the stem is held, or one that begins with it or that it begins with."""
    if stem in held:
        return True
    return any(min(len(stem), len(one)) >= _ALIKE and (one.startswith(stem) or stem.startswith(one)) for one in held)
