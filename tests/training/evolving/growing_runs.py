"""Runs of a tiny model along which rubrics grow; as a program, one in each of several processes.

In: folders, a writer. Out: `Run`. Arguments of the program: the folder of the model, a folder for what comes out. Not
here: what is expected of them (test_training.py, test_several_processes.py).
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from accelerate.utils import gather_object
from tests.scripted_model import ScriptedModel
from tests.training.evolving.growing import (
    ICE,
    MIXED,
    by_word,
    evolving_settings,
    reward_settings,
    row,
    scripted,
    written,
)
from tests.training.grpo.tiny_runs import Scripted, model_of, settings, tokenizer_of, weights

from citerefine.judges.rubric.table_rubric_judge import TableRubricJudge
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.rubrics.buffer.event_file import EventFile
from citerefine.rubrics.buffer.events import Event
from citerefine.training.data.prompted import prompt_rows, to_dataset
from citerefine.training.data.settings import DataSettings
from citerefine.training.evolving.rubrics import EvolvingRubrics
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.running.growing import keep_in_step
from citerefine.training.running.run_folder import is_main

STEPS: Final = 4
LENGTHS: Final = DataSettings(train="-", prompt_tokens=3000, answer_tokens=60, total_tokens=4000)


class Killed(Exception):
    """Stands for the end of a process: nothing is saved."""


class Dying(RefinerReward):
    """A reward in whose call a run is killed, when all of it is done."""

    dies_at = -1

    async def __call__(self, *args: Any, trainer_state: Any = None, **columns: Any) -> list[float | None]:
        rewards = await super().__call__(*args, trainer_state=trainer_state, **columns)
        if trainer_state.global_step == self.dies_at:
            raise Killed
        return rewards


class ByStep(Scripted):
    """Samples the same answers for each group, in an order that depends on the step."""

    def _generate_single_turn(self, prompt_ids: Any, *args: Any, **kwargs: Any) -> Any:
        tokenizer, at = self._tokenizer, self.state.global_step
        texts = [MIXED[(place + at) % 4] for place in range(len(prompt_ids))]
        self._caught["empty"] = [False] * len(texts)
        return [[*tokenizer(text)["input_ids"], tokenizer.eos_token_id] for text in texts], None


class Run(NamedTuple):
    weights: dict[str, torch.Tensor]
    events: list[Event]
    """Those that count, without when they happened."""
    figures: list[dict[str, Any]]
    asked: int
    """How often the writer was."""
    digest: str
    """Of all events."""


def trained(
    folder: Path, output: Path, writer: ScriptedModel, *, dies_at: int = -1, resume: bool = False, steps: int = STEPS
) -> Run:
    """A run to its end, or to its death."""
    events = output / "rubrics" / "events.jsonl"
    rows = [row(f"r{n}", question=f"What {n}?") for n in range(4)]
    dataset = to_dataset(prompt_rows(rows, tokenizer_of(folder), LENGTHS))
    rubrics = EvolvingRubrics(
        evolving_settings(every=2, life_steps=2),
        reward_settings(),
        writer=JournaledModel(writer, output / "evolving.db"),
        admission=TableRubricJudge(by_word),
        events=events if is_main() else None,
        gather=lambda values: list(gather_object(values)),
    )
    reward = Dying(reward_settings(), judge=TableRubricJudge(by_word), rubrics=rubrics)
    reward.dies_at = dies_at
    chosen = settings(steps=steps, save_steps=2, keep_checkpoints=10)
    made = ByStep(
        model_of(folder), reward, dataset, tokenizer_of(folder), chosen, output,
        answer_tokens=60, use_cpu=True, parts=[rubrics],
    )  # fmt: skip
    keep_in_step(made, rubrics)
    try:
        made.train(resume_from_checkpoint=resume or None)
    except Killed:
        pass
    finally:
        digest = rubrics.buffer.checkpoint(rubrics.buffer.state.step).digest
        asyncio.run_coroutine_threadsafe(rubrics.aclose(), made.async_loop).result()
    return Run(weights(made.model), counting(events), made.state.log_history, len(writer.calls), digest)


def counting(events: Path) -> list[Event]:
    """The events of a file that count, without when they happened."""
    if not is_main():
        return []
    with EventFile(events) as file:
        return [event.model_copy(update={"time": 0.0}) for event in file.events()]


def main() -> None:
    folder, output = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(1)
    found = list[dict[str, Any]]()
    for resume in (False, True):  # killed in its last step, and gone on with
        dies_at = -1 if resume else STEPS - 1
        run = trained(folder, output, scripted(always=written(ICE)), dies_at=dies_at, resume=resume)
        found.append({"digest": run.digest, "kinds": [event.kind for event in run.events]})
    rank = 0 if is_main() else 1
    (output / f"found-{rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
