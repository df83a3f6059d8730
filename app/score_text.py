"""Writes a summary for people who look at a terminal.

In: `Summary`. Out: lines of text. Names in it come from files, and are shown without control characters. Not here:
JSON, pages.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from citerefine.judges.runs.summary import Agreement, Interval, Summary
from citerefine.judges.runs.tally import RATES
from citerefine.refiner.report.terminal_text import sanitise

WIDTH: Final = 13
"""Of the first column, in characters."""


def summary_lines(summary: Summary) -> list[str]:
    """The summary, one thing a line."""
    return [sanitise(line) for line in (*_rates(summary), *(f"{name:{WIDTH}}{text}" for name, text in _facts(summary)))]


def _rates(summary: Summary) -> Iterator[str]:
    yield f"{'':{WIDTH}}{'mean':7}{'95 % interval':18}all together"
    for name in RATES:
        mean, micro = getattr(summary, name), summary.micro.get(name)
        interval = _interval(summary.ci95.get(name))
        yield f"{'F1' if name == 'f1' else name:{WIDTH}}{_number(mean):7}{interval:18}{_number(micro)}"


def _facts(summary: Summary) -> Iterator[tuple[str, str]]:
    questions = _many(summary.questions, "question")
    yield "answers", f"{summary.n:,} of {_many(summary.rows, 'row')} scored, on {questions}"
    if summary.not_scored:
        yield "not scored", _reasons(summary.not_scored)
    if summary.refused:
        yield "refused", _reasons(summary.refused)
    yield "claims", f"{summary.claims:,} cited, {summary.uncited:,} without a citation that need one"
    yield "citations", f"{summary.invalid:,} of ids that no snippet has"
    yield "abstained", _many(summary.abstained, "answer")
    yield "not judged", f"{_many(summary.failed, 'unit')}, {_many(summary.masked, 'answer')} masked"
    yield "intervals", summary.interval
    yield "formula", summary.formula
    yield "judge", summary.judge or "none"
    yield from _agreement(summary)


def _agreement(summary: Summary) -> Iterator[tuple[str, str]]:
    if not summary.agreement:
        yield "agreement", "with people: never measured; run citerefine calibrate"
    for number, one in enumerate(summary.agreement):
        yield "agreement" if number == 0 else "", _measured(one)


def _measured(one: Agreement) -> str:
    figures = (("AUC", one.auc, one.auc_ci95), ("balanced accuracy", one.balanced_accuracy, one.balanced_accuracy_ci95))
    said = ", ".join(f"{name} {_number(value)} {_interval(ends)}".rstrip() for name, value, ends in figures)
    return f"with people on {one.labels} (n = {one.n:,}): {said}"


def _many(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _reasons(codes: Mapping[str, int]) -> str:
    return f"{_many(sum(codes.values()), 'row')}: " + ", ".join(f"{n:,} {code}" for code, n in codes.items())


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(ends: Interval | None) -> str:
    return "" if ends is None else f"[{ends[0]:.3f}, {ends[1]:.3f}]"
