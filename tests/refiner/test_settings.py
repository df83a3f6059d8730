"""How a refiner works."""

import pytest
from pydantic import ValidationError

from citerefine.refiner.settings import OnInvalid, RefinerSettings


@pytest.mark.parametrize(
    ("policy", "repairs", "last"),
    [
        ("repair", True, "mark"), ("mark", False, "mark"), ("drop", False, "drop"), ("raise", False, "raise"),
        ("repair,drop", True, "drop"), ("repair,raise", True, "raise"),
    ],
)  # fmt: skip
def test_a_policy_says_whether_to_repair_and_what_then(policy: str, repairs: bool, last: str) -> None:
    assert (OnInvalid(policy).repairs, OnInvalid(policy).last_resort) == (repairs, last)


def test_budgets_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValidationError, match="exceed total_tokens 8192"):
        RefinerSettings(prompt_tokens=8000)
    assert RefinerSettings(prompt_tokens=8000, total_tokens=16384).answer_tokens == 1024


def test_more_than_two_passes_are_refused() -> None:
    with pytest.raises(ValidationError):
        RefinerSettings(passes=3)
