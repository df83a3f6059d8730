"""Sampling a group: its prompt computed once or for each answer, and rewards asked for after or under sampling.

Run: python -m benchmarks.rollout_overlap [--quick] [--json FILE]
First, one group is sampled by transformers' `generate` and by ours, in turn, prompts six times as long as answers. Then
a trainer takes steps whose reward takes a fixed time an answer, a bounded number at once, as a judge behind a server
does; how long a step takes is compared with steps that ask for rewards when all is sampled. Shown are medians of paired
runs.
"""

import argparse
import asyncio
import json
import logging
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
import transformers
from benchmarks.prefix_paths import make_config, make_model
from benchmarks.prefix_step import ANSWER, SHAPE
from datasets import Dataset
from tests.tiny_qwen3 import make_tiny_qwen3
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from citerefine.training.grpo.generating import distinct, generate_shared
from citerefine.training.grpo.settings import AlgorithmSettings
from citerefine.training.grpo.trainer import RefinerTrainer

OVER: Final = 6
"""Length of a prompt over that of an answer."""
GROUPS: Final = (4, 8, 16)
PROMPTS, SIZE = 8, 8
"""Of a step."""
AT_ONCE: Final = 16
"""Answers that the reward works on at once."""
LATENCIES: Final = (0.1, 0.4)
"""Seconds of one answer."""
PARTS: Final = (4, 2, 1)
"""Groups that are sampled at once."""
ANSWER_TOKENS: Final = 96


class Prefill(NamedTuple):
    """One group, sampled both ways."""

    group: int
    speedup: float
    """Median over pairs of the time of `generate` alone over ours."""
    plain_s: float
    shared_s: float


def prefill(group: int, pairs: int) -> Prefill:
    """Times one group of answers that do not end early."""
    model = make_model(make_config(**SHAPE), "cpu", torch.float32).eval()
    prompt = torch.randint(1, SHAPE["vocab_size"], (OVER * ANSWER,), generator=torch.Generator().manual_seed(0))
    rows, cpu = [prompt.tolist()] * group, torch.device("cpu")
    config = GenerationConfig(
        max_new_tokens=ANSWER, do_sample=True, pad_token_id=0, eos_token_id=None, use_cache=True, disable_compile=True,
    )
    given = distinct(rows, 0, cpu)
    ids, mask = given.ids[given.owner_B], given.mask[given.owner_B]

    def plain() -> Any:
        return model.generate(input_ids=ids, attention_mask=mask, generation_config=config)[:, ids.size(1) :]

    def shared() -> Any:
        return generate_shared(model, rows, config, 0, cpu)

    assert torch.equal(_timed(plain)[1], _timed(shared)[1])
    times = [(_timed(plain)[0], _timed(shared)[0]) for _ in range(pairs)]
    plain_s, shared_s = (statistics.median(column) for column in zip(*times, strict=True))
    return Prefill(group, statistics.median(a / b for a, b in times), plain_s, shared_s)


def _timed(call: Any) -> tuple[float, Any]:
    torch.manual_seed(0)
    with torch.no_grad():
        start = time.perf_counter()
        found = call()
        return time.perf_counter() - start, found


class Judge:
    """A reward that takes `latency` seconds an answer, and works on `AT_ONCE` of them."""

    def __init__(self, latency: float) -> None:
        self.latency = latency

    async def __call__(self, completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
        scoring = self.scoring(None)
        await scoring.add([], [], completion_ids)
        return await scoring.finish()

    def scoring(self, trainer_state: Any) -> "Judged":
        return Judged(self.latency)


class Judged:
    """One rollout of it."""

    def __init__(self, latency: float) -> None:
        self._latency, self._free = latency, asyncio.Semaphore(AT_ONCE)
        self._rewards: list[float | None] = []

    async def add(self, prompts: Any, completions: Any, completion_ids: Any, **_: Any) -> None:
        self._rewards += [sum(ids) % 97 / 97 for ids in completion_ids]
        await asyncio.gather(*(self._one() for _ in completion_ids))

    async def _one(self) -> None:
        async with self._free:
            await asyncio.sleep(self._latency)

    async def finish(self, **_: Any) -> list[float | None]:
        return self._rewards


class Step(NamedTuple):
    """Steps with rewards asked for under sampling, beside the same steps with rewards asked for afterwards."""

    latency: float
    groups_at_once: int
    speedup: float
    """Median over pairs of the time of a step with rewards afterwards over that of one with rewards meanwhile."""
    after_s: float
    meanwhile_s: float
    rollout_after_s: float
    rollout_meanwhile_s: float
    """Sampling of all groups together, and of parts of them."""
    waited_after_s: float
    waited_meanwhile_s: float
    overlap: float
    """Share of the scoring that went on under sampling."""


def overlap(folder: Path, latency: float, groups_at_once: int, steps: int) -> Step:
    """Times steps of two trainers that are alike but for when they ask for rewards."""
    after, meanwhile = ([*_steps(folder, latency, n, steps)] for n in (0, groups_at_once))

    def median(lines: list[dict[str, float]], *names: str) -> float:
        return statistics.median(sum(line[name] for name in names) for line in lines)

    whole = ("time/rollout", "time/reward", "time/update")
    pairs = [
        sum(a[name] for name in whole) / sum(b[name] for name in whole) for a, b in zip(after, meanwhile, strict=True)
    ]
    return Step(
        latency, groups_at_once, statistics.median(pairs), median(after, *whole), median(meanwhile, *whole),
        median(after, "time/rollout"), median(meanwhile, "time/rollout"), median(after, "time/reward"),
        median(meanwhile, "time/reward"), median(meanwhile, "scoring/under_rollout"),
    )  # fmt: skip


def _steps(folder: Path, latency: float, groups_at_once: int, steps: int) -> list[dict[str, float]]:
    """What the log says of each step but the first, which compares and allocates."""
    settings = AlgorithmSettings(
        steps=steps + 1, prompts_per_step=PROMPTS, group_size=SIZE, groups_at_once=groups_at_once, warmup_steps=0,
        save_steps=1000, bf16=False, gradient_checkpointing=False, mask_truncated=False,
    )  # fmt: skip
    rows = [
        {"id": f"q{n}", "prompt": f"question {n} " * 40, "row": "{}", "n_prompt_tokens": 200} for n in range(PROMPTS)
    ]
    with tempfile.TemporaryDirectory() as run:
        trainer = RefinerTrainer(
            AutoModelForCausalLM.from_pretrained(folder), Judge(latency), Dataset.from_list(rows),
            AutoTokenizer.from_pretrained(folder), settings, Path(run), answer_tokens=ANSWER_TOKENS, use_cpu=True,
        )  # fmt: skip
        trainer.generation_config.eos_token_id = None  # answers of random weights would end anywhere
        trainer.train()
    return [line for line in trainer.state.log_history if "loss" in line][1:]


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one case of each table")
    parser.add_argument("--pairs", type=int, default=3, help="runs of each way in a case")
    parser.add_argument("--json", type=Path, help="write the rows there")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    print(f"prompts of {OVER * ANSWER} tokens, answers of {ANSWER}; torch {torch.__version__}, transformers "
          f"{transformers.__version__}, {torch.get_num_threads()} threads; {SHAPE}")  # fmt: skip
    print(" G  speed-up  generate s  ours s")
    prefills = []
    for group in GROUPS[1:2] if options.quick else GROUPS:
        row = prefill(group, options.pairs)
        prefills.append(row)
        print(f"{row.group:>2}  {row.speedup:7.2f}×  {row.plain_s:10.2f}  {row.shared_s:6.2f}", flush=True)
    print(f"{PROMPTS} × {SIZE} answers of {ANSWER_TOKENS} tokens by the tests' tiny model, {AT_ONCE} judged at once")
    print("s an answer  groups at once  speed-up  step s: after, meanwhile  sampling s  waited s   under sampling")
    steps = []
    with tempfile.TemporaryDirectory() as made:
        folder = make_tiny_qwen3(Path(made))
        cases = [(latency, n) for latency in LATENCIES for n in PARTS]
        for latency, n in cases[:1] if options.quick else cases:
            step = overlap(folder, latency, n, options.pairs)
            steps.append(step)
            print(
                f"{latency:11.1f}  {n:14}  {step.speedup:7.2f}×  {step.after_s:15.2f}, {step.meanwhile_s:.2f}"
                f"{step.rollout_after_s:12.2f}, {step.rollout_meanwhile_s:.2f}  {step.waited_after_s:.2f}, "
                f"{step.waited_meanwhile_s:.2f}  {step.overlap:.0%}",
                flush=True,
            )
    if options.json:
        found = {"prefill": [row._asdict() for row in prefills], "overlap": [row._asdict() for row in steps]}
        options.json.write_text(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
