"""A cited answer is verified if the reference stands in it, word for word."""

import asyncio

import pytest
from tests.training.rewards.rewarding import training_row

from citerefine.training.data.tasks import TASKS
from citerefine.training.rewards.maths import MathsGrader
from citerefine.training.rewards.parts import Absent, Missing, Scored
from citerefine.training.rewards.verifying import VERIFIERS, verify


def verified(gold: str | None, text: str) -> float | Missing | Absent:
    part = asyncio.run(verify(training_row(gold=gold), f"<answer>{text}</answer>", MathsGrader()))
    return part.value if isinstance(part, Scored) else part


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        ("Lake Orven", "It lies at <snippet id=S1>LAKE\n orven</snippet>."),
        ("no", "No: it does not."),
        ("p < 0.05", "It held (p &lt; 0.05)."),
        ("1,500", "There were 1500 of them."),
        ("−3 °C", "It was -3 °C."),
        ("Müller", "As Mu\u0308ller found."),
    ],
)
def test_case_space_and_signs_do_not_count(gold: str, text: str) -> None:
    assert verified(gold, text) == 1.0


@pytest.mark.parametrize(
    ("gold", "text"),
    [("no", "There is nothing to know."), ("1.5", "From 1 to 5."), ("-3", "It was 3."), ("5", "It was 15."), ("x", "")],
)
def test_a_part_of_a_word_or_of_a_number_is_no_match(gold: str, text: str) -> None:
    assert verified(gold, text) == 0.0


@pytest.mark.parametrize("gold", [None, "", "  "])
def test_a_row_without_reference_has_no_such_term(gold: str | None) -> None:
    assert isinstance(verified(gold, "Perch."), Absent)


def test_a_reference_without_a_word_is_missing_and_not_asked_again() -> None:
    part = verified("…", "Perch.")
    assert isinstance(part, Missing)
    assert not part.again


def test_every_kind_of_task_is_verified_somehow() -> None:
    assert all(callable(task.agrees) or task.agrees in VERIFIERS for task in TASKS.values())
