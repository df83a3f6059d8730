"""What a page shows of one graded answer, bounded in size.

In: a `GradeTask` and its `GradeRow`, which are data. Out: `GradeView`, small enough to keep hundreds; what is left out
is counted. Not here: markup, which answers are shown (grade_page.py).
"""

from typing import Final, NamedTuple

from citerefine.judges.report.answer_view import QUESTION_LIMIT
from citerefine.judges.report.layout import NAME_LIMIT
from citerefine.judges.rubric.report.cell_marks import CellMark, Concern, concern_of, loss_of, mark_of
from citerefine.judges.rubric.report.quoting import Piece, cut_at_quotes
from citerefine.judges.rubric.runs.grade_row import CellRow, GradeRow
from citerefine.judges.rubric.runs.grade_task import GradeTask
from citerefine.refiner.report.html_page import clip
from citerefine.rubrics.criterion import Criterion

TEXT_LIMIT: Final = 20_000
"""Characters of an answer that are shown."""
CELLS_LIMIT: Final = 100
"""Criteria of an answer that are shown, the costliest first."""
LABEL_LIMIT: Final = 40
CRITERION_LIMIT: Final = 600
QUOTE_LIMIT: Final = 500
REASON_LIMIT: Final = 400
VOTES_LIMIT: Final = 15
_MARKUP: Final = 700
"""About what the markup of a cell takes."""


class CellView(NamedTuple):
    """One criterion of one answer."""

    number: int
    """Of the criterion in its rubric, from 1."""
    key: str
    """Content key of the criterion."""
    title: str
    """Of the criterion, or its id."""
    label: str
    """What a narrow column is headed by."""
    text: str
    weight: float
    origin: str
    mark: CellMark
    concern: Concern | None
    verdict: str
    value: float | None
    p_met: float | None
    votes: tuple[str, ...]
    quote: str
    is_found: bool
    """Whether the quote stands in what is shown of the answer."""
    reason: str

    @property
    def size(self) -> int:
        """About how many characters it takes in a page."""
        return _MARKUP + len(self.title) + len(self.text) + len(self.quote) + len(self.reason)


class GradeView(NamedTuple):
    """One answer."""

    line: int
    name: str
    """Its id, or its line."""
    question: str
    system: str
    score: float | None
    why: str
    """Why there is no score; empty if there is one."""
    gate: str
    coverage: float
    formula: str
    rubric: str
    pieces: tuple[Piece, ...]
    n_text_left_out: int
    """Characters."""
    cells: tuple[CellView, ...]
    """What costs most comes first."""
    n_cells_left_out: int
    tally: tuple[tuple[CellMark, int], ...]
    """How often each mark occurs among all cells, in the order of `CellMark`."""
    concerns: tuple[Concern, ...]

    @property
    def size(self) -> int:
        """About how many characters it takes in a page."""
        text = sum(len(piece.text) + _MARKUP // 7 for piece in self.pieces)
        return len(self.question) + text + sum(cell.size for cell in self.cells)

    def without_text(self) -> "GradeView":
        """The same with nothing of its text and cells, all of which count as left out."""
        n_text = self.n_text_left_out + sum(len(piece.text) for piece in self.pieces)
        n_cells = self.n_cells_left_out + len(self.cells)
        return self._replace(pieces=(), n_text_left_out=n_text, cells=(), n_cells_left_out=n_cells)


def view_grade(task: GradeTask, row: GradeRow) -> GradeView:
    """The view of an answer."""
    judged = task.rubric.judged
    numbers = {criterion.id: number for number, criterion in enumerate(judged, 1)}
    known = [(numbers[cell.criterion], cell) for cell in row.cells if cell.criterion in numbers]
    known.sort(key=lambda one: (-loss_of(one[1], judged[one[0] - 1]), one[0]))
    marks = [mark_of(cell, judged[number - 1]) for number, cell in known]
    shown = known[:CELLS_LIMIT]
    quotes = {number: cell.evidence[:QUOTE_LIMIT] for number, cell in shown if cell.evidence}
    pieces = cut_at_quotes(task.parse, quotes, TEXT_LIMIT)
    found = {number for piece in pieces for number in piece.quoted_by}
    concerns = {concern_of(mark) for mark in marks}
    return GradeView(
        line=task.line,
        name=clip(str(task.id), NAME_LIMIT) if task.id is not None else f"line {task.line}",
        question=clip(task.question, QUESTION_LIMIT),
        system=clip(task.system or "", NAME_LIMIT),
        score=row.score,
        why=clip(row.reason, REASON_LIMIT),
        gate=clip(row.gate, NAME_LIMIT),
        coverage=row.coverage,
        formula=clip(row.formula, NAME_LIMIT),
        rubric=row.rubric,
        pieces=pieces,
        n_text_left_out=max(0, len(task.parse.text) - TEXT_LIMIT),
        cells=tuple(_cell_view(number, cell, judged[number - 1], number in found) for number, cell in shown),
        n_cells_left_out=len(known) - len(shown),
        tally=tuple((mark, marks.count(mark)) for mark in CellMark if mark in marks),
        concerns=tuple(concern for concern in Concern if concern in concerns),
    )


def _cell_view(number: int, cell: CellRow, criterion: Criterion, is_found: bool) -> CellView:
    mark = mark_of(cell, criterion)
    return CellView(
        number=number,
        key=criterion.key,
        title=clip(criterion.title or criterion.id, NAME_LIMIT),
        label=(criterion.title or criterion.text)[:LABEL_LIMIT],
        text=clip(criterion.text, CRITERION_LIMIT),
        weight=cell.weight,
        origin=criterion.origin,
        mark=mark,
        concern=concern_of(mark),
        verdict=clip(cell.verdict or "", NAME_LIMIT),
        value=cell.value,
        p_met=cell.p_met,
        votes=tuple(clip(vote, NAME_LIMIT) for vote in cell.votes[:VOTES_LIMIT]),
        quote=clip(cell.evidence or "", QUOTE_LIMIT),
        is_found=is_found,
        reason=clip(cell.reason, REASON_LIMIT),
    )
