"""The page of `score --html`: figures of a run, how they are spread, and its worst answers with all evidence.

In: rows one by one, in any number, then the run's `Summary`. Out: one HTML page that loads nothing and reads without
its script. Memory and page are bounded: all rows are counted, the worst are kept, and the page says how many are left
out. Fields of rows are data from anywhere: they go through the template's escaping, and nowhere else. Not here: adding
up figures (runs/), comparing runs (comparison_page.py).
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from heapq import heappush, heappushpop
from typing import Final, NamedTuple

from citerefine.judges.report.answer_view import AnswerView, count_marks, row_concerns, view_row
from citerefine.judges.report.histogram import Histogram
from citerefine.judges.report.marks import CONCERN_WORDS, Concern, Mark
from citerefine.judges.report.template import render_page
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.runs.summary import Interval, Summary

FIGURES: Final = ("precision", "recall", "f1")
PAGE_LIMIT: Final = 12_000_000
"""About how many characters of answers one page holds."""


class ScorePage:
    """Takes the rows of a run, keeps the worst, and renders the page."""

    def __init__(self, limit: int = 500) -> None:
        """Shows at most `limit` answers that have figures and as many that have none.

        Raises:
            ValueError: if `limit` is below 1.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}; a page shows some answers")
        self._limit = limit
        self._histograms = {name: Histogram() for name in FIGURES}
        self._marks: Counter[Mark] = Counter()
        self._concerns: Counter[Concern] = Counter()
        self._worst: list[tuple[float, int, AnswerView]] = []
        self._without: list[AnswerView] = []
        self._rows = self._scored = 0

    def add(self, row: ScoreRow) -> None:
        """Counts a row, and keeps what the page shows of it if it is among the worst so far; ties keep the first."""
        self._rows += 1
        self._marks.update(count_marks(row))
        self._concerns.update(row_concerns(row))
        if row.precision is None or row.recall is None or row.f1 is None:  # as in the summary: all three, or none
            if len(self._without) < self._limit:
                self._without.append(view_row(row))
            return
        self._scored += 1
        for name in FIGURES:
            self._histograms[name].add(getattr(row, name))
        place = (-row.f1, -self._rows)  # the heap's first is the best of the worst: the next to be left out
        if len(self._worst) < self._limit:
            heappush(self._worst, (*place, view_row(row)))
        elif place > self._worst[0][:2]:
            heappushpop(self._worst, (*place, view_row(row)))

    def render(self, summary: Summary, title: str, *, when: date | None = None) -> str:
        """The page; equal rows and arguments give equal bytes. May be called again, with more rows added.

        Args:
            summary: of the rows that were added.
            title: of the page: the run file's name.
            when: the day that the page gives as that of scoring.
        """
        worst = [view for _, _, view in sorted(self._worst, key=lambda kept: kept[:2], reverse=True)]
        shown = _within_limit([*worst, *self._without])
        scored, without = shown[: len(worst)], shown[len(worst) :]
        return render_page(
            "score_page",
            summary=summary,
            title=title,
            when=when,
            figures=[_figure(name, summary, self._histograms[name]) for name in FIGURES],
            marks=[(mark, self._marks[mark]) for mark in Mark if self._marks[mark]],
            worst=scored,
            without=without,
            n_rows=self._rows,
            n_left_out=self._scored - len(scored),
            n_without_left_out=self._rows - self._scored - len(without),
            filters=[_filter(concern, self._concerns[concern], shown) for concern in Concern],
        )


class Figure(NamedTuple):
    """One of precision, recall and F1."""

    name: str
    mean: float | None
    interval: Interval | None
    micro: float | None
    histogram: Histogram


class Filter(NamedTuple):
    """A switch that leaves only some answers on the page."""

    concern: Concern
    word: str
    n_here: int
    """Answers on the page that stay."""
    n_all: int
    """Answers of the run that would."""


def _figure(name: str, summary: Summary, histogram: Histogram) -> Figure:
    mean: float | None = getattr(summary, name)
    word = "F1" if name == "f1" else name.capitalize()
    return Figure(word, mean, summary.ci95.get(name), summary.micro.get(name), histogram)


def _filter(concern: Concern, n_all: int, shown: Iterable[AnswerView]) -> Filter:
    return Filter(concern, CONCERN_WORDS[concern], sum(concern in view.concerns for view in shown), n_all)


def _within_limit(views: list[AnswerView]) -> list[AnswerView]:
    """The views; once the page is full, without their text."""
    left, kept = PAGE_LIMIT, list[AnswerView]()
    for view in views:
        left -= view.size
        kept.append(view if left >= 0 else view.without_text())
    return kept
