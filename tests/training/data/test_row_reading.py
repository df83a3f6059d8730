"""What a training row may say, and what is told of a row that cannot be trained on."""

from typing import Any

import pytest
from tests.training.data.sources import lake_row, lake_values

from citerefine.refiner.batch.rows import BadRow, Row
from citerefine.refiner.records import Mode
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import REFUSALS, RefusedRow, RowReader, read_row
from citerefine.training.data.row_values import row_values


def test_a_row_is_a_request_with_what_an_answer_is_judged_by() -> None:
    row = lake_row(
        positive_rubrics=["Says that perch doubled."],
        negative_rubrics=[{"title": "Pike", "description": "Claims that pike vanished.", "weight": 2}],
        gold="yes",
        answer="<answer><snippet id=perch-0>Perch doubled.</snippet></answer>",
        answerable=True,
        reasoning="I searched for perch.",
    )
    assert row.rubric is not None
    assert [criterion.is_negative for criterion in row.rubric.leaves] == [False, True]
    assert (row.gold, row.answerable, row.task, row.mode) == ("yes", True, "cited", Mode.ANSWER_ONLY)
    assert row.request.evidence.alias("ice-0") == "S2"
    assert row.request.reasoning == "I searched for perch."


def test_evidence_may_be_raw_tool_output() -> None:
    values = lake_values(0, tool_output="<snippet id=a>\nTitle: T\nText: Perch doubled.\n</snippet>")
    del values["snippets"]
    assert read_row(values).evidence.snippets[0].text == "Perch doubled."


@pytest.mark.parametrize(
    "rubrics",
    [
        {"rubrics": ["Says that perch doubled."]},
        {"rubrics": [{"description": "Says that perch doubled.", "weight": 2, "title": "Perch"}]},
        {"rubrics": {"rubrics": [{"criterion": "Says that perch doubled.", "points": 5, "tags": []}]}},
        {"positive_rubrics": ["Says that perch doubled."], "negative_rubrics": []},
    ],
    ids=["strings", "seed", "healthbench", "lists"],
)
def test_rubrics_come_in_any_format(rubrics: dict[str, Any]) -> None:
    rubric = lake_row(**rubrics).rubric
    assert rubric is not None
    assert [criterion.text for criterion in rubric.leaves] == ["Says that perch doubled."]


def test_mathematics_has_no_evidence_and_may_give_its_result_as_a_number() -> None:
    row = read_row({"id": 1, "question": "What is 2 + 2?", "gold": 4, "task": "maths"})
    assert (row.id, row.gold, row.task, len(row.evidence)) == ("1", "4", "maths", 0)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.00001, "0.00001"),
        (1e16, "10000000000000000"),
        (-2.5e-7, "-0.00000025"),
        (0.1, "0.1"),
        (3.0, "3.0"),
        (10**30, "1" + "0" * 30),
    ],
)
def test_a_number_is_written_out_so_that_no_exponent_is_taken_for_its_value(number: float, text: str) -> None:
    assert read_row({"id": 1, "question": "How much?", "gold": number, "task": "maths"}).gold == text


@pytest.mark.parametrize(
    ("change", "code", "word"),
    [
        ({"question": " "}, "no_question", "question"),
        ({"snippets": None}, "bad_snippets", "neither"),
        ({"positive_rubrics": "Says something."}, "bad_rubric", "mend it"),
        ({"rubrics": ["A"], "positive_rubrics": ["B"]}, "bad_rubric", "keep one"),
        ({"task": "poems"}, "bad_task", "poems"),
        ({"task": "maths"}, "bad_task", "leave them out"),
        ({"gold": ["yes"]}, "bad_gold", "gold"),
        ({"gold": float("nan")}, "bad_gold", "gold: nan is no answer"),
        ({"gold": float("-inf")}, "bad_gold", "gold: -inf is no answer"),
        ({"answerable": "perhaps"}, "bad_gold", "answerable"),
        ({"mode": "loud"}, "bad_field", "mode"),
    ],
)
def test_a_row_that_cannot_be_trained_on_says_why(change: dict[str, Any], code: str, word: str) -> None:
    with pytest.raises(BadRow) as refused:
        read_row(lake_values(0, **change))
    assert refused.value.code == code
    assert code in REFUSALS
    assert word in str(refused.value)


def test_the_second_row_of_an_id_is_refused_with_its_line() -> None:
    reader = RowReader()
    assert isinstance(reader.read(Row(1, 0, lake_values(0))), TrainingRow)
    again = reader.read(Row(7, 0, lake_values(0)))
    assert isinstance(again, RefusedRow)
    assert (again.line, again.id, again.code) == (7, "q0", "duplicate_id")


@pytest.mark.parametrize(
    "row",
    [
        lake_row(),
        lake_row(positive_rubrics=["Says so."], negative_rubrics=["Lies."], gold="yes", mode="think", answerable=False),
        lake_row(rubrics={"rubrics": [{"criterion": "Says so.", "points": 5, "tags": []}]}, reasoning="Thought."),
        lake_row(answer="<answer>Nothing.</answer>"),
        read_row({"id": "m", "question": "2 + 2?", "gold": "4", "task": "maths"}),
    ],
    ids=["bare", "lists", "healthbench", "answer", "maths"],
)
def test_what_is_written_of_a_row_reads_as_the_same_row(row: TrainingRow) -> None:
    assert read_row(row_values(row)) == row
    assert TrainingRow.model_validate_json(row.model_dump_json()) == row
