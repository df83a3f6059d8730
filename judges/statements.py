"""Merges equal units of an answer, and ties what they cite to the evidence.

In: units, evidence. Out: `Statement`s, in the order of the text: units with one key and one status (cited or not) are
one, with the ids of all in order, so that saying a thing twice changes nothing. Linear. Not here: support, scores.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from citerefine.judges.need import exemption
from citerefine.judges.units import Unit
from citerefine.judges.weights import WEIGHT_CAP, Extent, alone, recall_weights
from citerefine.refiner.evidence import Evidence

MAX_PREMISE: Final = 5
"""Most snippets that a judge reads for one claim; what is cited beyond them earns nothing."""


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
    premise: tuple[str, ...]
    """Ids of the snippets that the claim is judged by."""
    exempt: str | None
    """Why it needs no citation; None if it, or a repetition of it, needs one."""
    extent: Extent
    context: str
    """As in `Unit`."""
    uncapped_weight: float
    """What it counts in recall, without an upper bound (weights.py)."""

    @property
    def is_cited(self) -> bool:
        """Whether it stands in a tag with ids, known or not."""
        return bool(self.citations)

    @property
    def weight(self) -> float:
        """What it counts in recall."""
        return min(WEIGHT_CAP, self.uncapped_weight)


class _Merged(NamedTuple):
    unit: Unit
    """The first of the equal ones."""
    citations: dict[str, Citation]
    exemptions: list[str | None]


def merge_units(units: Iterable[Unit], evidence: Evidence | None) -> list[Statement]:
    """The statements of an answer.

    Args:
        units: in the order of the text.
        evidence: what ids mean; None if it is not known.
    """
    merged: dict[tuple[str, bool], _Merged] = {}
    for unit in units:
        one = merged.setdefault((unit.key, bool(unit.ids)), _Merged(unit, {}, []))
        one.exemptions.append(exemption(unit))
        for written in unit.ids:
            snippet = evidence.resolve(written) if evidence is not None else None
            # No written id holds a blank, so that an unknown one is never taken for a snippet.
            one.citations.setdefault(f"? {written}" if snippet is None else snippet, Citation(written, snippet))
    extents = [_extent(one) for one in merged.values()]
    of_cited = iter(recall_weights([extent for extent in extents if extent.ids]))
    return [
        _statement(one, extent, next(of_cited) if extent.ids else alone(extent.n_content))
        for one, extent in zip(merged.values(), extents, strict=True)
    ]


def _extent(one: _Merged) -> Extent:
    return Extent(one.unit.n_content, frozenset(one.citations), one.unit.sentence, one.unit.opens_clause)


def _statement(one: _Merged, extent: Extent, weight: float) -> Statement:
    unit, citations = one.unit, tuple(one.citations.values())
    known = [citation.snippet for citation in citations if citation.snippet is not None]
    return Statement(
        text=unit.text,
        start=unit.start,
        end=unit.end,
        citations=citations,
        premise=tuple(known[:MAX_PREMISE]),
        exempt=None if None in one.exemptions else one.exemptions[0],
        extent=extent,
        context=unit.context,
        uncapped_weight=weight,
    )
