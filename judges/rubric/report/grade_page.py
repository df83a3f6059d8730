"""The page of `grade --html`: figures of a run, its criteria, and its worst answers with every cell.

In: answers with their grades one by one, in any number and order, then the run's `GradeSummary`. Out: one HTML page
that loads nothing and reads without its script. Memory and page are bounded: all rows are counted, the worst are kept,
and the page says how many are left out. Answers, criteria and verdicts are data from anywhere: they go through the
template's escaping, and nowhere else. Not here: adding up figures (runs/).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from heapq import heappush, heappushpop
from typing import Final, NamedTuple

from citerefine.judges.report.histogram import Histogram
from citerefine.judges.report.score_page import PAGE_LIMIT
from citerefine.judges.report.template import render_page
from citerefine.judges.rubric.report.cell_marks import CONCERN_WORDS, GLYPHS, MEANING, WORDS, CellMark, Concern
from citerefine.judges.rubric.report.grade_view import GradeView, view_grade
from citerefine.judges.rubric.report.matrices import lay_out_matrices
from citerefine.judges.rubric.runs.grade_row import GradeRow
from citerefine.judges.rubric.runs.grade_summary import CriterionSummary, GradeSummary
from citerefine.judges.rubric.runs.grade_task import GradeTask
from citerefine.judges.runs.summary import Interval

CRITERIA_LIMIT: Final = 200
"""Criteria that the page lists, the worst first."""
_FOLDED: Final = "asked about one answer each, with which they stand below"
ORIGINS: Final = ("instance", "static", "adaptive")
NATIVE_SCALES: Final = frozenset({"mean_1_10", "race_total", "likert_1_5"})
"""Formulas whose scores go beyond 1."""

_Kept = tuple[float, int, GradeView]
"""The higher, the sooner shown: minus the score, minus the line; no two rows have one line."""


class GradePage:
    """Takes the answers of a run, keeps the worst, and renders the page."""

    def __init__(self, limit: int = 500) -> None:
        """Shows at most `limit` answers that have a score and as many that have none.

        Raises:
            ValueError: if `limit` is below 1.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}; a page shows some answers")
        self._limit = limit
        self._histogram = Histogram()
        self._marks: Counter[CellMark] = Counter()
        self._origins = set[str]()
        self._worst: list[_Kept] = []
        self._without: list[_Kept] = []
        self._rows = self._scored = 0

    def add(self, task: GradeTask, row: GradeRow) -> None:
        """Counts an answer, and keeps what the page shows of it if it is among the worst so far."""
        view = view_grade(task, row)
        self._rows += 1
        self._marks.update(dict(view.tally))
        self._origins.update(cell.origin for cell in view.cells)
        if row.score is None:
            _keep(self._without, (0.0, -task.line, view), self._limit)
            return
        self._scored += 1
        self._histogram.add(min(1.0, max(0.0, row.score)))
        _keep(self._worst, (-row.score, -task.line, view), self._limit)

    def render(self, summary: GradeSummary, title: str, *, trust: Sequence[str] = (), when: date | None = None) -> str:
        """The page; equal rows in any order and equal arguments give equal bytes.

        Args:
            summary: of the rows that were added.
            title: of the page: the run file's name.
            trust: how far the judge may be trusted, in sentences.
            when: the day that the page gives as that of grading.
        """
        worst = [kept[-1] for kept in sorted(self._worst, key=_place, reverse=True)]
        without = [kept[-1] for kept in sorted(self._without, key=_place, reverse=True)]
        shown = _within_limit([*worst, *without])
        scored, rest = shown[: len(worst)], shown[len(worst) :]
        rank = {criterion.key: place for place, criterion in enumerate(summary.criteria)}
        matrices, n_cells_left_out = lay_out_matrices(shown, rank)
        return render_page(
            "grade_page",
            __package__,
            style="grades.css",
            script="grades.js",
            summary=summary,
            title=title,
            trust=trust,
            when=when,
            is_drawn=NATIVE_SCALES.isdisjoint(summary.formulas),
            figure=_Figure("Score", summary.score, summary.ci95, self._histogram),
            marks=[(mark, self._marks[mark]) for mark in CellMark if self._marks[mark]],
            criteria=[
                (_FOLDED if folded else "", some[:CRITERIA_LIMIT], max(0, len(some) - CRITERIA_LIMIT))
                for folded, some in enumerate(_by_use(summary.criteria, self._rows))
                if some
            ],
            matrices=matrices,
            n_cells_left_out=n_cells_left_out,
            worst=scored,
            without=rest,
            n_rows=self._rows,
            n_left_out=self._scored - len(scored),
            n_without_left_out=self._rows - self._scored - len(rest),
            filters=[_filter(concern, shown) for concern in Concern],
            origins=[origin for origin in ORIGINS if origin in self._origins],
            cell_glyphs=GLYPHS,
            cell_words=WORDS,
            cell_meaning=MEANING,
        )


class _Figure(NamedTuple):
    """The score, as parts.html.jinja draws figures."""

    name: str
    mean: float | None
    interval: Interval | None
    histogram: Histogram


class _Filter(NamedTuple):
    """A switch that leaves only some answers on the page."""

    concern: Concern
    word: str
    n_here: int
    """Answers on the page that stay."""


def _by_use(criteria: Sequence[CriterionSummary], n_answers: int) -> tuple[list[CriterionSummary], ...]:
    """Criteria that are to be seen, and those of a single answer of several, which stand with that answer already."""
    single = [one for one in criteria if one.answers < 2 and n_answers > 1]
    return [one for one in criteria if one.answers > 1 or n_answers < 2], single


def _place(kept: _Kept) -> tuple[float, int]:
    return kept[:2]


def _keep(heap: list[_Kept], kept: _Kept, limit: int) -> None:
    """Keeps the `limit` greatest: the worst, and of equal ones the first."""
    if len(heap) < limit:
        heappush(heap, kept)
    elif _place(kept) > _place(heap[0]):
        heappushpop(heap, kept)


def _filter(concern: Concern, shown: Iterable[GradeView]) -> _Filter:
    return _Filter(concern, CONCERN_WORDS[concern], sum(concern in view.concerns for view in shown))


def _within_limit(views: list[GradeView]) -> list[GradeView]:
    """The views; once the page is full, without their text and cells."""
    left, kept = PAGE_LIMIT, list[GradeView]()
    for view in views:
        left -= view.size
        kept.append(view if left >= 0 else view.without_text())
    return kept
