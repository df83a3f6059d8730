"""What a reader is told of one cell: a sign and a word for each way that it can count.

In: a cell and its criterion. Out: its `CellMark`, and sign, word and meaning of each; what cells can be filtered by.
Colour comes only on top of these. Not here: how they are drawn.
"""

from enum import StrEnum
from typing import Final

from citerefine.judges.rubric.cell import Status
from citerefine.judges.rubric.runs.grade_row import CellRow
from citerefine.rubrics.criterion import Criterion


class CellMark(StrEnum):
    """How one cell counts; the value is its class in the page."""

    MET = "met"
    PARTLY = "partly"
    UNMET = "unmet"
    ABSENT = "absent"
    SOME = "some"
    PRESENT = "present"
    ABSTAINED = "abstained"
    FAILED = "failed"
    GATED = "gated"


GLYPHS: Final = {
    CellMark.MET: "✓",
    CellMark.PARTLY: "◐",
    CellMark.UNMET: "✗",
    CellMark.ABSENT: "○",
    CellMark.SOME: "◓",
    CellMark.PRESENT: "▲",
    CellMark.ABSTAINED: "?",
    CellMark.FAILED: "–",
    CellMark.GATED: "∅",
}
WORDS: Final = {
    CellMark.MET: "met",
    CellMark.PARTLY: "met in part",
    CellMark.UNMET: "not met",
    CellMark.ABSENT: "fault absent",
    CellMark.SOME: "fault in part",
    CellMark.PRESENT: "fault present",
    CellMark.ABSTAINED: "cannot be told",
    CellMark.FAILED: "no verdict",
    CellMark.GATED: "not asked",
}
MEANING: Final = {
    CellMark.MET: "The answer does what the criterion asks.",
    CellMark.PARTLY: "It does so in part: a step between, or a number below the most.",
    CellMark.UNMET: "It does not.",
    CellMark.ABSENT: "The criterion names a fault, and the answer does not have it.",
    CellMark.SOME: "It has the fault in part.",
    CellMark.PRESENT: "It has the fault, which counts against it.",
    CellMark.ABSTAINED: "The judge says that it cannot be told. It counts as not met; of a fault, neither way.",
    CellMark.FAILED: "The judge could not be asked, or its reply not be read. It counts neither way.",
    CellMark.GATED: "The answer says nothing that could be judged, so that nobody was asked; its score is 0.",
}


class Concern(StrEnum):
    """What answers can be filtered by; the value is its name in the page's address."""

    UNMET = "unmet"
    FAULT = "fault"
    FAILED = "failed"
    ABSTAINED = "abstained"
    GATED = "gated"


CONCERN_WORDS: Final = {
    Concern.UNMET: "Not met",
    Concern.FAULT: "Faults present",
    Concern.FAILED: "No verdict",
    Concern.ABSTAINED: "Cannot be told",
    Concern.GATED: "Not asked",
}
_OF_MARK: Final = {
    CellMark.PARTLY: Concern.UNMET,
    CellMark.UNMET: Concern.UNMET,
    CellMark.SOME: Concern.FAULT,
    CellMark.PRESENT: Concern.FAULT,
    CellMark.FAILED: Concern.FAILED,
    CellMark.ABSTAINED: Concern.ABSTAINED,
    CellMark.GATED: Concern.GATED,
}
_ALMOST: Final = 1e-9


def mark_of(cell: CellRow, criterion: Criterion) -> CellMark:
    """The mark of a cell: how it came to its value comes before the value."""
    if cell.status is Status.GATED:
        return CellMark.GATED
    if cell.status is Status.ABSTAIN:
        return CellMark.ABSTAINED
    if cell.value is None:
        return CellMark.FAILED
    steps = (
        (CellMark.ABSENT, CellMark.SOME, CellMark.PRESENT)
        if criterion.is_negative
        else (CellMark.UNMET, CellMark.PARTLY, CellMark.MET)
    )
    return steps[0 if cell.value <= _ALMOST else 2 if cell.value >= 1 - _ALMOST else 1]


def concern_of(mark: CellMark) -> Concern | None:
    """What is wrong with a cell; None if nothing is."""
    return _OF_MARK.get(mark)


def loss_of(cell: CellRow, criterion: Criterion) -> float:
    """What cells are sorted by, the greatest first: what the cell takes from the score; little of one without value."""
    if cell.value is None:
        return 1e-9
    good = 1 - cell.value if criterion.is_negative else cell.value
    return abs(cell.weight) * (1 - good)
