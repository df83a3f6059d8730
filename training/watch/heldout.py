"""Scores what a policy answers to questions that it is not trained on.

In: held-out rows, a sampler, judges. Out: `HeldoutScore`: mean citation precision, recall, F1 and training score, with
the rewarded judge's and the audit judge's rubric scores beside them. The scorer is that of `citerefine score`; answers
whose score is not known are left out and counted. All processes of a run sample their share; the first one scores. Not
here: sampling (greedy.py), alarms.
"""

import asyncio
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Final, NamedTuple, Protocol

from citerefine.judges.citation_score import CitationScore
from citerefine.judges.judge import SupportJudge
from citerefine.judges.rubric.grading import agrade
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.judges.rubric.rubric_score import RubricScore
from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.rubric import Rubric
from citerefine.training.data.prompted import PromptedRow, row_of
from citerefine.training.data.row import TrainingRow

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


class HeldoutScore(NamedTuple):
    """Means over the rows that have the figure; None where none has it."""

    figures: dict[str, float | None]
    """By the names of the run's journal, as `heldout/f1`."""
    completions: tuple[str, ...]


class _Scored(NamedTuple):
    citation: CitationScore | None
    rubric: RubricScore | None
    audit: RubricScore | None


class Gather(Protocol):
    """Joins what each process has into one list, in the order of processes; with one process, the list itself."""

    def __call__(self, values: list[tuple[int, str]]) -> list[tuple[int, str]]: ...


class Heldout:
    """The held-out rows of a run."""

    def __init__(
        self,
        rows: Sequence[PromptedRow],
        judges: Judges,
        *,
        criteria: Callable[[TrainingRow], Rubric | None] = lambda row: row.rubric,
        rank: int = 0,
        world: int = 1,
        gather: Gather | None = None,
    ) -> None:
        """Every `world`-th row from `rank` on is sampled by this process; `gather` is needed if there are more.

        Args:
            rows: what is asked.
            judges: who scores the answers.
            criteria: what a row's answers are graded by; its own rubric, unless the reward adds to it.
            rank: of this process.
            world: number of processes.
            gather: joins what they sampled.
        """
        if world > 1 and gather is None:
            raise ValueError(f"{world} processes share the rows, and nothing gathers what they sample")
        self._rows, self._judges, self._criteria = rows, judges, criteria
        self._rank, self._world, self._gather = rank, world, gather

    def score(self, sample: Sampler) -> HeldoutScore | None:
        """What the policy is worth now; None in all processes but the first one, and where there are no rows.

        Raises CallError if a judge cannot be asked at all.
        """
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
        return HeldoutScore(run(self._figures(completions)), completions)

    async def _figures(self, completions: Sequence[str]) -> dict[str, float | None]:
        seats = asyncio.Semaphore(AT_ONCE)

        async def scored(row: TrainingRow, text: str) -> _Scored:
            async with seats:
                return await self._scored(row, text)

        pairs = zip(self._rows, completions, strict=True)
        all_scored = await asyncio.gather(*(scored(row_of(prompted.row), text) for prompted, text in pairs))
        cited = [one.citation for one in all_scored if one.citation is not None]
        figures = {f"heldout/{name}": _mean([getattr(score, name) for score in cited]) for name in FIGURES}
        figures["heldout/rubric"] = _mean([one.rubric.score for one in all_scored if one.rubric is not None])
        figures["heldout/audit"] = _mean([one.audit.score for one in all_scored if one.audit is not None])
        both = [(one.rubric.score, one.audit.score) for one in all_scored if one.rubric and one.audit]
        gaps = [rubric - audit for rubric, audit in both if rubric is not None and audit is not None]
        figures["gap/rubric_audit"] = fmean(gaps) if gaps else None
        figures["heldout/n"] = float(len(all_scored))
        figures["heldout/unscored"] = float(sum(score.f1 is None for score in cited))
        return figures

    async def _scored(self, row: TrainingRow, text: str) -> _Scored:
        citation = None
        if row.evidence.snippets:
            answer = CitedAnswer(parse_tags(text), row.evidence, row.question, row.answerable)
            citation = await ascore(answer, self._judges.support)
        rubric = await self._graded(self._judges.rubric, row, text)
        return _Scored(citation, rubric, await self._graded(self._judges.audit, row, text))

    async def _graded(self, judge: RubricJudge | None, row: TrainingRow, text: str) -> RubricScore | None:
        rubric = None if judge is None else self._criteria(row)
        if judge is None or rubric is None:
            return None
        return await agrade(
            text,
            rubric,
            judge,
            question=row.question,
            snippets=row.evidence.snippets,
            support=self._judges.support,
        )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
