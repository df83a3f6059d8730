"""One reader for labels: whoever measures a judge and whoever judges by labels understand the same."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.calibration.criterion_rows import read_criterion_row
from citerefine.judges.rubric.label_reading import read_label
from citerefine.judges.rubric.rubric_judge import GradeQuery
from citerefine.judges.rubric.table_rubric_judge import TableRubricJudge
from citerefine.refiner.batch.rows import BadRow
from citerefine.rubrics.criterion import Criterion, Level, Scale
from citerefine.rubrics.loading import read_rubric

PROMETHEUS = {"criteria": "Is it helpful?", **{f"score{n}_description": f"level {n}" for n in range(1, 6)}}
CHOICES = {"criteria": [{"name": "n", "text": "t", "weight": 1, "choices": ["0", "1", "2"]}]}
NUMERIC = Criterion(id="c", text="t", scale=Scale(kind="numeric", lo=0, hi=2))
BINARY = Criterion(id="c", text="t")
SHOUTED = Criterion(
    id="c", text="t", scale=Scale(kind="ordinal", levels=(Level(name="MET", value=0.2), Level(name="UNMET", value=1)))
)


def only(native: dict[str, Any]) -> Criterion:
    (criterion,) = read_rubric(native).leaves
    return criterion


@pytest.mark.parametrize(
    ("native", "values"),
    [(PROMETHEUS, {1: 0, 2: 0.25, 5: 1, "3": 0.5, 1.5: 0.125}), (CHOICES, {0: 0, 1: 0.5, 2: 1, "1": 0.5})],
)
def test_a_number_is_first_the_name_of_a_level_and_else_a_score_on_the_native_scale(
    native: dict[str, Any], values: dict[Any, float]
) -> None:
    assert {label: read_label(label, only(native)).value for label in values} == values


def test_the_name_of_a_level_weighs_more_than_its_place_between_the_ends() -> None:
    levels = (Level(name="1", value=0), Level(name="2", value=0.1), Level(name="3", value=1))
    criterion = Criterion(id="c", text="t", scale=Scale(kind="ordinal", lo=1, hi=3, levels=levels))
    assert read_label(2, criterion) == ("2", 0.1)


@pytest.mark.parametrize("label", [True, False, "MET", "yes", "unmet", 0.25, 6, "6", float("nan"), "nan", "1e0", ""])
def test_a_graded_scale_has_no_met_and_no_number_beyond_its_ends(label: object) -> None:
    with pytest.raises(ValueError, match="is not known; the scale has the levels 1, 2, 3, 4, 5, and goes from 1 to 5"):
        read_label(label, only(PROMETHEUS))


def test_a_level_may_be_called_like_a_verdict() -> None:
    assert [read_label(label, SHOUTED).value for label in ("MET", "met", "Unmet")] == [0.2, 0.2, 1.0]


def test_numbers_may_be_written_as_text() -> None:
    assert [read_label(label, NUMERIC) for label in ("1", " 1.5 ", 2)] == [("1", 0.5), ("1.5", 0.75), ("2", 1.0)]
    assert [read_label(label, BINARY) for label in ("1", 0, 0.5, "True")] == [
        ("MET", 1.0),
        ("UNMET", 0.0),
        ("0.5", 0.5),
        ("MET", 1.0),
    ]


@given(
    st.sampled_from([only(PROMETHEUS), only(CHOICES), NUMERIC, BINARY, SHOUTED]),
    st.booleans() | st.integers(-2, 6) | st.sampled_from(["1", "2", "MET", "no", "3.5", "x", 0.25, 10**400]),
)
def test_labels_mean_the_same_to_who_measures_and_to_who_judges_by_them(criterion: Criterion, label: Any) -> None:
    try:
        row = {"answer": "a b", "criterion": {"text": "t", "scale": criterion.scale.model_dump()}, "label": label}
        measured: float | None = read_criterion_row(row).criteria[0].labels[0]
    except BadRow:
        measured = None
    judge = TableRubricJudge(lambda query, asked: label)
    (cell,) = asyncio.run(judge.grade(GradeQuery("a b", (criterion,)))).cells
    assert cell.value == measured
