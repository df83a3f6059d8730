"""What a run trained serves at once: merged weights say the same, and refiners load them."""

import json
from pathlib import Path
from typing import Any

import pytest

from citerefine.refiner import Refiner, Snippet
from citerefine.refiner.errors import InputError
from citerefine.refiner.settings import RefinerSettings
from citerefine.training.errors import StateError
from citerefine.training.export.exporting import export_model
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.running.run_folder import RunFolder


@pytest.fixture(scope="module")
def adapter(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small matrices that change what the model says, with its tokenizer, as a run saves them."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoTokenizer, Qwen3ForCausalLM

    folder = tmp_path_factory.mktemp("adapter")
    torch.manual_seed(1)
    matrices = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    get_peft_model(Qwen3ForCausalLM.from_pretrained(tiny_qwen3), matrices).save_pretrained(str(folder))
    AutoTokenizer.from_pretrained(tiny_qwen3).save_pretrained(str(folder))
    return folder


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.arange(5, 45)[None]).logits


def test_merged_weights_say_what_the_matrices_say(adapter: Path, tiny_qwen3: Path, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import Qwen3ForCausalLM

    export_model(adapter, tmp_path / "whole", float32=True)
    first = Qwen3ForCausalLM.from_pretrained(tiny_qwen3)
    before = logits(first)
    with_matrices = logits(PeftModel.from_pretrained(first, str(adapter)))
    merged = logits(Qwen3ForCausalLM.from_pretrained(tmp_path / "whole"))
    assert torch.allclose(merged, with_matrices, atol=1e-5)
    assert (merged - before).abs().max() > 0.1
    assert not (tmp_path / "whole" / "adapter_config.json").exists()


def test_two_bytes_a_weight_unless_four_are_asked_for(adapter: Path, tmp_path: Path) -> None:
    sizes = {}
    for name, float32 in {"two": False, "four": True}.items():
        folder = export_model(adapter, tmp_path / name, float32=float32).folder
        sizes[name] = (folder / "model.safetensors").stat().st_size
    assert sizes["four"] / sizes["two"] == pytest.approx(2, rel=0.02)


def test_the_tokenizer_is_the_one_that_was_trained_with(adapter: Path, tmp_path: Path) -> None:
    folder = export_model(adapter, tmp_path / "whole").folder
    for name in ("tokenizer.json", "chat_template.jinja"):
        assert (folder / name).read_bytes() == (adapter / name).read_bytes()


def test_a_refiner_loads_it_and_answers(adapter: Path, tmp_path: Path) -> None:
    exported = export_model(adapter, tmp_path / "whole")
    assert exported.here.endswith(f"--model hf:{tmp_path / 'whole'}")
    settings = RefinerSettings(answer_tokens=32, max_claims=1, max_claim_chars=20)
    refiner = Refiner(f"hf:{tmp_path / 'whole'}", settings=settings)
    answer = refiner.refine("What did perch do?", snippets=[Snippet(text="Perch doubled in Lake Orven.")])
    assert answer.model == f"hf:{tmp_path / 'whole'}"


def test_commands_serve_a_whole_model_and_ask_it(adapter: Path, tmp_path: Path) -> None:
    exported = export_model(adapter, tmp_path / "whole")
    assert exported.serve == f"vllm serve {tmp_path / 'whole'} --served-model-name refiner --max-model-len 8192"
    assert exported.ask == "citerefine ask QUESTION --model openai:refiner@http://localhost:8000/v1"


def test_small_matrices_are_handed_on_with_the_name_of_their_model(
    adapter: Path, tiny_qwen3: Path, tmp_path: Path
) -> None:
    exported = export_model(adapter, tmp_path / "small", lora=True)
    assert {path.name for path in exported.folder.iterdir()} == {path.name for path in adapter.iterdir()}
    assert exported.serve == (
        f"vllm serve {tiny_qwen3} --enable-lora --max-lora-rank 8 --lora-modules refiner={tmp_path / 'small'} "
        "--max-model-len 8192"
    )
    assert exported.here == ""


def test_a_run_is_asked_with_the_lengths_that_it_trained_with(adapter: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.open(load_recipe("tiny-cpu"), resume=False)
    with pytest.raises(InputError, match="is not finished, and holds no model yet"):
        export_model(run.path, tmp_path / "out")
    adapter_copy = run.model
    adapter_copy.mkdir()
    for file in adapter.iterdir():
        (adapter_copy / file.name).write_bytes(file.read_bytes())
    exported = export_model(run.path, tmp_path / "out")
    assert "--max-model-len 1152" in exported.serve
    assert "--prompt-tokens 1024 --answer-tokens 128 --total-tokens 1152" in exported.ask


def test_what_cannot_be_exported_is_refused_and_leaves_nothing(
    adapter: Path, tiny_qwen3: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="is neither a run nor a model"):
        export_model(tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match="holds whole weights and no small matrices"):
        export_model(tiny_qwen3, tmp_path / "out", lora=True)
    with pytest.raises(StateError, match=r"the weights of /nowhere, which .* belongs to, cannot be loaded"):
        export_model(adapter, tmp_path / "out", base="/nowhere")
    assert not list(tmp_path.iterdir())
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="exists already"):
        export_model(adapter, tmp_path / "there")


def test_whole_weights_are_written_in_the_precision_that_is_asked_for(tiny_qwen3: Path, tmp_path: Path) -> None:
    folder = export_model(tiny_qwen3, tmp_path / "whole").folder
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
