"""Mathematical problems are read as published sets have them; rows of our own stay as they are."""

from typing import Any

import pytest
from tests.training.data.sources import lake_values

from citerefine.refiner.batch.rows import BadRow
from citerefine.training.data.problem_rows import from_problem
from citerefine.training.data.row_reading import read_row


@pytest.mark.parametrize(
    ("values", "gold"),
    [
        ({"problem": "What is 6 x 7?", "answer": "42", "solution": "…"}, "42"),
        ({"problem": "What is 6 x 7?", "answer": 42}, "42"),
        ({"problem": "What is 6 x 7?", "solution": r"It is \boxed{42}.", "level": "Level 1"}, r"It is \boxed{42}."),
        ({"problem": "What is 6 x 7?", "solution": "6 x 7 = 42\n#### 42"}, "42"),
        ({"question": "What is 6 x 7?", "answer": "6 x 7 = <<6*7=42>>42\n#### 42"}, "42"),
        ({"problem": "What is 6 x 7?", "answer": "42", "unique_id": "test/1"}, "42"),
    ],
    ids=["MATH-500", "AIME", "MATH", "marked solution", "GSM8K", "unique_id"],
)
def test_problems_of_published_sets_are_read_as_they_are(values: dict[str, Any], gold: str) -> None:
    row = read_row(values)
    assert (row.task, row.question, row.gold) == ("maths", "What is 6 x 7?", gold)
    assert row.id == values.get("unique_id", "line-1")
    assert row.answer is None


def test_a_solution_without_a_box_or_a_mark_holds_no_reference_answer() -> None:
    row = read_row({"problem": "What is 6 x 7?", "solution": "no box here"})
    assert (row.task, row.gold) == ("maths", None)


def test_rows_of_our_own_stay_as_they_are() -> None:
    assert read_row(lake_values(0, answer="<answer>See #### 3</answer>", problem="odd")).task == "cited"
    assert read_row({"question": "1 + 2?", "gold": 3, "task": "maths", "answer": r"\boxed{3}"}).answer == r"\boxed{3}"


def test_what_is_neither_is_left_to_whoever_reads_rows() -> None:
    question = {"question": "What is 6 x 7?", "answer": "42, and not ####"}
    assert from_problem(question) == question
    with pytest.raises(BadRow, match="neither snippets nor tool_output"):
        read_row(question)
    bad = BadRow("invalid_json", "no")
    assert from_problem(bad) is bad
    with pytest.raises(BadRow, match="question"):
        read_row({"problem": {"text": "What?"}, "answer": "1"})
