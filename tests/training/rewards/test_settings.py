"""Settings that cannot make a reward are refused, with what can."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from citerefine.training.rewards import RewardSettings


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"rubric": 0, "citation": 0, "format": 0}, "all weights are 0"),
        ({"rubric": -0.1}, "greater than or equal to 0"),
        ({"rubric": float("nan")}, "finite number"),
        ({"scale": 0}, "greater than 0"),
        ({"formula": "pos_nrm"}, "did you mean `pos_norm`"),
        ({"formula": "race_relative"}, "reference answer"),
        ({"imputation": "guess"}, "choose one of two_way"),
        ({"static_sets": ("citations",)}, "choose from citation"),
        ({"rubric_dropout": 1.0}, "less than 1"),
        ({"least_valid": 0}, "greater than 0"),
        ({"patience": float("inf")}, "finite number"),
        ({"rubrik": 1}, "Extra inputs"),
    ],
)
def test_what_makes_no_reward_is_refused(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        RewardSettings(**values)


def test_a_term_of_weight_0_is_no_term() -> None:
    assert RewardSettings(format=0, verification=10).weights == {"rubric": 0.5, "citation": 0.4, "verification": 10}


def test_settings_and_reward_load_without_torch_or_a_model_client() -> None:
    code = (
        "import sys; from citerefine.training.rewards import RewardSettings, RefinerReward; RefinerReward(); "
        "print([name for name in ('torch', 'trl', 'transformers', 'openai', 'math_verify') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
