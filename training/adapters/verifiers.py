"""Rows and reward as a taskset of verifiers (PrimeIntellect-ai/verifiers, 0.4), for prime-rl and its evaluations.

In: a file of training rows, settings. Out: `RefinerTaskset`, whose tasks have the prompt of a refiner and are scored by
`RefinerReward`. verifiers finds a taskset by the name of an installed module of one word, so give it one:

    # refiner_rows.py
    from citerefine.training.adapters.verifiers import RefinerTaskset
    __all__ = ["RefinerTaskset"]

and name it with `--env.taskset.id refiner-rows --env.taskset.rows rows.jsonl --env.taskset.task.reward.judge …`. An
answer whose reward is not known raises, which makes its rollout an errored one: it is not trained on. Rollouts are
scored one by one, so nothing is estimated from a group. Tasks cannot say whether a model thinks, and models such as
Qwen3 do unless they are told not to: rows of the mode answer_only need `enable_thinking` set to false in
`chat_template_kwargs` of the sampling, and a rollout without it fails before it begins (`RefinerTaskConfig.switch`).
Needs the package verifiers. Not here: harnesses, training.
"""

import json
import logging
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.errors import CallError, InputError, ModelError
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_files import read_rows
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import build
from citerefine.training.data.tasks.prompt import TaskPrompt
from citerefine.training.errors import TrainingError
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings

try:
    import verifiers.v1 as vf
except ModuleNotFoundError as error:
    raise ModelError(
        "tasks for verifiers need the package verifiers; install it with pip install 'verifiers>=0.4,<0.5'"
    ) from error

__all__ = ["RefinerTaskset"]

_LOG: Final = logging.getLogger(__name__)
PATIENCE: Final = 120.0
"""Seconds for which judges are asked again about one answer."""


class RefinerData(vf.TaskData):  # type: ignore[misc]  # a package without types
    """What a task is made of."""

    row: str = ""
    """JSON of the `TrainingRow` whose evidence is what the prompt shows."""
    thinking: bool = False
    """Whether the model is to think before it answers."""


class RefinerTaskConfig(vf.TaskConfig):  # type: ignore[misc]
    """How answers are scored."""

    reward: dict[str, Any] = Field(default_factory=dict)
    """Fields of `RewardSettings`."""
    journal: str = ""
    """File of the judges' calls; see `RefinerReward`."""
    patience: float = PATIENCE
    """Seconds for which judges that fail are asked again."""
    switch: bool = True
    """Whether the model has the switch `enable_thinking`, which must then be set as the row's mode says; false for a
    model or a server that does not know it."""


class RefinerTask(vf.Task[RefinerData, vf.State, RefinerTaskConfig]):  # type: ignore[misc]
    """One question with its evidence."""

    async def setup(self, trace: vf.Trace, runtime: vf.Runtime) -> None:
        """Raises InputError if the sampling lets the model think where the row's mode does not, or the reverse."""
        sampling = trace.agent.config.sampling
        said = {} if sampling is None else sampling.model_dump()
        thinks = (said.get("chat_template_kwargs") or {}).get("enable_thinking", True)
        if self.config.switch and thinks is not self.data.thinking:
            found, wanted = json.dumps(thinks), json.dumps(self.data.thinking)
            raise InputError(
                f"task {self.data.id} is asked with enable_thinking {found}, and its mode needs {wanted}; "
                f'set the agent\'s sampling.chat_template_kwargs to {{"enable_thinking": {wanted}}}, or task.switch to '
                "false for a model that has no such switch"
            )

    @vf.reward  # type: ignore[untyped-decorator]
    async def refiner(self, trace: vf.Trace) -> float:
        """The reward of the last reply; the terms that it is made of are recorded as metrics.

        Raises:
            TrainingError: if it is not known.
            CallError: if asking judges on is of no use.
        """
        reward = _reward(json.dumps(self.config.reward, sort_keys=True), self.config.journal)
        (found,) = await reward.ascore_group(self.data.row, [trace.last_reply], patience=self.config.patience)
        trace.record_metrics({term.name: term.value for term in found.terms if term.value is not None})
        if found.total is None:
            raise TrainingError(f"the reward of this answer is not known: {found.reason}")
        return found.total


class RefinerTasksetConfig(vf.TasksetConfig):  # type: ignore[misc]
    """Which rows, and how long prompts may be."""

    rows: str = ""
    """Rows as `DataSettings.train` names them."""
    data: dict[str, Any] = Field(default_factory=dict)
    """Further fields of `DataSettings`."""
    task: RefinerTaskConfig = RefinerTaskConfig()


class RefinerTaskset(vf.Taskset[RefinerTask, RefinerTasksetConfig]):  # type: ignore[misc]
    """The rows of a file as tasks."""

    def load(self) -> Iterator[RefinerTask]:
        """A task for each row whose prompt fits, in order; others are logged. Raises InputError if the rows cannot be
        read, or one of them not be used."""
        settings = DataSettings.model_validate({**self.config.data, "train": self.config.rows})
        read = read_rows(settings.train, mode=settings.mode, max_rows=settings.max_rows)
        if read.refused:
            first = read.refused[0]
            raise InputError(f"{settings.train}, line {first.line}: {first.reason}; mend it, or take it out")
        for row in read.rows:
            asked = _asked(row, settings)
            if asked is not None:
                system, user = (message.content for message in asked.call.messages)
                data = RefinerData(
                    id=row.id,
                    prompt=user,
                    system_prompt=system,
                    row=asked.row.model_dump_json(),
                    thinking=asked.call.thinking,
                )
                yield RefinerTask(data, self.config.task)


def _asked(row: TrainingRow, settings: DataSettings) -> TaskPrompt | None:
    """What is asked of a row; None if it does not fit the lengths that are set."""
    try:
        asked = build(row, settings, _count)
    except CallError as error:
        _LOG.warning("row %s is left out: %s", row.id, error)
        return None
    if asked.trimmed and settings.long == "drop":
        _LOG.warning("row %s is left out: its evidence does not fit %d tokens", row.id, settings.prompt_tokens)
        return None
    return asked


async def _count(texts: Any) -> list[int]:
    """By the cautious estimate: a taskset has no tokenizer."""
    return [estimate_tokens(text) for text in texts]


@lru_cache(maxsize=8)
def _reward(settings: str, journal: str) -> RefinerReward:
    """One reward a process, so that connections and budgets are shared."""
    return RefinerReward(RewardSettings.model_validate_json(settings), journal=Path(journal) if journal else None)
