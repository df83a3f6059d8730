"""Scores what a policy answers to questions that it is not trained on.

In: held-out rows, a sampler, judges, the settings of the reward. Out: `HeldoutScore`: mean citation precision, recall,
F1 and training score, agreement with reference answers, and the rewarded judge's and the audit judge's rubric scores.
The scorer is that of `citerefine score`; criteria, formula and what an abstention is worth are those of the reward. A
figure that is not known is left out of its mean, and counted; what fails ends nothing. All processes of a run sample
their share; the first one scores. Not here: sampling (greedy.py), alarms.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from statistics import fmean
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from citerefine.judges.citation_score import CitationScore
from citerefine.judges.judge import SupportJudge
from citerefine.judges.rubric.grading import agrade
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.judges.rubric.rubric_score import RubricScore
from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.aggregation import default_formula, for_training
from citerefine.training.data.prompted import PromptedRow, row_of
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.tasks import task_of
from citerefine.training.rewards.criteria import criteria_of
from citerefine.training.rewards.maths import MathsGrader
from citerefine.training.rewards.parts import Absent, Missing, Scored, code_of, missing_by
from citerefine.training.rewards.settings import RewardSettings
from citerefine.training.rewards.verifying import verify

T = TypeVar("T")

AT_ONCE: Final = 32
"""Answers that are judged at the same time."""
FIGURES: Final = ("precision", "recall", "f1", "score")

Sampler = Callable[[Sequence[str]], list[str]]
"""Rendered prompts → completions, greedily sampled."""


class Judges(NamedTuple):
    """Who scores held-out answers."""

    support: SupportJudge
    rubric: RubricJudge | None
    """The one that is rewarded; None if no rubric is."""
    audit: RubricJudge | None
    """One that is never rewarded."""
    grader: MathsGrader
    """Who compares mathematical answers; starts nothing before it is asked."""


class HeldoutScore(NamedTuple):
    """Means over the rows that have the figure; None where none has it."""

    figures: dict[str, float | None]
    """By the names of the run's journal, as `heldout/f1`."""
    completions: tuple[str, ...]
    failures: dict[str, str]
    """Code of what kept a figure from being known → the first reason, as `code: what happened`."""


class _Scored(NamedTuple):
    """What is known of one answer."""

    citation: CitationScore | Missing | Absent
    rubric: RubricScore | Missing | Absent
    audit: RubricScore | Missing | Absent
    verification: Scored | Missing | Absent

    def reasons(self) -> Iterator[str]:
        """Why figures are not known that apply to the row."""
        for part in self:
            if isinstance(part, Missing):
                yield part.reason
        if isinstance(self.citation, CitationScore) and self.citation.f1 is None:
            yield self.citation.reason
        for score in (self.rubric, self.audit):
            if isinstance(score, RubricScore) and score.score is None:
                yield score.reason


class Gather(Protocol):
    """Joins what each process has into one list, in the order of processes; with one process, the list itself."""

    def __call__(self, values: list[tuple[int, str]]) -> list[tuple[int, str]]: ...


class Heldout:
    """The held-out rows of a run."""

    def __init__(
        self,
        rows: Sequence[PromptedRow],
        judges: Judges,
        settings: RewardSettings,
        *,
        rank: int = 0,
        world: int = 1,
        gather: Gather | None = None,
    ) -> None:
        """Every `world`-th row from `rank` on is sampled by this process; `gather` is needed if there are more.

        Args:
            rows: what is asked; those that no figure can be had of are left out.
            judges: who scores the answers.
            settings: of the reward. Criteria that it holds out are not asked for, and none is withheld.
            rank: of this process.
            world: number of processes.
            gather: joins what they sampled.
        """
        if world > 1 and gather is None:
            raise ValueError(f"{world} processes share the rows, and nothing gathers what they sample")
        self._judges, self._settings = judges, settings.model_copy(update={"rubric_dropout": 0.0})
        self._rows = [row for row in rows if self._has_figures(row_of(row.row))]
        self._rank, self._world, self._gather = rank, world, gather

    def score(self, sample: Sampler) -> HeldoutScore | None:
        """What the policy is worth now; None in all processes but the first one, and where there are no rows."""
        if not self._rows:
            return None
        mine = range(self._rank, len(self._rows), self._world)
        texts = sample([self._rows[at].prompt for at in mine])
        sampled = [*zip(mine, texts, strict=True)]
        if self._gather is not None:
            sampled = self._gather(sampled)
        if self._rank:
            return None
        completions = tuple(text for _, text in sorted(sampled))
        return run(self._scores(completions))

    async def _scores(self, completions: tuple[str, ...]) -> HeldoutScore:
        seats = asyncio.Semaphore(AT_ONCE)

        async def scored(row: TrainingRow, text: str) -> _Scored:
            async with seats:
                return await self._scored(row, text)

        pairs = zip(self._rows, completions, strict=True)
        all_scored = await asyncio.gather(*(scored(row_of(prompted.row), text) for prompted, text in pairs))
        failures = dict[str, str]()
        for reason in (reason for one in all_scored for reason in one.reasons()):
            failures.setdefault(code_of(reason), reason)
        return HeldoutScore(_figures(all_scored), completions, failures)

    # --- one answer -------------------------------------------------------------------------------------------

    async def _scored(self, row: TrainingRow, text: str) -> _Scored:
        rubric = await self._graded(self._judges.rubric, row, text)
        audit = await self._graded(self._judges.audit, row, text)
        return _Scored(await self._cited(row, text), rubric, audit, await self._verified(row, text))

    async def _cited(self, row: TrainingRow, text: str) -> CitationScore | Missing | Absent:
        if not _cites(row):
            return _ABSENT
        answerable = True if row.answerable is None and self._settings.assume_answerable else row.answerable
        answer = CitedAnswer(parse_tags(text), row.evidence, row.question, answerable)
        return await self._tried(ascore(answer, self._judges.support))

    async def _graded(self, judge: RubricJudge | None, row: TrainingRow, text: str) -> RubricScore | Missing | Absent:
        if judge is None or not self._has_criteria(row):
            return _ABSENT
        return await self._tried(self._grade(judge, row, text))

    async def _grade(self, judge: RubricJudge, row: TrainingRow, text: str) -> RubricScore | Absent:
        criteria = criteria_of(row, self._settings, "")
        if criteria is None:
            return _ABSENT
        return await agrade(
            text,
            criteria.rewarded,
            judge,
            question=row.question,
            snippets=row.evidence,
            formula=self._settings.formula or for_training(default_formula(criteria.rewarded)),
            support=self._judges.support,
        )

    async def _verified(self, row: TrainingRow, text: str) -> Scored | Missing | Absent:
        if not self._is_verified(row):
            return _ABSENT
        return await self._tried(verify(row, text, self._judges.grader))

    async def _tried(self, work: Coroutine[Any, Any, T]) -> T | Missing:
        """What comes of it before the deadline. What fails is missing, whatever it is: watching ends no run."""
        try:
            async with asyncio.timeout(self._settings.answer_deadline):
                return await work
        except Exception as error:
            return missing_by(error)

    # --- which figures a row has ------------------------------------------------------------------------------

    def _has_figures(self, row: TrainingRow) -> bool:
        graded = self._judges.rubric is not None or self._judges.audit is not None
        return _cites(row) or self._is_verified(row) or (graded and self._has_criteria(row))

    def _has_criteria(self, row: TrainingRow) -> bool:
        return row.rubric is not None or bool(self._settings.static_sets and task_of(row).cites)

    def _is_verified(self, row: TrainingRow) -> bool:
        """Of a cited row only if that is paid: its reference answer can be a text that nobody writes word for word."""
        return bool(row.gold and row.gold.strip()) and (self._settings.verification > 0 or not task_of(row).cites)


_ABSENT: Final = Absent("does not apply to the row")


def _cites(row: TrainingRow) -> bool:
    return task_of(row).cites and bool(row.evidence.snippets)


def _figures(all_scored: Sequence[_Scored]) -> dict[str, float | None]:
    cited = [one.citation for one in all_scored if isinstance(one.citation, CitationScore)]
    right = [one.verification.value for one in all_scored if isinstance(one.verification, Scored)]
    graded = [(_graded_score(one.rubric), _graded_score(one.audit)) for one in all_scored]
    gaps = [rubric - audit for rubric, audit in graded if rubric is not None and audit is not None]
    figures = {f"heldout/{name}": _mean([getattr(score, name) for score in cited]) for name in FIGURES}
    return figures | {
        "heldout/accuracy": _mean(right),
        "heldout/rubric": _mean([rubric for rubric, _ in graded]),
        "heldout/audit": _mean([audit for _, audit in graded]),
        "gap/rubric_audit": _mean(gaps),
        "heldout/n": float(len(all_scored)),
        "heldout/unscored": float(sum(any(one.reasons()) for one in all_scored)),
    }


def _graded_score(part: RubricScore | Missing | Absent) -> float | None:
    return part.score if isinstance(part, RubricScore) else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
