"""Sampling a group: its prompt computed once or for each answer, and rewards asked for after or under sampling.

Run: python -m benchmarks.rollout_overlap [--quick] [--steps] [--json FILE]
First, one group is sampled by transformers' `generate` and by ours, in turn, prompts six times as long as answers. Then
a trainer takes steps whose reward takes a fixed time an answer, a bounded number at once, as a judge behind a server
does, or computes in Python, as a judge by rules does; a group goes to it when its last answer ends, and how long a step
takes is compared with steps that ask for rewards when all is sampled. Last, groups are sampled some at a time. Shown
are medians of paired runs.
"""

import argparse
import asyncio
import json
import logging
import math
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
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LogitsProcessorList

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
PARTS: Final = (0, 4, 2, 1)
"""Groups that are sampled at once; 0: all."""
ANSWER_TOKENS: Final = 96
"""Most of an answer."""


class Case(NamedTuple):
    """What judging takes, and how long answers are."""

    wait: float
    """Seconds of an answer that the judge is waited for."""
    compute: float
    """Seconds of an answer in which Python computes, and holds its lock."""
    lengths: str
    """`by prompt`: a group's answers are about as long as each other, groups 24 to 96 tokens; `any`: each answer of
    its own length, 24 to 96 tokens, so that most groups have one that is nearly the longest."""


CASES: Final = (
    Case(0.1, 0.0, "by prompt"), Case(0.4, 0.0, "by prompt"), Case(1.6, 0.0, "by prompt"), Case(0.0, 0.01, "by prompt"),
    Case(0.1, 0.0, "any"), Case(0.4, 0.0, "any"), Case(1.6, 0.0, "any"),
)  # fmt: skip


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
    """A reward that takes a fixed time an answer, and waits for `AT_ONCE` of them at once."""

    def __init__(self, case: Case) -> None:
        self.case = case

    async def __call__(self, completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
        scoring = Judged(self.case)
        await scoring.add(0, [], [], completion_ids)
        return await scoring.finish()


class EarlyJudge(Judge):
    """The same, that takes groups as they end in every second step."""

    def scoring(self, trainer_state: Any) -> "Judged | None":
        return Judged(self.case) if trainer_state.global_step % 2 else None


class Judged:
    """One rollout of it."""

    def __init__(self, case: Case) -> None:
        self._case, self._free = case, asyncio.Semaphore(AT_ONCE)
        self._rewards: dict[int, list[float | None]] = {}

    async def add(self, at: int, prompts: Any, completions: Any, completion_ids: Any, /, **_: Any) -> None:
        self._rewards[at] = [sum(ids) % 97 / 97 for ids in completion_ids]
        await asyncio.gather(*(self._one() for _ in completion_ids))

    async def _one(self) -> None:
        async with self._free:
            await asyncio.sleep(self._case.wait)
            until = time.thread_time() + self._case.compute
            while time.thread_time() < until:
                pass

    async def finish(self, **_: Any) -> list[float | None]:
        return [one for at in sorted(self._rewards) for one in self._rewards[at]]


class EndsAt:
    """Makes a model's answers end where `draw` says, in place of `generate` alone."""

    def __init__(self, generate: Any, end: int, lengths: str) -> None:
        self._generate, self._end, self._lengths = generate, end, lengths
        self._calls = 0
        self.computed: list[float] = []
        """Seconds of processor time of each call, in its own thread."""

    def __call__(self, **given: Any) -> Any:
        """As `generate`; lengths are the same in a call and the next."""
        self._chance = torch.Generator().manual_seed(self._calls // 2)
        self._calls += 1
        lengths, start = self._drawn(len(given["input_ids"])), given["input_ids"].size(1)

        def ended(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            now = lengths == ids.size(1) - start + 1
            scores[:, self._end] = -math.inf
            scores[now] = -math.inf
            scores[now, self._end] = 0.0
            return scores

        began = time.thread_time()
        found = self._generate(**given, logits_processor=LogitsProcessorList([ended]))
        self.computed.append(time.thread_time() - began)
        return found

    def _drawn(self, rows: int) -> torch.Tensor:
        shortest = ANSWER_TOKENS // 4
        if self._lengths == "any":
            return torch.randint(shortest, ANSWER_TOKENS + 1, (rows,), generator=self._chance)
        order = torch.randperm(rows // SIZE, generator=self._chance)
        longest = torch.linspace(shortest, ANSWER_TOKENS, rows // SIZE)[order]
        shares = 1 - 0.2 * torch.rand(rows, generator=self._chance)
        return (longest.repeat_interleave(SIZE) * shares).long()


class Step(NamedTuple):
    """Steps with rewards asked for under sampling, beside the same steps with rewards asked for afterwards."""

    wait: float
    compute: float
    lengths: str
    speedup: float
    """Median over pairs of the time of a step with rewards afterwards over that of one with rewards meanwhile."""
    after_s: float
    meanwhile_s: float
    rollout_after_s: float
    rollout_meanwhile_s: float
    computed_after_s: float
    computed_meanwhile_s: float
    """Processor time of sampling, in its own thread: not of what else runs on the machine."""
    waited_after_s: float
    waited_meanwhile_s: float
    overlap: float
    """Share of the scoring that went on under sampling."""


_WHOLE: Final = ("time/rollout", "time/reward", "time/update")


def overlap(folder: Path, case: Case, pairs: int) -> Step:
    """Times steps that are alike but for when they ask for rewards, by turns."""
    lines = _steps(folder, EarlyJudge(case), case.lengths, 0, 2 * pairs)
    after, meanwhile = lines[::2], lines[1::2]
    ratios = [
        sum(a[name] for name in _WHOLE) / sum(b[name] for name in _WHOLE)
        for a, b in zip(after, meanwhile, strict=True)
    ]
    return Step(
        *case, statistics.median(ratios), _median(after, *_WHOLE), _median(meanwhile, *_WHOLE),
        _median(after, "time/rollout"), _median(meanwhile, "time/rollout"), _median(after, "computed"),
        _median(meanwhile, "computed"), _median(after, "time/reward"), _median(meanwhile, "time/reward"),
        _median(meanwhile, "scoring/under_rollout"),
    )  # fmt: skip


def _median(lines: list[dict[str, float]], *names: str) -> float:
    return statistics.median(sum(line[name] for name in names) for line in lines)


def parts(folder: Path, groups_at_once: int, steps: int) -> float:
    """Seconds of sampling a rollout, so many groups at once."""
    nothing = Case(0.0, 0.0, "any")
    return _median(_steps(folder, Judge(nothing), nothing.lengths, groups_at_once, steps), "time/rollout")


def _steps(folder: Path, judge: Judge, lengths: str, groups_at_once: int, steps: int) -> list[dict[str, float]]:
    """What the log says of each step but the first two: one of them compares and allocates."""
    settings = AlgorithmSettings(
        steps=steps + 2, prompts_per_step=PROMPTS, group_size=SIZE, groups_at_once=groups_at_once, warmup_steps=0,
        save_steps=1000, bf16=False, gradient_checkpointing=False, mask_truncated=False,
    )  # fmt: skip
    rows = [
        {"id": f"q{n}", "prompt": f"question {n} " * 40, "row": "{}", "n_prompt_tokens": 200} for n in range(PROMPTS)
    ]
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with tempfile.TemporaryDirectory() as run:
        trainer = RefinerTrainer(
            model, judge, Dataset.from_list(rows), tokenizer, settings, Path(run), answer_tokens=ANSWER_TOKENS,
            use_cpu=True,
        )  # fmt: skip
        model.generate = generate = EndsAt(model.generate, tokenizer.eos_token_id, lengths)
        trainer.train()
    lines = [line for line in trainer.state.log_history if "loss" in line]
    calls = len(generate.computed) // len(lines)
    each = [sum(generate.computed[at : at + calls]) for at in range(0, len(generate.computed), calls)]
    return [line | {"computed": seconds} for line, seconds in zip(lines, each, strict=True)][2:]


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one case of each table")
    parser.add_argument("--steps", action="store_true", help="leave out the first table")
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
    for group in () if options.steps else GROUPS[1:2] if options.quick else GROUPS:
        row = prefill(group, options.pairs)
        prefills.append(row)
        print(f"{row.group:>2}  {row.speedup:7.2f}×  {row.plain_s:10.2f}  {row.shared_s:6.2f}", flush=True)
    print(f"{PROMPTS} × {SIZE} answers of {ANSWER_TOKENS // 4} to {ANSWER_TOKENS} tokens by the tests' tiny model, "
          f"{AT_ONCE} waited for at once")  # fmt: skip
    print("an answer: wait, compute; lengths; speed-up | after, meanwhile: step; sampling, of it computing; waited (s)")
    steps = []
    with tempfile.TemporaryDirectory() as made:
        folder = make_tiny_qwen3(Path(made))
        for case in CASES[:2] if options.quick else CASES:
            step = overlap(folder, case, options.pairs)
            steps.append(step)
            print(
                f"{step.wait:4.1f}, {step.compute:.2f}; {step.lengths:9}; {step.speedup:.2f}× | "
                f"{step.after_s:.2f}, {step.meanwhile_s:.2f}; {step.rollout_after_s:.2f}, "
                f"{step.rollout_meanwhile_s:.2f}, of it {step.computed_after_s:.2f}, "
                f"{step.computed_meanwhile_s:.2f}; {step.waited_after_s:.2f}, {step.waited_meanwhile_s:.2f}; "
                f"{step.overlap:.0%} of scoring under sampling",
                flush=True,
            )
        taken = {n: parts(folder, n, options.pairs) for n in (PARTS[:2] if options.quick else PARTS)}
    print("groups sampled at once, seconds: " + ", ".join(f"{n or 'all'}: {took:.2f}" for n, took in taken.items()))
    if options.json:
        found = {"prefill": [row._asdict() for row in prefills], "overlap": [row._asdict() for row in steps]}
        options.json.write_text(json.dumps(found | {"parts": taken}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
