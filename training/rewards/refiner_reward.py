"""The reward of a refiner: what TRL calls, and what can be used alone.

In: prompts, completions, rows. Out: for each completion a number or None. None means that the reward is not known, as
where a judge failed: the answer must not move the policy, and no default stands in for it. An answer that is bad has a
real, low reward. Rows one after another with the same prompt are one group: they are judged by the same criteria, and
criteria that were not judged are estimated from the group. Figures go to the trainer's log, everything to the
transcripts. Needs no torch. Not here: advantages (citerefine.training.advantages).
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from citerefine.judges.judge import SupportJudge
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.refiner.background import run
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.records import Usage
from citerefine.training.data.prompted import row_of
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row
from citerefine.training.rewards.answers import Grader
from citerefine.training.rewards.batch import Batch, Group, RubricSource, Scores
from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.rewards.measures import bill, measure
from citerefine.training.rewards.panel import Panel
from citerefine.training.rewards.parts import Missing, failed
from citerefine.training.rewards.settings import RewardSettings
from citerefine.training.rewards.spending import processes
from citerefine.training.rewards.transcripts import Transcripts

Row = TrainingRow | Mapping[str, Any] | str
"""A row, its JSON, its fields, or an object of a file of rows."""

_MAIN: Final = "0"
"""RANK of the first process of a job."""
_IN_PROCESS: Final = ("hf:", "vllm:")


class RefinerReward:
    """A reward function for TRL (`reward_funcs=[reward]`), and one to call by hand.

    Can be pickled; judges given as objects must be able to. Keep one for a run, and close it at the end: `await
    aclose()` in the event loop that called it, or `close()` if only `score` and `score_group` were used.

    >>> reward = RefinerReward(RewardSettings(rubric=0, citation=0.8, format=0.2))
    >>> row = {"id": "1", "question": "What did perch do?", "snippets": [
    ...     {"id": "a", "text": "Perch doubled in Lake Orven by 2010, as a survey of the lake found."}]}
    >>> found = reward.score(row, "<answer><snippet id=a>Perch doubled in Lake Orven by 2010.</snippet></answer>")
    >>> [(term.name, round(term.value, 2)) for term in found.terms], round(found.total, 2)
    ([('citation', 0.33), ('format', 1.0)], 0.47)
    >>> reward.score(row, "Perch doubled.").reason
    'no_answer: there is no <answer> block'
    """

    __name__ = "reward"  # TRL names the figures of a reward function by it

    def __init__(
        self,
        settings: RewardSettings | None = None,
        *,
        judge: RubricJudge | None = None,
        support: SupportJudge | None = None,
        journal: Path | None = None,
        transcripts: Path | None = None,
        seed: int = 0,
        rubrics: RubricSource | None = None,
    ) -> None:
        """Loads no judge yet.

        Args:
            settings: weights, judges, patience.
            judge: takes the place of `settings.judge`.
            support: takes the place of `settings.support`.
            journal: file of the calls of a rubric judge that is a model, so that none is paid twice; verdicts of a
                support judge that is a model are kept beside it, in verdicts.db.
            transcripts: file of lines to which every scored completion is added; processes of a job other than the
                first one write files of their own beside it.
            seed: with step and prompt it draws which criteria are withheld.
            rubrics: where criteria come from, in place of rows and `settings.static_sets`; it is told what the answers
                of each call in the phase `train` are worth, and closed by whoever made it.
        """
        self.settings = settings or RewardSettings()
        self.seed = seed
        self.phase = "train"
        """What transcripts say that completions are scored for."""
        self.breakdowns: tuple[Breakdown, ...] = ()
        """Of the last call, one for each completion, in order."""
        self._usages: list[Usage] = []
        self._rubrics = rubrics
        self._panel = Panel(self.settings, judge, support, journal)
        self._given = [given for given in (judge, support) if given is not None]
        self._transcripts = None if transcripts is None else Transcripts(_of_process(transcripts))

    async def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None = None,
        *,
        row: Sequence[Row],
        trainer_state: Any = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """The rewards of completions; waits while judges do not answer, for `settings.patience` at most.

        Args:
            prompts: text, or anything that JSON can hold; equal ones side by side are a group if their rows are equal.
            completions: text, or messages of which those of the assistant count.
            completion_ids: not used; TRL passes them.
            row: `TrainingRow`s, their JSON, or their fields. Evidence must be what the prompt shows.
            trainer_state: its `global_step` numbers the step.
            log_extra: takes a column of the table of completions.
            log_metric: takes a figure of the call, of this process alone; TRL logs the mean over calls and processes,
                so sums are given times the number of processes. A trainer that samples several times a step takes
                `figures` instead.
            columns: further columns of the data set; not used.

        Raises:
            JudgeOutage: if too few answers could be judged, and the patience is over.
            CallError: if asking on is of no use: `unauthorized`, `no_such_model`, `budget`.
            ModelError: if a judge cannot be loaded.
            InputError: if the transcripts cannot be written.
        """
        rollout = RolloutScoring(self, _step(trainer_state))
        await rollout.add(0, prompts, completions, row=row)
        return await rollout.finish(log_extra=log_extra, log_metric=log_metric)

    def scoring(self, trainer_state: Any = None) -> "RolloutScoring | None":
        """What scores a rollout part by part, some while others are sampled, with the results of one call for all.

        None if a judge runs in this process: it shares torch's random numbers with what is sampled, and its cores.
        """
        names = (self.settings.judge, self.settings.support, self.settings.backup)
        if any(name.removeprefix("cascade:").startswith(_IN_PROCESS) for name in names):
            return None
        if any(kind in judge.name for kind in _IN_PROCESS for judge in self._given):
            return None
        return RolloutScoring(self, _step(trainer_state))

    async def _keep(self, step: int, groups: Sequence[Group], texts: Sequence[str], scores: Scores) -> None:
        """Keeps what a rollout is worth where it is looked for afterwards."""
        judged = [one for group in scores.groups for one in group]
        self.breakdowns = tuple(one.breakdown for one in judged)
        if self._transcripts is not None:
            self._transcripts.add(step, self.phase, texts, judged)
        if self._rubrics is not None and self.phase == "train":
            await self._rubrics.observe(step, groups, scores.groups)
        self._usages += scores.usages

    def _groups(
        self, prompts: Sequence[Any], texts: Sequence[str], rows: Sequence[Row], step: int
    ) -> Iterator[Group]:
        held: list[str] = []
        last: tuple[str, Any] | None = None
        for prompt, text, row in zip(prompts, texts, rows, strict=True):
            key = (prompt if isinstance(prompt, str) else json.dumps(prompt, default=str), row)
            if last is not None and key != last:
                yield self._group(*last, held, step)
                held = []
            last = key
            held.append(text)
        if last is not None:
            yield self._group(*last, held, step)

    def _group(self, prompt: str, row: Row, texts: Sequence[str], step: int) -> Group:
        draw = f"{self.seed}/{step}/{hashlib.sha256(prompt.encode('utf-8', 'replace')).hexdigest()}"
        return Group(_read_row(row), tuple(texts), draw)

    def _batch(self) -> Batch:
        return Batch(Grader(self.settings, self._panel), self._rubrics)

    def _log(
        self,
        scores: Scores,
        log_extra: Callable[[str, list[Any]], None] | None,
        log_metric: Callable[[str, float], None] | None,
    ) -> None:
        if log_extra is not None:
            for name in self.settings.weights:
                log_extra(f"reward_{name}", [one.value(name) for one in self.breakdowns])
            log_extra("reward_reason", [one.reason for one in self.breakdowns])
        if log_metric is not None:
            groups = [[one.breakdown for one in group] for group in scores.groups]
            sums = {name: value * processes() for name, value in bill(scores.usages).items()}
            for name, value in (measure(groups, self.settings) | sums).items():
                log_metric(name, value)

    def figures(self, groups: Sequence[Sequence[Breakdown]], usages: Sequence[Usage]) -> dict[str, float]:
        """The figures of a whole step, for its log (measures.py): of the answers of all processes that are trained
        on, by group, and of all that judging took, that of discarded answers too."""
        return measure(groups, self.settings) | bill(usages)

    def take_usages(self) -> list[Usage]:
        """What the rubric judge consumed in calls since this was last asked, for each answer where it is known."""
        usages, self._usages = self._usages, []
        return usages

    def score(self, row: Row, completion: str) -> Breakdown:
        """The reward of one answer, alone: judges are asked once, and what they fail on is missing. Raises CallError
        and ModelError as a call does, and ValueError if the row cannot be read."""
        return self.score_group(row, [completion])[0]

    def score_group(self, row: Row, completions: Sequence[str]) -> tuple[Breakdown, ...]:
        """The same of several answers to one row, as one group."""
        return run(self.ascore_group(row, completions))

    async def ascore_group(
        self, row: Row, completions: Sequence[str], *, patience: float | None = None
    ) -> tuple[Breakdown, ...]:
        """The same, to be awaited. With `patience`, judges that fail are asked again for so many seconds, and
        JudgeOutage is raised after that."""
        read = _read_row(row)
        if isinstance(read, Missing):
            raise ValueError(read.reason)
        batch = self._batch()
        await batch.ask([self._group(read.question, read, completions, 0)])
        scores = await batch.settled(patience)
        return tuple(one.breakdown for one in scores.groups[0])

    def rewind(self, step: int) -> None:
        """Takes the transcripts of this step and of all later ones away, before a run makes them again."""
        if self._transcripts is not None:
            self._transcripts.rewind(step)

    async def aclose(self) -> None:
        """Gives back connections, files and processes; a later call opens them anew."""
        if self._transcripts is not None:
            self._transcripts.close()
        await self._panel.aclose()

    def close(self) -> None:
        """The same, where nothing was awaited."""
        run(self.aclose())


class RolloutScoring:
    """The rewards of one rollout, of which some parts may be judged while others do not exist yet."""

    def __init__(self, reward: RefinerReward, step: int) -> None:
        self._reward, self._step = reward, step
        self._batch = reward._batch()
        self._given: dict[int, tuple[list[Group], list[str]]] = {}

    async def add(
        self,
        at: int,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Any] | None = None,
        /,
        *,
        row: Sequence[Row],
        **columns: Any,
    ) -> None:
        """Asks judges about whole groups, once; arguments and errors are those of a call of the reward.

        Calls may overlap, and come in any order: `at` is the place of the first answer in the rollout.
        """
        texts = [_text(completion) for completion in completions]
        groups = [*self._reward._groups(prompts, texts, row, self._step)]
        self._given[at] = (groups, texts)
        await self._batch.ask(groups, at)

    async def finish(
        self,
        *,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
    ) -> list[float | None]:
        """The rewards of all answers, when all calls of `add` are done; waits, raises and keeps what a call of the
        reward with all of them would."""
        scores = await self._batch.settled(self._reward.settings.patience)
        given = [self._given[at] for at in sorted(self._given)]
        groups = [group for part, _ in given for group in part]
        await self._reward._keep(self._step, groups, [text for _, texts in given for text in texts], scores)
        self._reward._log(scores, log_extra, log_metric)
        return [one.total for one in self._reward.breakdowns]


def _step(trainer_state: Any) -> int:
    return int(getattr(trainer_state, "global_step", 0) or 0)


def _of_process(path: Path) -> Path:
    rank = os.environ.get("RANK", _MAIN)
    return path if rank == _MAIN else path.with_name(f"{path.stem}-{rank}{path.suffix}")


def _text(completion: Any) -> str:
    if isinstance(completion, str):
        return completion
    said = (message for message in completion if message.get("role", "assistant") == "assistant")
    return "".join(str(message.get("content") or "") for message in said)


def _read_row(row: Row) -> TrainingRow | Missing:
    if isinstance(row, TrainingRow):
        return row
    try:
        if isinstance(row, str):
            return row_of(row)
        return TrainingRow.model_validate(row) if "evidence" in row else read_row(row)
    except (ValueError, BadRow) as error:
        return failed("unusable", f"{type(error).__name__}: {error}")
