"""How a refiner works."""

import pytest
from pydantic import ValidationError

from citerefine.refiner.settings import OnInvalid, RefinerSettings
from citerefine.refiner.tags.grammar import MOST_CLAIMS


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


@pytest.mark.parametrize("values", [{"passes": 3}, {"max_claims": MOST_CLAIMS + 1}, {"deadline": 0}])
def test_values_out_of_range_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        RefinerSettings.model_validate(values)


def test_as_many_claims_as_a_grammar_can_name_are_allowed() -> None:
    assert RefinerSettings(max_claims=MOST_CLAIMS).max_claims == MOST_CLAIMS
