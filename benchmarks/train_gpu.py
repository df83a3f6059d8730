"""Training on one GPU: a model from nothing that learns to cite, and one full step at the size of Qwen3-4B.

Run: python -m benchmarks.train_gpu [--tiny] [--seconds S] [--out FOLDER]
First a Qwen3 of some 90 million parameters with random weights learns the synthetic evidence task of
`citerefine.training.demo`: given answers until held-out citation F1 reaches 0.3, then rewards, with the real reward,
trainer and scorer. Then one step of a model with the shapes of Qwen3-4B (random weights in bfloat16, AdamW, prompts of
6144 and answers of 1024 tokens, 8 answers a prompt), sampled by transformers, whose prompts are computed once a group.
Writes train_gpu.json into FOLDER (by default $OUT, or here) after each part. `--tiny` runs the same on a CPU.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import transformers
from benchmarks.prefix_gpu import QWEN3_4B
from transformers import Qwen3Config, Qwen3ForCausalLM, TrainerCallback

from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.training.data.prompted import prompt_rows, to_dataset
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.demo.task import make_rows
from citerefine.training.demo.tokenizer import make_tokenizer
from citerefine.training.grpo.settings import AlgorithmSettings, SftSettings
from citerefine.training.grpo.sft import RefinerSftTrainer, imitation_rows
from citerefine.training.grpo.trainer import RefinerTrainer
from citerefine.training.recipes.recipe import Recipe
from citerefine.training.rewards.maths import MathsGrader
from citerefine.training.rewards.settings import RewardSettings
from citerefine.training.run import run_training
from citerefine.training.watch.greedy import answer_greedily
from citerefine.training.watch.heldout import Heldout, Judges
from citerefine.training.watch.run_journal import read_steps

SMALL: Final = {"hidden_size": 768, "intermediate_size": 2304, "num_hidden_layers": 12, "num_attention_heads": 12}
TINY: Final = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
ENOUGH: Final = 0.3
"""Held-out F1 at which given answers end and rewards begin."""
LENGTHS: Final = {"prompt_tokens": 400, "answer_tokens": 32, "total_tokens": 512}


def make_model(tokenizer: Any, tiny: bool) -> Any:
    """A Qwen3 with random weights; heads of 64, untied embeddings."""
    transformers.set_seed(0)
    shape = TINY if tiny else SMALL
    config = Qwen3Config(
        vocab_size=-(-len(tokenizer) // 64) * 64, num_key_value_heads=shape["num_attention_heads"], head_dim=64,
        max_position_embeddings=512, tie_word_embeddings=False, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=None, **shape,
    )  # fmt: skip
    return Qwen3ForCausalLM(config)


class UntilGood(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Scores held-out rows now and then, and ends training when they are answered well enough."""

    def __init__(self, heldout: Heldout, every: int, seconds: float) -> None:
        self.heldout, self.every, self.ends = heldout, every, time.monotonic() + seconds
        self.trainer: Any = None
        self.curve = list[tuple[int, float]]()

    def on_step_end(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Scores at every `every`-th step."""
        if state.global_step % self.every:
            return
        score = self.heldout.score(lambda prompts: answer_greedily(self.trainer, prompts, 32, batch=128))
        f1 = (score.figures["heldout/f1"] if score is not None else None) or 0.0
        self.curve.append((state.global_step, f1))
        print(f"given answers, step {state.global_step}: held-out F1 {f1:.3f}", flush=True)
        if f1 >= ENOUGH or time.monotonic() > self.ends:
            control.should_training_stop = True


def learn(folder: Path, tiny: bool, seconds: float) -> dict[str, Any]:
    """Trains the small model on given answers, and then on rewards."""
    tokenizer = make_tokenizer()
    data = DataSettings.model_validate({"train": "rows", **LENGTHS})
    n = 64 if tiny else 128
    held = prompt_rows(make_rows(n, 1, "test"), tokenizer, data).rows
    begun = time.monotonic()
    model = make_model(tokenizer, tiny)
    parameters = sum(p.numel() for p in model.parameters())
    curve, sft_tokens = imitate(model, tokenizer, data, held, folder, tiny, seconds / 2)
    sft_seconds = time.monotonic() - begun
    begun = time.monotonic()
    steps = reinforce(folder, tiny, seconds - sft_seconds)
    grpo_seconds = time.monotonic() - begun
    rows = read_steps(folder / "run" / "metrics.jsonl")
    train = [row.values for row in rows if row.phase == "train"]
    return {
        "parameters": parameters,
        "sft": {"curve": curve, "seconds": sft_seconds, "tokens_s": sft_tokens / sft_seconds},
        "grpo": {
            "steps": steps,
            "seconds": grpo_seconds,
            "heldout_f1": [(row.step, row.values["heldout/f1"]) for row in rows if row.phase == "heldout"],
            "reward": [values.get("reward/total") for values in train],
            "median": {
                name: statistics.median(known)
                for name in ("time/rollout", "time/reward", "time/update", "tokens/s")
                if (known := [value for values in train if (value := values.get(name)) is not None])
            },
        },
    }


def imitate(
    model: Any, tokenizer: Any, data: DataSettings, held: Sequence[Any], folder: Path, tiny: bool, seconds: float
) -> tuple[list[tuple[int, float]], float]:
    """Trains on given answers, 2, 3 and at last 4 snippets at once. Returns the curve, and tokens that were read."""
    rows = [row for n in (2, 3, 4) for row in make_rows(200 if tiny else 3000, 7, "train", n)]
    random.Random(0).shuffle(rows)
    given = imitation_rows(to_dataset(prompt_rows(rows, tokenizer, data)), tokenizer, LENGTHS["total_tokens"])
    settings = SftSettings(
        steps=20 if tiny else 3000, rows_per_step=64, micro_rows=64, learning_rate=3e-4, warmup_steps=50,
        schedule="constant_with_warmup", save_steps=100_000, gradient_checkpointing=False, bf16=not tiny,
        adam_beta2=0.98,
    )  # fmt: skip
    judges = Judges(LexicalJudge(), None, None, MathsGrader())
    callback = UntilGood(Heldout(held, judges, RewardSettings(rubric=0)), 10 if tiny else 50, seconds)
    trainer = RefinerSftTrainer(
        model, given.dataset, tokenizer, settings, folder / "sft", callbacks=[callback], use_cpu=tiny
    )
    callback.trainer = trainer
    trainer.train()
    trainer.save_model(str(folder / "start"))
    tokenizer.save_pretrained(folder / "start")
    mean = statistics.fmean(map(len, given.dataset["input_ids"]))
    return callback.curve, mean * settings.rows_per_step * trainer.state.global_step


def reinforce(folder: Path, tiny: bool, seconds: float) -> int:
    """Trains on rewards by a recipe, as `citerefine train` does. Returns the number of steps."""
    steps = 4 if tiny else max(20, min(200, int(seconds / 2.0)))
    prompts = 4 if tiny else 64
    write_rows(make_rows(steps * prompts, 77, "train"), folder / "train.jsonl")
    write_rows(make_rows(32 if tiny else 128, 1, "test"), folder / "eval.jsonl")
    recipe = Recipe.model_validate({
        "model": {"name": str(folder / "start")},
        "data": {"train": str(folder / "train.jsonl"), "eval": str(folder / "eval.jsonl"), **LENGTHS},
        "reward": {"rubric": 0, "citation": 0.4, "format": 0.2, "verification": 0.4, "citation_figure": "f1"},
        "train": {
            "steps": steps, "prompts_per_step": prompts, "group_size": 8, "micro_groups": prompts,
            "learning_rate": 1.5e-4, "warmup_steps": 3, "mask_truncated": False, "save_steps": 100_000,
            "bf16": not tiny, "gradient_checkpointing": False, "shared_prefix": "off",
        },
        "watch": {"report_to": (), "heldout_every": 10, "heldout_rows": 128, "page_every": 1000},
        "hardware": {"gpus": 0 if tiny else 1, "gpu_memory": 80},
    })  # fmt: skip
    return run_training(recipe, folder / "run").steps


def write_rows(rows: Sequence[TrainingRow], path: Path) -> None:
    """Rows as a file of them."""
    with path.open("w") as file:
        for row in rows:
            snippets = [{"id": snippet.id, "text": snippet.text} for snippet in row.evidence.snippets]
            values = {"id": row.id, "question": row.question, "snippets": snippets, "gold": row.gold}
            file.write(json.dumps(values | {"answer": row.answer, "answerable": True}) + "\n")


def full_step(folder: Path, tiny: bool) -> dict[str, Any]:
    """One step at the size of Qwen3-4B, with what is made at a first step."""
    tokenizer = make_tokenizer()
    prompt, answer, prompts = (96, 16, 2) if tiny else (6144, 1024, 4)
    device = "cpu" if tiny else "cuda"
    shape = {**QWEN3_4B, **(TINY | {"num_key_value_heads": 2, "head_dim": 32, "vocab_size": 1024} if tiny else {})}
    config = Qwen3Config(
        **shape, tie_word_embeddings=True, max_position_embeddings=16_384, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device(device):
        model = Qwen3ForCausalLM(config).to(torch.bfloat16 if not tiny else torch.float32)
    letters = random.Random(0)
    texts = ["".join(letters.choices("bcdfghjk", k=prompt)) for _ in range(prompts)]
    lengths = [len(tokenizer(text=text, add_special_tokens=False)["input_ids"]) for text in texts]
    rows = {
        "id": [str(at) for at in range(len(texts))], "prompt": texts, "row": ["{}"] * len(texts),
        "n_prompt_tokens": lengths,
    }  # fmt: skip
    settings = AlgorithmSettings(
        steps=1, prompts_per_step=prompts, group_size=8, mask_truncated=False, save_steps=100_000, warmup_steps=0,
        bf16=not tiny, shared_prefix="on",
    )  # fmt: skip
    from datasets import Dataset

    chance = random.Random(1)

    def reward(completions: Sequence[str], **_: Any) -> list[float]:
        return [chance.random() for _ in completions]

    trainer = RefinerTrainer(
        model, reward, Dataset.from_dict(rows), tokenizer, settings, folder / "full", answer_tokens=answer,
        total_tokens=prompt + answer, use_cpu=tiny,
    )  # fmt: skip
    logs = list[dict[str, Any]]()
    trainer.add_callback(Keep(logs))
    if not tiny:
        torch.cuda.reset_peak_memory_stats()
    begun = time.monotonic()
    trainer.train()
    names = ("time/rollout", "time/reward", "time/update", "tokens/s", "length/mean", "entropy", "loss")
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "prompt_tokens": statistics.fmean(lengths), "answers": 8 * prompts,
        "steps": [{name: log.get(name) for name in names} for log in logs if "loss" in log],
        "seconds": time.monotonic() - begun,
        "peak_gb": 0.0 if tiny else torch.cuda.max_memory_allocated() / 1e9,
    }  # fmt: skip


class Keep(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Keeps what is logged."""

    def __init__(self, logs: list[dict[str, Any]]) -> None:
        self._logs = logs

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **rest: Any) -> None:
        """One step's figures."""
        self._logs.append(dict(logs or {}))


def main() -> int:
    """Runs both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="tiny shapes on the CPU, to see that it runs")
    parser.add_argument("--seconds", type=float, default=300.0, help="time for learning")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")))
    options = parser.parse_args()
    card = "cpu" if options.tiny else torch.cuda.get_device_name()
    found: dict[str, Any] = {"card": card, "torch": torch.__version__, "transformers": transformers.__version__}
    parts: dict[str, Callable[[Path], Any]] = {
        "full_step": lambda folder: full_step(folder, options.tiny),
        "learning": lambda folder: learn(folder, options.tiny, options.seconds),
    }
    for name, part in parts.items():
        with tempfile.TemporaryDirectory() as folder:
            begun = time.monotonic()
            try:
                found[name] = part(Path(folder))
            except Exception as error:  # the other part still tells something
                found[name] = f"failed: {type(error).__name__}: {error}"[:2000]
            print(f"[{time.monotonic() - begun:.0f} s] {name}: {json.dumps(found[name])}", flush=True)
        (options.out / "train_gpu.json").write_text(json.dumps(found, indent=1))
        if not options.tiny:
            torch.cuda.empty_cache()
    return 0


if __name__ == "__main__":
    sys.exit(main())
