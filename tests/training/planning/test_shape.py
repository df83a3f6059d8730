"""The shape of a model: from its configuration, by its name, or guessed."""

import json
from pathlib import Path
from typing import Any

import pytest

from citerefine.training.planning.shape import ModelShape, UnknownShape, find_shape, read_shape


def shape(name: str) -> ModelShape:
    found = find_shape(name)
    assert isinstance(found, ModelShape), found
    return found


def test_parameters_of_qwen3_4b_are_those_that_are_known() -> None:
    found = shape("Qwen/Qwen3-4B")
    assert round(found.body / 1e9, 3) == 3.633
    assert round(found.parameters / 1e9, 2) == 4.02
    assert 2 * found.body / 1e9 == pytest.approx(7.27, abs=0.01)  # operations of a token
    assert found.kv_bytes == 147_456


@pytest.mark.parametrize(
    ("name", "billions"), [("Qwen3-0.6B", 0.6), ("Qwen/Qwen3-1.7B-Base", 1.72), ("Qwen3-8B", 8.19), ("Qwen3-32B", 32.8)]
)
def test_sizes_by_name(name: str, billions: float) -> None:
    assert shape(name).parameters / 1e9 == pytest.approx(billions, rel=0.01)


def test_names_are_not_mixed_up() -> None:
    assert shape("Qwen/Qwen3-4B-Instruct-2507").context == 262_144
    assert "guessed" in shape("org/Qwen3-40B").source
    assert "guessed" in shape("org/Qwen3-4Bx-7B").source


@pytest.mark.parametrize(("name", "size"), [("org/model-7B", 7e9), ("m-0.5b-chat", 0.5e9), ("smol-360M", 360e6)])
def test_a_size_in_a_name_gives_a_guess_of_about_that(name: str, size: float) -> None:
    found = shape(name)
    assert "guessed" in found.source
    assert found.body == pytest.approx(size, rel=0.35)


@pytest.mark.parametrize("name", ["org/model", "/no/such/folder", "model-A3B", "v2.5"])
def test_what_has_no_size_is_not_known(name: str) -> None:
    assert isinstance(find_shape(name), UnknownShape)


def test_a_model_in_a_folder_is_as_its_configuration_says(tiny_qwen3: Path) -> None:
    from transformers import Qwen3ForCausalLM

    found, model = shape(str(tiny_qwen3)), Qwen3ForCausalLM.from_pretrained(tiny_qwen3)
    assert found.source == str(tiny_qwen3 / "config.json")
    assert found.context == 16_384
    real = sum(parameter.numel() for parameter in model.parameters())
    assert found.parameters == pytest.approx(real, rel=0.003)  # norms are left out


def test_matrices_of_lora_are_counted_as_peft_makes_them(tiny_qwen3: Path) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen3ForCausalLM

    matrices = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(Qwen3ForCausalLM.from_pretrained(tiny_qwen3), matrices)
    real = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert shape(str(tiny_qwen3)).lora_parameters(4) == real


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([], "is no object"),
        ({"hidden_size": 64}, "KeyError"),
        ({"num_experts": 8}, "mixture of experts"),
        ("{", "JSONDecodeError"),
        ({"num_attention_heads": "x", "hidden_size": 1}, "ValueError"),
    ],
)
def test_a_configuration_that_is_none_is_told(tmp_path: Path, values: Any, told: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(values if isinstance(values, str) else json.dumps(values), "utf-8")
    found = read_shape(file, "m")
    assert isinstance(found, UnknownShape)
    assert told in found.reason
