"""The page of `compare --html`: what differs between two runs, question by question.

In: a `Comparison` with its largest changes. Out: one HTML page that loads nothing and reads without its script. Names,
questions and rows are data from anywhere: they go through the template's escaping, and nowhere else. Not here: pairing
and figures (runs/), a single run (score_page.py).
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, NamedTuple

from citerefine.judges.report.answer_view import AnswerView, view_row
from citerefine.judges.report.layout import NAME_LIMIT
from citerefine.judges.report.template import render_page
from citerefine.judges.runs.comparison import Change, Comparison, MetricComparison
from citerefine.judges.runs.summary import Interval
from citerefine.refiner.report.html_page import clip

PAGE_LIMIT: Final = 12_000_000
"""About how many characters of answers one page holds."""
WIDTH: Final = 1000.0
HALF: Final = 60.0
"""Height of a difference of 1."""
_MIDDLE: Final = 0.4
"""Largest share of the drawing for pairs that differ less than those drawn, or not at all."""

_METRIC_WORDS: Final = {"precision": "Precision", "recall": "Recall", "f1": "F1", "score": "Training score"}


class MetricView(NamedTuple):
    """A row of the table of metrics."""

    name: str
    metric: MetricComparison
    bar: Interval | None
    """Where the interval of the difference is drawn: from and to, with 0 at 0 and the widest of all metrics at ±1."""
    dot: float | None


class ChangeView(NamedTuple):
    """One question."""

    name: str
    question: str
    difference: float | None
    direction: str
    """`better`, `worse` or `none`: what B is."""
    changed: tuple[str, ...]
    a: AnswerView
    b: AnswerView


class DifferenceBar(NamedTuple):
    """The difference of one pair in the drawing; y grows downwards, 0 is the line of no difference."""

    x: float
    y: float
    width: float
    height: float
    direction: str


class Drawing(NamedTuple):
    """All differences, sorted from where B is worst to where it is best."""

    bars: tuple[DifferenceBar, ...]
    middle: Interval
    """From where to where pairs lie that differ less, or not at all."""
    n_middle: int


class Choice(NamedTuple):
    """A switch that leaves only some questions on the page."""

    concern: str
    word: str
    n_here: int


def comparison_page(comparison: Comparison, *, when: date | None = None) -> str:
    """The page; equal arguments give equal bytes.

    Args:
        comparison: with as many changes as the page is to show.
        when: the day that the page gives as that of comparing.
    """
    changes = _within_limit(map(_change_view, comparison.changes))
    return render_page(
        "comparison_page",
        comparison=comparison,
        when=when,
        metrics=_metrics(comparison.metrics),
        changes=changes,
        HALF=HALF,
        drawing=draw_differences(
            [change.difference for change in comparison.changes if change.difference is not None],
            comparison.better + comparison.worse + comparison.same,
        ),
        choices=[
            Choice(direction, word, sum(change.direction == direction for change in changes))
            for direction, word in (("better", "B better"), ("worse", "B worse"), ("none", "No F1 on one side"))
        ],
    )


def draw_differences(differences: Sequence[float], n_pairs: int) -> Drawing:
    """A drawing `WIDTH` wide, `HALF` high on either side of its line.

    Args:
        differences: the largest ones, from -1 to 1, in any order.
        n_pairs: of how many; the others stand in the middle, as a stretch of bounded width.
    """
    worse = sorted(one for one in differences if one < 0)
    better = sorted(one for one in differences if one >= 0)
    n_middle = max(0, n_pairs - len(differences))
    middle = WIDTH * min(_MIDDLE, n_middle / n_pairs if n_pairs else 0)
    step = (WIDTH - middle) / max(1, len(differences))
    split = step * len(worse)
    return Drawing(
        bars=(*_bars(worse, 0, step, "worse"), *_bars(better, split + middle, step, "better")),
        middle=(split, split + middle),
        n_middle=n_middle,
    )


def _bars(differences: Iterable[float], x: float, step: float, direction: str) -> Iterable[DifferenceBar]:
    gap = min(2.0, step / 5)
    for at, difference in enumerate(differences):
        height = max(1.0, HALF * min(1.0, abs(difference)))
        yield DifferenceBar(
            x=round(x + at * step + gap / 2, 2),
            y=0.0 if difference < 0 else -round(height, 2),
            width=round(step - gap, 2),
            height=round(height, 2),
            direction=direction,
        )


def _metrics(metrics: Sequence[MetricComparison]) -> list[MetricView]:
    ends = [abs(end) for metric in metrics for end in (metric.difference, *(metric.ci95 or ())) if end is not None]
    widest = max(ends, default=0) or 1.0
    return [
        MetricView(
            name=_METRIC_WORDS.get(metric.metric, metric.metric),
            metric=metric,
            bar=None if metric.ci95 is None else (metric.ci95[0] / widest, metric.ci95[1] / widest),
            dot=None if metric.difference is None else metric.difference / widest,
        )
        for metric in metrics
    ]


def _change_view(change: Change) -> ChangeView:
    difference = change.difference
    direction = "none" if difference is None else "better" if difference > 0 else "worse" if difference < 0 else "same"
    a, b = view_row(change.a), view_row(change.b)
    return ChangeView(
        clip(str(change.id), NAME_LIMIT), a.question or b.question, difference, direction, change.changed, a, b
    )


def _within_limit(changes: Iterable[ChangeView]) -> list[ChangeView]:
    """The changes; once the page is full, without the answers' text."""
    left, kept = PAGE_LIMIT, list[ChangeView]()
    for change in changes:
        left -= change.a.size + change.b.size
        kept.append(change if left >= 0 else change._replace(a=change.a.without_text(), b=change.b.without_text()))
    return kept
