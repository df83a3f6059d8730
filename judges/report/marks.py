"""What a reader is told of one unit: a sign and a word for each way that it can count.

In: a `UnitRow`. Out: its `Mark`, and the sign, word and meaning of each. Colour comes only on top of these. Not here:
how they are drawn.
"""

from enum import StrEnum
from typing import Final

from citerefine.judges.runs.score_row import UnitRow
from citerefine.judges.verdict import Label


class Mark(StrEnum):
    """How one unit counts; the value is its class in the page."""

    SUPPORTED = "full"
    PARTLY = "part"
    UNSUPPORTED = "none"
    CONTRADICTED = "contra"
    UNCITED = "uncited"
    UNKNOWN = "unknown"
    UNJUDGED = "unjudged"
    EXEMPT = "exempt"


GLYPHS: Final = {
    Mark.SUPPORTED: "✓",
    Mark.PARTLY: "◐",
    Mark.UNSUPPORTED: "✗",
    Mark.CONTRADICTED: "≠",
    Mark.UNCITED: "○",
    Mark.UNKNOWN: "?",
    Mark.UNJUDGED: "–",
    Mark.EXEMPT: "·",
}
WORDS: Final = {
    Mark.SUPPORTED: "supported",
    Mark.PARTLY: "supported in part",
    Mark.UNSUPPORTED: "not supported",
    Mark.CONTRADICTED: "contradicted",
    Mark.UNCITED: "uncited",
    Mark.UNKNOWN: "unknown id",
    Mark.UNJUDGED: "not judged",
    Mark.EXEMPT: "needs no citation",
}
MEANING: Final = {
    Mark.SUPPORTED: "All of it follows from the snippets that it cites.",
    Mark.PARTLY: "At least half of it follows from them, and nothing there speaks against the rest.",
    Mark.UNSUPPORTED: "The snippets that it cites say nothing of it, or less than half.",
    Mark.CONTRADICTED: "The snippets that it cites say otherwise.",
    Mark.UNCITED: "It needs a citation and has none.",
    Mark.UNKNOWN: "It cites only ids that no snippet has.",
    Mark.UNJUDGED: "The judge came to no verdict, or there was nothing to judge by. It counts neither way.",
    Mark.EXEMPT: "A heading, a question, a transition. It counts neither way.",
}

_OF_LABEL: Final = {
    Label.FULL: Mark.SUPPORTED,
    Label.PARTIAL: Mark.PARTLY,
    Label.NONE: Mark.UNSUPPORTED,
    Label.CONTRADICTS: Mark.CONTRADICTED,
}


def mark_of_label(label: Label | None) -> Mark:
    """The mark of a single verdict."""
    return Mark.UNJUDGED if label is None else _OF_LABEL[label]


def mark_of(unit: UnitRow) -> Mark:
    """The mark of a unit: what it cites comes before what was judged, and a label before a bare figure."""
    if not unit.need:
        return Mark.EXEMPT
    if not unit.ids:
        return Mark.UNCITED
    if set(unit.ids) <= set(unit.invalid):
        return Mark.UNKNOWN
    if unit.label is None and unit.support is not None:  # formulas that ask for no label
        return Mark.SUPPORTED if unit.support >= 1 else Mark.PARTLY if unit.support > 0 else Mark.UNSUPPORTED
    return mark_of_label(unit.label)


class Concern(StrEnum):
    """What answers can be filtered by; the value is its name in the page's address."""

    INVALID = "invalid"
    UNCITED = "uncited"
    UNSUPPORTED = "unsupported"
    CONTRADICTED = "contradicted"
    UNJUDGED = "unjudged"
    DISAGREEMENT = "disagreement"


CONCERN_WORDS: Final = {
    Concern.INVALID: "Unknown ids",
    Concern.UNCITED: "Uncited",
    Concern.UNSUPPORTED: "Not supported",
    Concern.CONTRADICTED: "Contradicted",
    Concern.UNJUDGED: "Not judged",
    Concern.DISAGREEMENT: "Judges disagree",
}

_OF_MARK: Final = {
    Mark.UNCITED: Concern.UNCITED,
    Mark.UNSUPPORTED: Concern.UNSUPPORTED,
    Mark.CONTRADICTED: Concern.CONTRADICTED,
    Mark.UNJUDGED: Concern.UNJUDGED,
}


def concerns_of(unit: UnitRow) -> tuple[Concern, ...]:
    """What is wrong with a unit, in the order of `Concern`; a second judge disagrees only with a verdict."""
    found = {_OF_MARK.get(mark_of(unit))}
    if unit.invalid:
        found.add(Concern.INVALID)
    if unit.second is not None and unit.label is not None and unit.second != unit.label:
        found.add(Concern.DISAGREEMENT)
    return tuple(concern for concern in Concern if concern in found)
