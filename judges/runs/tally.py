"""Adds up a run, row by row, in memory that a million rows do not fill.

In: `Figures`, what a row adds. Out: `Summary`. Kept of each row with figures: four numbers, 32 bytes, which resampling
by question needs. Not here: resampling (statistics/), scoring.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Sequence
from math import fsum
from typing import Final, NamedTuple

from citerefine.judges.citation_score import Totals
from citerefine.judges.metric import harmonic_mean
from citerefine.judges.runs.run_rows import REFUSALS
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.runs.summary import Agreement, Interval, Summary
from citerefine.refiner.records import normalised

MAX_SAID: Final = 300
"""Longest part of a reason that is kept, in code points."""
RATES: Final = ("precision", "recall", "f1")
_UNASKED: Final = "no_figures"
_COUNTED: Final = ("n_claims", "n_invalid", "n_uncited", "n_abstained", "n_failed", "masked", "without_citations")


class Figures(NamedTuple):
    """What one score row adds to a summary."""

    rates: tuple[float, float, float] | None
    """Precision, recall, F1; None if one of them is."""
    question: int
    """64 bits that stand for the question, or for the row where it has none: rows of one question are resampled
    together."""
    why_not: str
    """Code of the reason why there are no rates; empty if there are."""
    score: float | None
    totals: Totals | None
    n_claims: int
    n_invalid: int
    n_uncited: int
    n_abstained: int
    n_failed: int
    masked: bool
    form: str | None
    """None if the row has no answer."""
    issues: tuple[str, ...]
    """Codes, each as often as it occurs."""
    failures: tuple[str, ...]
    """Codes, one for each unit without a verdict."""
    failed: str
    """What is said of the first of these units; empty if there is none."""
    without_citations: bool
    """Whether it has text, does not abstain, and no citation was found in it."""


def figures_of(row: ScoreRow) -> Figures:
    """What a row adds."""
    rates = (row.precision, row.recall, row.f1)
    known = None if None in rates else rates
    code = row.error.code if row.error is not None else row.reason.partition(":")[0]
    return Figures(
        rates=known,  # type: ignore[arg-type]  # None was looked for
        question=_question_key(row),
        why_not="" if known else code or _UNASKED,
        score=row.score,
        totals=row.totals,
        n_claims=row.n_claims,
        n_invalid=row.n_invalid or 0,
        n_uncited=row.n_uncited,
        n_abstained=row.n_abstained,
        n_failed=row.n_failed,
        masked=row.masked,
        form=None if row.error is not None else row.form,
        issues=tuple(issue.code for issue in row.issues),
        failures=tuple(unit.failure for unit in row.units if unit.failure),
        failed=next((unit.explanation[:MAX_SAID] for unit in row.units if unit.failure), ""),
        without_citations=bool(row.units) and not row.n_claims and not row.n_abstained,
    )


def _question_key(row: ScoreRow) -> int:
    question = normalised(row.question)
    known_by = f"question {question}" if question else f"id {row.id!r}" if row.id is not None else f"line {row.line}"
    return int.from_bytes(hashlib.sha256(known_by.encode()).digest()[:8], "big")


class Tally:
    """What the rows of one run, scored by one formula, add up to so far."""

    def __init__(self, formula: str) -> None:
        self._formula = formula
        self._rates = {name: array("d") for name in RATES}
        self._questions = array("Q")
        self._scores: list[float] = [0.0, 0.0]
        """Sum, and how many."""
        self._totals = [0.0, 0.0, 0.0, 0.0]
        self._has_totals = False
        self._counts = Counter[str]()
        self._not_scored, self._refused = Counter[str](), Counter[str]()
        self._issues, self._issue_answers, self._forms = Counter[str](), Counter[str](), Counter[str]()
        self._failures = Counter[str]()
        self._failed = ""

    def add(self, row: Figures) -> None:
        """Takes one row in."""
        self._counts["rows"] += 1
        if row.rates is not None:
            for values, rate in zip(self._rates.values(), row.rates, strict=True):
                values.append(rate)
            self._questions.append(row.question)
            self._add_totals(row.totals)
        else:
            (self._refused if row.why_not in REFUSALS else self._not_scored)[row.why_not] += 1
        if row.score is not None:
            self._scores = [self._scores[0] + row.score, self._scores[1] + 1]
        if row.form is not None:
            self._forms[row.form] += 1
        self._issues.update(row.issues)
        self._issue_answers.update({*row.issues})
        self._failures.update(row.failures)
        self._failed = self._failed or row.failed
        for name in _COUNTED:
            self._counts[name] += int(getattr(row, name))

    def _add_totals(self, totals: Totals | None) -> None:
        if totals is not None:
            self._has_totals = True
            added = (totals.value, totals.citations, totals.supported, totals.needed)
            self._totals = [so_far + one for so_far, one in zip(self._totals, added, strict=True)]

    @property
    def failed(self) -> int:
        """Units that the judge came to no verdict on, so far."""
        return self._counts["n_failed"]

    def summary(self, judge: str | None, agreement: Sequence[Agreement] = ()) -> Summary:
        """What it all adds up to.

        Args:
            judge: name of the judge.
            agreement: how far this judge agrees with people.
        """
        n, counts = len(self._questions), self._counts
        ci95, interval = self._intervals()
        return Summary(
            n=n,
            rows=counts["rows"],
            questions=len(set(self._questions)),
            **{name: fsum(values) / n if n else None for name, values in self._rates.items()},
            score=self._scores[0] / self._scores[1] if self._scores[1] else None,
            ci95=ci95,
            interval=interval,
            micro=self._micro(),
            claims=counts["n_claims"],
            invalid=counts["n_invalid"],
            uncited=counts["n_uncited"],
            abstained=counts["n_abstained"],
            failed=counts["n_failed"],
            masked=counts["masked"],
            not_scored=_sorted(self._not_scored),
            refused=_sorted(self._refused),
            failures=_sorted(self._failures),
            failure_example=self._failed,
            issues=_sorted(self._issues),
            issue_answers=_sorted(self._issue_answers),
            without_citations=counts["without_citations"],
            forms=_sorted(self._forms),
            judge=judge,
            agreement=tuple(agreement),
            formula=self._formula,
        )

    def _intervals(self) -> tuple[dict[str, Interval | None], str]:
        """The interval of each rate, and how they were made or why there are none."""
        from citerefine.judges.statistics.intervals import mean_intervals

        estimates = mean_intervals(self._rates, self._questions)
        f1 = estimates["f1"]
        how = f"95 %, {f1.description}" if f1.description else f"none: {f1.reason}"
        return {name: estimates[name].ci95 for name in RATES}, how

    def _micro(self) -> dict[str, float | None]:
        if not self._has_totals:
            return dict.fromkeys(RATES)
        value, citations, supported, needed = self._totals
        precision = value / citations if citations else 0.0
        recall = supported / needed if needed else 0.0
        return {"precision": precision, "recall": recall, "f1": harmonic_mean(precision, recall)}


def _sorted(counter: Counter[str]) -> dict[str, int]:
    """Most frequent first, and so the same whatever the order of the rows."""
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))
