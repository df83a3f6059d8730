"""What the commands about training data share: models, the reward, progress, the report.

In: options. Out: stages for citerefine.training.data.building, all of whose calls are kept in a file; lines on standard
error. Not here: the commands (data_build.py, data_best_of_n.py).
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from citerefine.app.grade_judge import trust_in
from citerefine.app.messages import counted, say
from citerefine.app.self_tests import try_out
from citerefine.app.status_line import StatusLine
from citerefine.app.verdicts import agreet, make_folder
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.errors import InputError
from citerefine.refiner.models import EXTRACTIVE, load_chat_model
from citerefine.refiner.protocols import ChatModel
from citerefine.training.data.building.sampling import SampleAnswers, SampleSettings
from citerefine.training.data.building.scoring import RewardScorer, ScoreAnswers, Scored
from citerefine.training.data.building.stages import WorkReport
from citerefine.training.data.row import TrainingRow
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.rewards.refiner_reward import RefinerReward
from citerefine.training.rewards.settings import RewardSettings

CALLS = "calls.db"
"""File of the calls of models, in the folder of the stages."""


@dataclass(frozen=True)
class Sampled:
    """Which answers are drawn, and by whom they are judged."""

    model: str | None
    n: int
    temperature: float
    seed: int
    prompt_tokens: int
    answer_tokens: int
    recipe: str | None = None
    """Whose reward it is; None: the default one."""
    judge: str | None = None
    """In place of the reward's own."""
    support: str | None = None
    self_test: bool = True

    @property
    def settings(self) -> SampleSettings:
        """How answers are drawn."""
        return SampleSettings(
            n=self.n,
            temperature=self.temperature,
            seed=self.seed,
            prompt_tokens=self.prompt_tokens,
            answer_tokens=self.answer_tokens,
            total_tokens=max(8192, self.prompt_tokens + self.answer_tokens),
        )

    @cached_property
    def reward(self) -> RewardSettings:
        """What they earn. Raises RecipeError if there is no such recipe."""
        own = RewardSettings() if self.recipe is None else load_recipe(self.recipe).reward
        named = {"judge": self.judge, "support": self.support}
        return own.model_copy(update={name: value for name, value in named.items() if value is not None})


class Models:
    """Opens models, each once, with their calls kept; an asynchronous context manager, which closes them."""

    def __init__(self, folder: Path) -> None:
        """`folder` is that of the stages."""
        self._folder = folder
        self._judge_calls = folder / "judge" / CALLS
        self._opened: dict[str, ChatModel] = {}
        self._closing = AsyncExitStack()

    def chat(self, name: str) -> ChatModel:
        """The model of this string. Raises ModelError."""
        if name not in self._opened:
            model = JournaledModel(load_chat_model(name), self._folder / CALLS)
            self._closing.push_async_callback(model.aclose)
            self._opened[name] = model
        return self._opened[name]

    def stages(self, sampled: Sampled) -> tuple[SampleAnswers, ScoreAnswers]:
        """The stages that draw answers and score them. Raises InputError and ModelError."""
        if sampled.model in (None, "", EXTRACTIVE):
            raise InputError(
                f"answers are drawn from a chat model, and --model is {sampled.model!r}; name one, for example "
                "openai:Qwen/Qwen3-4B@http://localhost:8000/v1"
            )
        reward = RefinerReward(sampled.reward, journal=self._judge_calls, seed=sampled.seed)
        self._closing.push_async_callback(reward.aclose)
        sample = SampleAnswers(self.chat(str(sampled.model)), sampled.settings)
        return sample, ScoreAnswers(_TriedScorer(RewardScorer(reward), sampled))

    async def __aenter__(self) -> "Models":
        """Makes the folders for calls, for their owner only. Raises InputError."""
        make_folder(self._judge_calls)
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self._closing.aclose()


class _TriedScorer:
    """A scorer whose judges are tried out before the first answers that they are asked about."""

    def __init__(self, scorer: RewardScorer, sampled: Sampled) -> None:
        self.settings = scorer.settings
        self._scorer, self._reward, self._self_test = scorer, sampled.reward, sampled.self_test
        self._is_tried = False
        self._lock = asyncio.Lock()

    async def score(self, row: TrainingRow, answers: Sequence[str]) -> Sequence[Scored]:
        """What answers earn. Raises CallError if a judge is not there, SelfTestError if its verdicts mean little."""
        async with self._lock:
            if not self._is_tried:
                for judge in dict.fromkeys((self._reward.judge, self._reward.support)):
                    await agreet(judge)
                if self._self_test:
                    await try_out(self._reward.judge, self._reward.judge)
                self._is_tried = True
        return await self._scorer.score(row, answers)


class WorkProgress(StatusLine):
    """Says how far a run is; a context manager."""

    def __init__(self) -> None:
        super().__init__()
        self.report = WorkReport()
        """As it was told last."""

    def progress(self, report: WorkReport) -> None:
        """Shows the report when it is time."""
        self.report = report
        self.show(lambda: _told(report), report.rows, report.total)


def _told(report: WorkReport) -> str:
    of = "" if report.total is None else f" of {report.total}"
    parts = [f"{report.rows}{of} rows done", *(f"{n} {stage}" for stage, n in report.made.items())]
    failed = sum(report.failed.values())
    return ", ".join([*parts, f"{failed} failed"] if failed else parts)


def say_trust(sampled: Sampled) -> None:
    """Says how far the judges may be trusted."""
    for line in dict.fromkeys([*trust_in(sampled.reward.judge), *trust_in(sampled.reward.support)]):
        say(line)


def say_work(report: WorkReport) -> None:
    """Says what was done, and what it used."""
    before = f", {report.done_before} done before" if report.done_before else ""
    made = ", ".join(f"{n} {stage}" for stage, n in report.made.items()) or "nothing new"
    say(f"{counted(report.rows, 'row')}{before}: {made} ({report.seconds:.1f} s)")
    if report.failed:
        say(f"failed: {', '.join(f'{n} {why}' for why, n in report.failed.items())}")
        if not report.is_good:
            say("--retry-failed tries these rows again")
    used = report.usage
    if used is not None and None not in (used.prompt_tokens, used.completion_tokens):
        say(f"models read {used.prompt_tokens:,} tokens and wrote {used.completion_tokens:,}")


def work_values(report: WorkReport) -> dict[str, Any]:
    """The report as JSON values."""
    values = asdict(report)
    values["usage"] = report.usage and report.usage.model_dump(mode="json")
    return values | {"seconds": round(report.seconds, 3)}


def say_refused(lines: Iterable[tuple[int, str]], most: int = 3) -> None:
    """Says which rows could not be used, of the first few."""
    refused = [*lines]
    for line, reason in refused[:most]:
        say(f"line {line}: {reason}")
    if len(refused) > most:
        say(f"… and {len(refused) - most} more rows that cannot be used")
