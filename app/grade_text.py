"""Writes the summary of a grading run for people who look at a terminal.

In: `GradeSummary`. Out: lines of text. Names and criteria in it come from files, and are shown without control
characters. Not here: JSON, pages.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from citerefine.app.columns import figure, interval
from citerefine.judges.rubric.runs.grade_summary import CriterionSummary, GradeSummary
from citerefine.refiner.records import Usage
from citerefine.refiner.report.terminal_text import one_line

WIDTH: Final = 13
"""Of the first column, in characters."""
MOST_CRITERIA: Final = 20
"""So many are shown, the worst first."""
NAME_WIDTH: Final = 24
TEXT_WIDTH: Final = 72


def grade_lines(summary: GradeSummary) -> list[str]:
    """The summary, one thing a line."""
    return [f"{name:{WIDTH}}{one_line(text)}" for name, text in _facts(summary)] + [*_criteria(summary)]


def _facts(summary: GradeSummary) -> Iterator[tuple[str, str]]:
    clipped = "" if summary.clipped is None else f", clipped at the end {figure(summary.clipped)}"
    ends = "" if summary.ci95 is None else f"  {interval(summary.ci95)}"
    yield "score", f"{figure(summary.score)}{ends}{clipped}"
    yield "answers", f"{summary.n:,} of {_many(summary.rows, 'row')} scored, on {_many(summary.questions, 'question')}"
    if summary.not_graded:
        yield "no score", _counts(summary.not_graded)
    if summary.refused:
        yield "refused", _counts(summary.refused)
    if summary.gated:
        yield "gated", f"{_counts(summary.gated)}: nobody was asked, and the score is 0"
    if summary.cells:
        yield "cells", _counts(summary.cells)
    if summary.failures:
        yield "no verdict", _counts(summary.failures)
    if summary.coverage is not None:
        yield "coverage", f"{100 * summary.coverage:.1f} % of the weight has a value"
    if summary.usage is not None:
        yield "used", f"{_used(summary.usage)} (paid when these rows were last graded; the bill has all requests)"
    yield "intervals", summary.interval
    yield "formula", ", ".join(summary.formulas) or "none"
    yield "rubrics", f"{summary.rubrics:,}: {', '.join(summary.rubric_keys[:3])}{' …' if summary.rubrics > 3 else ''}"
    yield "judge", summary.judge


def _criteria(summary: GradeSummary) -> Iterator[str]:
    if not summary.criteria:
        return
    yield ""
    yield f"{'met':>8}  criterion, the worst first (a fault: how often it is absent)"
    for one in summary.criteria[:MOST_CRITERIA]:
        name, text = _clipped(one.title or one.criterion, NAME_WIDTH), _clipped(one.text, TEXT_WIDTH)
        yield f"{_met(one):>8}  {name}: {text}"
    if len(summary.criteria) > MOST_CRITERIA:
        yield f"{'':8}  … and {len(summary.criteria) - MOST_CRITERIA:,} more"


def _met(one: CriterionSummary) -> str:
    if one.met is None or 0 < one.answers <= one.abstained + one.failed:  # nobody said that it is not met
        return "–"
    return f"{100 * (1 - one.met if one.polarity == 'negative' else one.met):.1f} %"


def _clipped(text: str, width: int) -> str:
    shown = one_line(text)
    return shown if len(shown) <= width else f"{shown[: width - 1]}…"


def _used(usage: Usage) -> str:
    parts = [_many(usage.calls, "call")]
    if usage.prompt_tokens is not None and usage.completion_tokens is not None:
        cached = f" ({usage.cached_tokens:,} from its cache)" if usage.cached_tokens else ""
        parts.append(f"{usage.prompt_tokens:,} tokens of prompts{cached}, {usage.completion_tokens:,} of replies")
    if usage.cost is not None:
        parts.append(f"{usage.cost:.4f} dollars")
    return ", ".join(parts)


def _many(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())
