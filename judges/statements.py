"""Merges equal units of an answer, and ties what they cite to the evidence.

In: units, evidence. Out: `Statement`s, in the order of the text: units with one key and one status (cited or not) are
one, with the ids of all in order, so that saying a thing twice changes nothing. Linear. Not here: support, scores.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from citerefine.judges.need import MIN_CONTENT_WORDS, exemption
from citerefine.judges.units import Unit
from citerefine.refiner.evidence import Evidence

MAX_PREMISE: Final = 5
"""Most snippets that a judge reads for one claim; what is cited beyond them earns nothing."""

WEIGHT_UNIT: Final = 6
"""Content words that weigh 1."""
WEIGHT_CAP: Final = 5.0
MAX_CLAUSES: Final = 2
"""How many cited clauses of one sentence count as claims of their own, however short the sentence is."""


class Citation(NamedTuple):
    """One id of a statement."""

    written: str
    snippet: str | None
    """The id of the snippet that it means; None if no snippet has it, or there is no evidence to look in."""


class Statement(NamedTuple):
    """A unit with all its repetitions."""

    text: str
    start: int
    """Of the first of them, in the plain answer."""
    end: int
    citations: tuple[Citation, ...]
    """Each snippet and each unknown id once."""
    exempt: str | None
    """Why it needs no citation; None if it needs one."""
    sentence: int
    """Number of the sentence that it is of."""
    uncapped_weight: float
    """What it counts in recall, without an upper bound: one for six content words, at least 1, for the cited pieces of
    a sentence together."""
    claim_weight: float
    """What it counts where claims are counted: as in recall, but each clause may weigh 1."""

    @property
    def is_cited(self) -> bool:
        """Whether it stands in a tag with ids, known or not."""
        return bool(self.citations)

    @property
    def premise(self) -> tuple[str, ...]:
        """Ids of the snippets that the claim is judged by."""
        known = [citation.snippet for citation in self.citations if citation.snippet is not None]
        return tuple(known[:MAX_PREMISE])

    @property
    def weight(self) -> float:
        """What it counts in recall: `uncapped_weight`, at most 5."""
        return min(WEIGHT_CAP, self.uncapped_weight)


def merge_units(units: Iterable[Unit], plain: str, evidence: Evidence | None) -> list[Statement]:
    """The statements of an answer.

    Args:
        units: in the order of the text.
        plain: the plain answer.
        evidence: what ids mean; None if it is not known.
    """
    merged: dict[tuple[str, bool], tuple[Unit, dict[str, Citation]]] = {}
    for unit in units:
        _, cited = merged.setdefault((unit.key, bool(unit.ids)), (unit, {}))
        for written in unit.ids:
            snippet = evidence.resolve(written) if evidence is not None else None
            # No written id holds a blank, so that an unknown one is never taken for a snippet.
            cited.setdefault(f"? {written}" if snippet is None else snippet, Citation(written, snippet))
    pieces: dict[int, list[Unit]] = {}
    for unit, cited in merged.values():
        if cited:
            pieces.setdefault(unit.sentence, []).append(unit)
    return [
        Statement(
            text=unit.text,
            start=unit.start,
            end=unit.end,
            citations=tuple(cited.values()),
            exempt=exemption(unit, plain),
            sentence=unit.sentence,
            uncapped_weight=_weight(unit, pieces[unit.sentence] if cited else [unit], floor=1),
            claim_weight=_weight(unit, some, floor=_clauses(some)) if (some := pieces.get(unit.sentence)) else 0.0,
        )
        for unit, cited in merged.values()
    ]


def _weight(unit: Unit, pieces: list[Unit], floor: int) -> float:
    """The share of `unit` in the weight of all pieces of its sentence, which is at least `floor`.

    Otherwise cutting a claim into scraps with different ids would pay.
    """
    alone = max(1.0, unit.n_content / WEIGHT_UNIT)
    if len(pieces) == 1:
        return alone
    together = max(floor, sum(piece.n_content for piece in pieces) / WEIGHT_UNIT)
    return alone * min(1.0, together / sum(max(1.0, piece.n_content / WEIGHT_UNIT) for piece in pieces))


def _clauses(pieces: list[Unit]) -> int:
    clauses = sum(piece.opens_clause and piece.n_content >= MIN_CONTENT_WORDS for piece in pieces)
    return max(1, min(MAX_CLAUSES, clauses))
