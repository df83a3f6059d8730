"""Small matrices are joined with the very weights that they were trained beside."""

from pathlib import Path
from typing import Any

import pytest
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from citerefine.training.export.merging import merge_adapter
from citerefine.training.recipes.sections import ModelSettings
from citerefine.training.running.snapshot import name_base


@pytest.mark.parametrize(("revision", "asked"), [("v1", "v1"), ("", "main")])
def test_a_model_of_the_hub_is_loaded_in_the_revision_that_the_adapter_names(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str, asked: str
) -> None:
    model, load = AutoModelForCausalLM.from_pretrained(tiny_qwen3), AutoModelForCausalLM.from_pretrained
    get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj"])).save_pretrained(tmp_path / "adapter")
    name_base(tmp_path / "adapter", ModelSettings(name="org/model", revision=revision))
    calls = list[tuple[str, str]]()

    def loaded(name: str, *, revision: str, **how: Any) -> Any:
        calls.append((name, revision))
        return load(tiny_qwen3, **how)

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", loaded)
    merge_adapter(tmp_path / "adapter", tmp_path / "whole", float32=True)
    assert calls == [("org/model", asked)]
    merge_adapter(tmp_path / "adapter", tmp_path / "other", base=str(tiny_qwen3), float32=True)
    assert calls[1:] == [(str(tiny_qwen3), "main")]
