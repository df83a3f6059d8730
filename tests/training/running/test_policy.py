"""How weights are held while they are trained: small updates must not vanish."""

import pytest
import torch

from citerefine.training.recipes.reading import load_recipe
from citerefine.training.running.policy import in_four_bytes, weight_type


@pytest.mark.parametrize(
    ("sets", "imitated", "rewarded"),
    [
        ((), torch.bfloat16, torch.bfloat16),  # the matrices of the recipe in both
        (("sft.all_weights=true",), torch.float32, torch.bfloat16),
        (("train.lora=none",), torch.float32, torch.float32),
        (("train.lora=none", "sft.lora.rank=8"), torch.bfloat16, torch.float32),
        (("sft.bf16=false",), torch.float32, torch.bfloat16),
        (("train.bf16=false",), torch.float32, torch.float32),
        (("train.lora=none", "hardware.engine=zero2"), torch.bfloat16, torch.bfloat16),  # which keeps a master copy
        (("train.lora=none", "hardware.engine=fsdp"), torch.float32, torch.float32),
    ],
)
def test_all_weights_are_trained_in_four_bytes_where_nobody_keeps_a_copy(
    sets: tuple[str, ...], imitated: torch.dtype, rewarded: torch.dtype
) -> None:
    recipe = load_recipe("single-gpu-lora", ["sft.steps=1", *sets])
    assert recipe.sft is not None
    assert (weight_type(recipe, recipe.sft), weight_type(recipe, recipe.train)) == (imitated, rewarded)
    assert in_four_bytes(recipe, recipe.sft) == (imitated is torch.float32)
