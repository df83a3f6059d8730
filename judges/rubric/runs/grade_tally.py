"""Adds up a run of grading, row by row, in memory that a million rows do not fill.

In: grade rows with their tasks, and rows that were not graded. Out: `GradeSummary`. Kept of each row with a score: four
numbers, 32 bytes, which resampling by question and equal sums in any order need. Not here: resampling (statistics/).
"""

import hashlib
from array import array
from collections import Counter
from math import fsum
from typing import Final

import numpy as np

from citerefine.judges.rubric.cell import Status
from citerefine.judges.rubric.runs.grade_row import CellRow, GradeRow
from citerefine.judges.rubric.runs.grade_summary import CriterionSummary, GradeSummary
from citerefine.judges.rubric.runs.grade_task import GradeTask
from citerefine.judges.runs.run_rows import REFUSALS
from citerefine.judges.runs.summary import Interval
from citerefine.refiner.records import Usage, normalised
from citerefine.rubrics.criterion import Criterion

MOST_CRITERIA: Final = 1_000
"""So many different criteria are counted one by one."""
MOST_KEYS: Final = 20
"""So many rubrics are named."""
MAX_TEXT: Final = 600
"""Longest part of a criterion's text, or of a reason, that is kept, in code points."""
CLIPPED_AT_THE_END: Final = frozenset({"pos_norm"})
"""Formulas whose benchmarks clip the mean, and no single score."""


class _Counts:
    """One criterion so far."""

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion
        self.values = 0.0
        self.answers = self.n = self.failed = self.abstained = 0

    def add(self, cell: CellRow) -> None:
        self.answers += 1
        self.failed += cell.status is Status.FAILED
        self.abstained += cell.status is Status.ABSTAIN
        if cell.value is not None:
            self.n += 1
            self.values += cell.value

    def summary(self) -> CriterionSummary:
        one = self.criterion
        return CriterionSummary(
            key=one.key,
            criterion=one.id,
            title=one.title[:MAX_TEXT],
            text=one.text[:MAX_TEXT],
            polarity=one.polarity.value,
            origin=one.origin,
            answers=self.answers,
            n=self.n,
            met=round(self.values / self.n, 12) if self.n else None,  # sums in any order agree to that
            failed=self.failed,
            abstained=self.abstained,
        )


def goodness(criterion: CriterionSummary) -> tuple[float, str, str]:
    """What criteria are sorted by, the worst first: how far they are met, of faults how far absent."""
    met = 2.0 if criterion.met is None else criterion.met
    good = 1 - met if criterion.polarity == "negative" and criterion.met is not None else met
    return good, criterion.criterion, criterion.key


class GradeTally:
    """What the rows of one run add up to so far."""

    def __init__(self) -> None:
        self._lines, self._scores, self._questions = array("Q"), array("d"), array("Q")
        self._rubrics = array("Q")
        self._coverage = array("d")
        self._criteria = dict[str, _Counts]()
        self._left_out = 0
        self._statuses, self._failures, self._gated = Counter[str](), Counter[str](), Counter[str]()
        self._not_graded, self._refused, self._formulas = Counter[str](), Counter[str](), Counter[str]()
        self._failed: tuple[int, str] | None = None
        self._usage: Usage | None = None
        self._rows = 0

    def add(self, task: GradeTask, row: GradeRow) -> None:
        """Takes in an answer that was graded."""
        self._rows += 1
        self._formulas[row.formula] += 1
        self._rubrics.append(int(row.rubric, 16))
        self._coverage.append(row.coverage)
        if row.gate:
            self._gated[row.gate] += 1
        if row.usage is not None:
            self._usage = row.usage if self._usage is None else self._usage + row.usage
        self._add_cells(task, row)
        if row.score is None:
            self._not_graded[row.reason.partition(":")[0]] += 1
            return
        self._lines.append(task.line)
        self._scores.append(row.score)
        self._questions.append(_question_key(task))

    def _add_cells(self, task: GradeTask, row: GradeRow) -> None:
        criteria = {criterion.id: criterion for criterion in task.rubric.judged}
        for cell in row.cells:
            self._statuses[cell.status.value] += 1
            if cell.failure:
                self._failures[cell.failure] += 1
                if self._failed is None or task.line < self._failed[0]:
                    self._failed = (task.line, cell.reason[:MAX_TEXT])
            criterion = criteria.get(cell.criterion)
            if criterion is None:
                continue
            if criterion.key not in self._criteria and len(self._criteria) >= MOST_CRITERIA:
                self._left_out += 1
            else:
                self._criteria.setdefault(criterion.key, _Counts(criterion)).add(cell)

    def skip(self, code: str) -> None:
        """Takes in a row that was not graded."""
        self._rows += 1
        (self._refused if code in REFUSALS else self._not_graded)[code] += 1

    @property
    def failed(self) -> int:
        """Cells without a verdict, so far."""
        return self._failures.total()

    def summary(self, judge: str) -> GradeSummary:
        """What it all adds up to; `judge` is the judge's name."""
        n = len(self._scores)
        mean = fsum(self._scores) / n if n else None
        clips = mean is not None and {*self._formulas} <= CLIPPED_AT_THE_END
        ci95, interval = self._interval()
        keys = sorted({*self._rubrics})
        return GradeSummary(
            n=n,
            rows=self._rows,
            questions=len({*self._questions}),
            score=mean,
            clipped=min(1.0, max(0.0, mean)) if clips and mean is not None else None,
            ci95=ci95,
            interval=interval,
            coverage=fsum(self._coverage) / len(self._coverage) if self._coverage else None,
            criteria=tuple(sorted((counts.summary() for counts in self._criteria.values()), key=goodness)),
            criteria_left_out=self._left_out,
            cells=_sorted(self._statuses),
            failures=_sorted(self._failures),
            failure_example=self._failed[1] if self._failed else "",
            gated=_sorted(self._gated),
            not_graded=_sorted(self._not_graded),
            refused=_sorted(self._refused),
            usage=self._usage,
            judge=judge,
            formulas=_sorted(self._formulas),
            rubrics=len(keys),
            rubric_keys=tuple(f"{key:016x}" for key in keys[:MOST_KEYS]),
        )

    def _interval(self) -> tuple[Interval | None, str]:
        """The interval of the mean, and how it was made or why there is none."""
        from citerefine.judges.statistics.intervals import mean_intervals

        order = np.argsort(np.asarray(self._lines), kind="stable")  # the same, in whichever order rows were done
        scores, questions = np.asarray(self._scores)[order], np.asarray(self._questions, dtype=np.uint64)[order]
        estimate = mean_intervals({"score": scores}, questions)["score"]
        how = f"95 %, {estimate.description}" if estimate.description else f"none: {estimate.reason}"
        return estimate.ci95, how


def _question_key(task: GradeTask) -> int:
    question = normalised(task.question)
    known_by = f"question {question}" if question else f"id {task.id!r}" if task.id is not None else f"line {task.line}"
    return int.from_bytes(hashlib.sha256(known_by.encode()).digest()[:8], "big")


def _sorted(counter: Counter[str]) -> dict[str, int]:
    """Most frequent first, and so the same whatever the order of the rows."""
    return dict(sorted(counter.items(), key=lambda item: (-item[1], item[0])))
