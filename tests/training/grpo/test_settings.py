"""Settings that do not go together are refused, each with what to set."""

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from citerefine.training.errors import RecipeError
from citerefine.training.grpo.settings import AlgorithmSettings, SftSettings
from citerefine.training.grpo.shapes import step_shape


def settings(**values: Any) -> AlgorithmSettings:
    return AlgorithmSettings.model_validate(values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"micro_rows": 3}, "micro_rows must divide group_size = 8"),
        ({"micro_rows": 4, "micro_groups": 2}, "with micro_groups = 1"),
        ({"prompts_per_step": 30, "updates_per_rollout": 4}, "multiple of micro_groups × updates_per_rollout = 1 × 4"),
        ({"refill": True}, "refill and refill_tokens belong together"),
        ({"refill_tokens": 5}, "refill and refill_tokens belong together"),
        ({"rollout": "vllm_server"}, "vllm_url is the address"),
        ({"vllm_url": "http://a:1"}, "vllm_url is the address"),
        ({"shared_prefix": "on", "micro_rows": 4}, "shared_prefix needs whole groups"),
        ({"group_size": 1}, "greater than or equal to 2"),
        ({"learningrate": 1}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(**values)


def test_prompts_are_shared_where_that_is_possible_unless_settings_say_otherwise() -> None:
    assert settings().shared_prefix == "auto"
    assert settings(micro_rows=4).shared_prefix == "auto"  # shared in each pass


def test_all_weights_and_small_matrices_are_not_trained_at_once() -> None:
    with pytest.raises(ValidationError, match="all_weights = true leaves no small matrices to train"):
        SftSettings.model_validate({"all_weights": True, "lora": {"rank": 2}})


def test_the_seed_recipe_is_one_group_a_pass() -> None:
    shape = step_shape(settings(prompts_per_step=32, group_size=8), processes=4)
    assert shape._asdict() == {"groups": 8, "rows_per_pass": 8, "passes_per_update": 8, "passes_per_rollout": 8}


def test_a_rollout_of_several_updates_and_passes_of_part_of_a_group() -> None:
    shape = step_shape(settings(prompts_per_step=32, group_size=8, updates_per_rollout=4, micro_rows=2), processes=2)
    assert shape._asdict() == {"groups": 16, "rows_per_pass": 2, "passes_per_update": 16, "passes_per_rollout": 64}


@pytest.mark.parametrize("processes", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("values", [{}, {"micro_groups": 2}, {"micro_rows": 4}, {"updates_per_rollout": 2}])
def test_each_process_has_whole_groups_and_all_have_all(processes: int, values: dict[str, Any]) -> None:
    chosen = settings(prompts_per_step=16, **values)
    try:
        shape = step_shape(chosen, processes)
    except RecipeError:
        assert 16 % (processes * chosen.updates_per_rollout * chosen.micro_groups)
        return
    assert shape.groups * processes == 16
    assert shape.passes_per_rollout * shape.rows_per_pass == shape.groups * chosen.group_size
    assert shape.passes_per_update * chosen.updates_per_rollout == shape.passes_per_rollout


def test_prompts_that_cannot_be_shared_out_name_a_number_that_can() -> None:
    with pytest.raises(RecipeError, match="set prompts_per_step = 36 or 30, or micro_groups = 1"):
        step_shape(settings(prompts_per_step=32), processes=6)
    with pytest.raises(RecipeError, match="set prompts_per_step = 6, or micro_groups = 1"):
        step_shape(settings(prompts_per_step=4), processes=6)


def test_settings_need_no_torch() -> None:
    code = (
        "import sys, citerefine.training.grpo.shapes, citerefine.training.grpo.checkpoints;"
        "assert not {'torch', 'trl', 'transformers'} & {*sys.modules}, 'torch'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sft_settings_are_checked_too() -> None:
    with pytest.raises(ValidationError):
        SftSettings.model_validate({"epochs": 0})
