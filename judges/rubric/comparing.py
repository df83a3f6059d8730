"""Pairs two files of grade rows by id, and works out by how much the scores differ.

In: what `grade --out` wrote, twice. Out: `GradeComparison`: one metric, the score, with the statistics of `compare`.
Scores of two judges or formulas are not of one kind: files that differ in these are refused, and ids that stand for
other questions or rubrics are not paired. Not here: score rows (judges/runs/comparing.py), showing it (app/).
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from pydantic import ValidationError

from citerefine.judges.rubric.runs.grade_row import GradeRow
from citerefine.judges.runs.comparison import MetricComparison
from citerefine.judges.statistics.clusters import Clusters, Floats, cluster_key
from citerefine.judges.statistics.paired import compare_paired
from citerefine.judges.statistics.power import questions_needed
from citerefine.refiner.batch.rows import BadRow, opened_rows, read_rows
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Record, Text, normalised

Place = Literal["both", "a", "b", "other_question", "other_rubric"]
EQUAL: Final = 1e-9
"""Scores that differ by less are the same."""


class GradeSide(Record):
    """One of the two files."""

    name: Text
    rows: int
    """Rows with an id that were graded or refused."""
    judge: Text | None
    """None if several judged (`--any-judge`)."""
    formula: Text | None
    no_score: dict[str, int]
    """Why rows have no score: code → rows."""


class GradeComparison(Record):
    """Two graded runs. Differences are B minus A."""

    a: GradeSide
    b: GradeSide
    pairs: int
    """Ids that both files have, with the same question and rubric."""
    metrics: tuple[MetricComparison, ...]
    """The score, over pairs in which both sides have one."""
    better: int
    worse: int
    same: int
    without: int
    """Pairs in which a side has no score."""
    only_a: int
    only_b: int
    other_question: int
    """Ids that stand for different questions: not paired."""
    other_rubric: int
    """Ids that were graded by different rubrics: not paired."""


class Graded(NamedTuple):
    """What of a grade row is compared."""

    id: str | int
    question: str
    score: float | None
    rubric: str
    judge: str
    formula: str
    why: str
    """Code of why there is no score."""


class GradedFile(NamedTuple):
    """The grade rows of a file by id."""

    name: str
    rows: dict[str | int, Graded]

    def named(self, field: str) -> list[str]:
        """The different judges or formulas of rows with a score."""
        return sorted({getattr(row, field) for row in self.rows.values() if row.score is not None})


def read_grades(path: Path) -> GradedFile:
    """The grade rows of a file. Raises InputError if it cannot be read, or a row is not one or has no id of its own."""
    rows = dict[str | int, Graded]()
    with opened_rows(path, "grade rows") as file:
        for line, _, values in read_rows(file):
            try:
                row = _graded(values)
                if row is None:
                    continue
                if row.id in rows:
                    raise BadRow("duplicate_id", f"an earlier row has the id {str(row.id)[:60]!r}; give each its own")
            except BadRow as reason:
                raise InputError(f"{path}, line {line}: {reason}") from None
            rows[row.id] = row
    return GradedFile(str(path), rows)


def _graded(values: dict[str, Any] | BadRow) -> Graded | None:
    """The row; None if it only says of a row of the run that it could not be told from others."""
    if isinstance(values, BadRow):
        raise values
    try:
        row = GradeRow.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise BadRow("no_grade_row", f"{place}: {problem['msg']}; it is no row of `citerefine grade --out`") from None
    if row.error is not None and (row.id is None or row.error.code == "duplicate_id"):
        return None
    if row.id is None:
        raise BadRow(
            "no_id", "it has no id, by which it is paired; give the rows of both runs ids, and grade them anew"
        )
    why = "" if row.score is not None else row.reason.partition(":")[0]
    return Graded(row.id, normalised(row.question), row.score, row.rubric, row.judge, row.formula, why)


def places(a: GradedFile, b: GradedFile) -> Iterator[tuple[Place, Graded | None, Graded | None]]:
    """Each id, those of A first, with its row in A, in B, or in both."""
    for id, one in a.rows.items():
        other = b.rows.get(id)
        if other is None:
            yield "a", one, None
        elif one.question and other.question and one.question != other.question:
            yield "other_question", one, other
        elif one.rubric and other.rubric and one.rubric != other.rubric:
            yield "other_rubric", one, other
        else:
            yield "both", one, other
    for id, other in b.rows.items():
        if id not in a.rows:
            yield "b", None, other


def compare_grades(a: GradedFile, b: GradedFile, *, any_judge: bool = False) -> GradeComparison:
    """What B scores otherwise than A.

    Raises:
        InputError: if judges or formulas differ and `any_judge` is not set, or no pair has scores on both sides.
    """
    if not any_judge:
        for field in ("judge", "formula"):
            _refuse_others(a, b, field)
    placed = list(places(a, b))
    count = Counter(place for place, _, _ in placed)
    pairs = [(one, other) for place, one, other in placed if place == "both" and one and other]
    scores = np.array([[np.nan if row.score is None else row.score for row in pair] for pair in pairs]).reshape(-1, 2)
    gap_N = scores[:, 1] - scores[:, 0]
    if not np.isfinite(gap_N).any():
        raise InputError(
            f"nothing can be compared: {len(pairs)} ids are in both {a.name} and {b.name} with the same question and "
            f"rubric ({count['other_question']} with another question, {count['other_rubric']} with another rubric), "
            "and none of them has a score in both; grade answers to the same rows by the same rubrics"
        )
    clusters_N = [cluster_key(one.question or other.question or str(one.id)) for one, other in pairs]
    return GradeComparison(
        a=_side(a),
        b=_side(b),
        pairs=len(pairs),
        metrics=(_score(scores, clusters_N),),
        better=int((gap_N > EQUAL).sum()),
        worse=int((gap_N < -EQUAL).sum()),
        same=int((np.abs(gap_N) <= EQUAL).sum()),
        without=int(np.isnan(gap_N).sum()),
        only_a=count["a"],
        only_b=count["b"],
        other_question=count["other_question"],
        other_rubric=count["other_rubric"],
    )


def _score(scores: Floats, clusters_N: Clusters) -> MetricComparison:
    columns_a, columns_b = {"score": scores[:, 0]}, {"score": scores[:, 1]}
    one = compare_paired(columns_a, columns_b, clusters_N)["score"]
    difference = one.difference
    needed = None if one.sd is None or difference.value is None else questions_needed(one.sd, difference.value)
    return MetricComparison(
        metric="score",
        mean_a=one.mean_a,
        mean_b=one.mean_b,
        difference=difference.value,
        ci95=difference.ci95,
        interval=f"95 %, {difference.description}" if difference.ci95 else f"none: {difference.reason}",
        p=one.p,
        p_holm=one.p,
        sd=one.sd,
        detectable=one.detectable,
        questions_needed=needed,
        n=difference.n,
        questions=difference.clusters,
    )


def _refuse_others(a: GradedFile, b: GradedFile, field: str) -> None:
    found = sorted({*a.named(field), *b.named(field)})
    if len(found) > 1:
        raise InputError(
            f"{a.name} and {b.name} have scores of {len(found)} {field}s, {found[0][:120]!r} and {found[1][:120]!r}: "
            "what differs would be these as much as the answers; grade both alike, or compare them all the same with "
            "--any-judge"
        )


def _side(file: GradedFile) -> GradeSide:
    judges, formulas = file.named("judge"), file.named("formula")
    return GradeSide(
        name=file.name,
        rows=len(file.rows),
        judge=judges[0] if len(judges) == 1 else None,
        formula=formulas[0] if len(formulas) == 1 else None,
        no_score=dict(Counter(row.why for row in file.rows.values() if row.score is None).most_common()),
    )
