"""Writes a summary for people who look at a terminal.

In: `Summary`. Out: lines of text. Names in it come from files, and are shown without control characters. Not here:
JSON, pages.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from citerefine.judges.runs.summary import MANY_REFUSED, Agreement, Interval, Summary
from citerefine.judges.runs.tally import RATES
from citerefine.refiner.report.terminal_text import sanitise

WIDTH: Final = 13
"""Of the first column, in characters."""
MOST_ISSUES: Final = 5
"""So many kinds are named."""


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
    why = f" ({_counts(summary.failures)})" if summary.failures else ""
    yield "not judged", f"{_many(summary.failed, 'unit')}{why}, {_many(summary.masked, 'answer')} masked"
    if summary.forms:
        yield "forms", _counts(summary.forms)
    if summary.issues:
        yield "issues", _issues(summary.issues)
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
    refused = f"; {one.refused:,} of {one.rows:,} rows refused" if one.refused > MANY_REFUSED * one.rows else ""
    auc = f"AUC {_number(one.auc)} {_interval(one.auc_ci95) or '(too few for an interval)'}"
    return f"with people on {one.labels} (n = {one.n:,}{refused}): {auc}{_of_labels(one)}"


def _of_labels(one: Agreement) -> str:
    """What the labels do that precision and recall are made of; nothing if it is not known."""
    if one.kappa is None and one.missed is None and one.wrongly_full is None:
        return ""
    kappa = "–" if one.kappa is None else f"{one.kappa:.2f}"
    return f", labels: kappa {kappa}, misses {_percent(one.missed)}, wrongly full {_percent(one.wrongly_full)}"


def _many(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _reasons(codes: Mapping[str, int]) -> str:
    return f"{_many(sum(codes.values()), 'row')}: " + ", ".join(f"{n:,} {code}" for code, n in codes.items())


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())


def _issues(issues: Mapping[str, int]) -> str:
    """The most frequent, and how many other kinds there are."""
    rest = len(issues) - MOST_ISSUES
    return _counts(dict(list(issues.items())[:MOST_ISSUES])) + (f", {_many(rest, 'other kind')}" if rest > 0 else "")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(ends: Interval | None) -> str:
    return "" if ends is None else f"[{ends[0]:.3f}, {ends[1]:.3f}]"
