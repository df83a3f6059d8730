"""A program that trains in each of several processes of one job, for test_several_processes.py.

Arguments: the folder of the model, a folder for what comes out. `scenarios` says what is run; the test runs the same in
one process. Answers depend on the prompt and the place in the group alone, so that they are the same however many
processes share them.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tests.training.grpo.parted import Parted
from tests.training.grpo.tiny_runs import Scripted, prompts, trainer
from tests.training.phases.two_phase_runs import DATA, phases_of, problems

from citerefine.refiner.errors import CiterefineError, InputError
from citerefine.training.errors import JudgeOutage, TrainingError
from citerefine.training.grpo.checkpoints import listed
from citerefine.training.watch.callback import Watcher
from citerefine.training.watch.settings import WatchSettings


class ByPrompt(Scripted):
    """Answers that follow from the prompt."""

    def _generate_single_turn(self, prompt_ids: Any, *args: Any, **kwargs: Any) -> Any:
        self._caught["empty"] = [False] * len(prompt_ids)
        size = self.num_generations
        return [self.answer(ids, row % size) for row, ids in enumerate(prompt_ids)], None

    def answer(self, prompt: Sequence[int], place: int) -> list[int]:
        start = 10 + sum(prompt) % 500
        return [start + place + at for at in range(1 + (start + place) % 4)] + [self._tokenizer.eos_token_id]


def rewards(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
    """Of each answer; some are missing, and all of a group are equal where the first token says so."""
    return [None if ids[0] % 5 < 2 else 0.5 if ids[0] % 100 < 30 else ids[0] % 13 / 13 for ids in completion_ids]


def often_flat(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
    return [0.5 if ids[0] % 100 < 50 else ids[0] % 13 / 13 for ids in completion_ids]


def run(folder: Path, output: Path, reward: Callable[..., Any] = rewards, **values: Any) -> ByPrompt:
    """A run of three steps, trained to its end."""
    made = prepared(folder, output, reward, **values)
    made.train()
    return made


def prepared(folder: Path, output: Path, reward: Callable[..., Any] = rewards, **values: Any) -> ByPrompt:
    usual = {"dataset": prompts(16), "steps": 3, "prompts_per_step": 4, "learning_rate": 1e-3}
    made = trainer(folder, output, reward, **{**usual, **values})
    made.__class__ = ByPrompt
    assert isinstance(made, ByPrompt)
    return made


def scenarios(folder: Path, output: Path) -> dict[str, ByPrompt]:
    """What is run with one process and with several."""
    return {
        "rows": run(folder, output / "rows"),
        "tokens": run(folder, output / "tokens", loss="dapo", beta=0.05),
        "phases": run(folder, output / "phases", **two_phases_of(folder)),
        "refilled": run(folder, output / "refilled", often_flat, refill=True, refill_tokens=2000, micro_groups=2),
    }


def two_phases_of(folder: Path) -> dict[str, Any]:
    """What makes a run of two pairs of phases."""
    given = {"dataset": problems(folder, 16), "phases": phases_of(folder), "total_tokens": DATA.total_tokens}
    return {**given, "steps": 4, "reward": reward_of_phases}


def reward_of_phases(completion_ids: Sequence[Sequence[int]], **_: Any) -> list[float | None]:
    return [ids[0] % 13 / 13 for ids in completion_ids]


def told(made: ByPrompt) -> dict[str, Any]:
    names = ["loss", "entropy", "groups/flat_share", "groups/dropped", "groups/refilled", "length/mean", "num_tokens"]
    if made._phases is not None:
        names += ["reward/draft", "reward/improved", "transitions/asked_anew"]
    return {name: [line[name] for line in made.state.log_history if name in line] for name in names}


def main() -> None:
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    for name, made in scenarios(folder, output).items():
        world, rank = made.accelerator.num_processes, made.accelerator.process_index
        found[name] = {"processes": world, **told(made)}
        if not rank:
            state = made.model.state_dict()
            del state["lm_head.weight"]  # tied
            save_file(state, output / f"{name}.safetensors")
    found["outage"] = outage(folder, output / "outage")
    found["early"] = early_outage(folder, output / "early")
    found["unwritable"] = unwritable(folder, output / "unwritable")
    (output / f"found-{rank}.json").write_text(json.dumps(found))


def outage(folder: Path, output: Path) -> dict[str, Any]:
    """The last process alone has an outage; how all end, and what is saved."""

    def broken(completion_ids: Any, trainer_state: Any, **_: Any) -> list[float | None]:
        if trainer_state.global_step == 1 and made.accelerator.process_index == made.accelerator.num_processes - 1:
            raise JudgeOutage("out")
        return rewards(completion_ids)

    made = prepared(folder, output, broken)
    try:
        made.train()
    except TrainingError as error:
        again = prepared(folder, output)
        again.train(True)
        left = [checkpoint.name for checkpoint in listed(made.checkpoints)]
        return {"error": str(error), "step": again.state.global_step, "left": left}
    return {"error": "none"}


def early_outage(folder: Path, output: Path) -> dict[str, Any]:
    """A part of the last process alone fails while others of its step are judged; how all end."""

    def begun(reward: Parted) -> Scripted:
        return trainer(folder, output, reward, dataset=prompts(16), steps=3, prompts_per_step=8)

    reward = Parted()
    made = begun(reward)
    if made.accelerator.process_index == made.accelerator.num_processes - 1:
        reward.fails, reward.pauses = (1, 2), (0.0, 0.2)
    try:
        made.train()
    except TrainingError as error:
        again = begun(Parted())
        again.train(True)
        return {"error": str(error), "step": again.state.global_step, "ended": reward.ended}
    return {"error": "none"}


def unwritable(folder: Path, output: Path) -> dict[str, Any]:
    """The first process alone cannot write what it watches of step 2; how all end, and what is saved."""

    def full() -> None:
        if made.state.global_step == 2:
            raise InputError("no space left")

    made = prepared(folder, output)
    is_first = made.accelerator.is_main_process
    made.add_callback(Watcher(output, WatchSettings(), rollout=full, writes=is_first))
    try:
        made.train()
    except CiterefineError as error:
        left = [checkpoint.name for checkpoint in listed(made.checkpoints)]
        again = prepared(folder, output)
        again.train(True)
        if is_first:
            state = again.model.state_dict()
            del state["lm_head.weight"]  # tied
            save_file(state, output.with_suffix(".safetensors"))
        return {"error": str(error), "kind": type(error).__name__, "left": left}
    return {"error": "none"}


if __name__ == "__main__":
    main()
