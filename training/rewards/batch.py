"""Scores the answers to several prompts at once, and asks again where judges do not answer.

In: groups of answers, all together or some after others (`Batch`), a grader. Out: `Judged` for each answer, in order. A
bounded number of answers is judged at once; what one of them fails on is missing there and nowhere else. Whether
judges are waited for is a matter of the whole batch. Not here: one answer (answers.py), one group (combining.py), what
a trainer passes (refiner_reward.py).
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from citerefine.judges.rubric.rubric_score import RubricScore
from citerefine.refiner.records import Usage
from citerefine.training.data.row import TrainingRow
from citerefine.training.rewards.answers import Graded, Grader, all_of
from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.rewards.combining import Judged, combine_group
from citerefine.training.rewards.criteria import Criteria, criteria_of
from citerefine.training.rewards.parts import Missing, missing_by
from citerefine.training.rewards.waiting import Patience, lacks_judges, outage

MOST_AT_ONCE: Final = 64
"""Answers that are judged at once; how many requests that makes is for the model's client to bound."""


class Group(NamedTuple):
    """The answers to one prompt."""

    row: TrainingRow | Missing
    """Missing if it could not be read: its answers have no reward."""
    texts: tuple[str, ...]
    draw: str
    """Decides which criteria are withheld from the group (criteria.py)."""


class Scores(NamedTuple):
    """What a batch is worth."""

    groups: list[list[Judged]]
    usages: list[Usage]
    """What the rubric judge consumed for each answer, where it is known."""


class RubricSource(Protocol):
    """Where criteria come from in place of `criteria_of`: rubrics that change with what was seen of answers."""

    def criteria(self, row: TrainingRow, draw: str) -> Criteria | None:
        """As `criteria_of`. Raises ValueError."""

    async def observe(self, step: int, groups: Sequence[Group], judged: Sequence[Sequence[Judged]]) -> None:
        """Is told what answers are worth that are trained on, by group."""


class Batch:
    """Answers that are scored together, though some may be given while others are judged."""

    def __init__(self, grader: Grader, rubrics: RubricSource | None = None) -> None:
        """`grader`: with settings and judges. `rubrics`: where criteria come from; None: from the rows, and the
        settings' static sets."""
        self._grader, self._rubrics = grader, rubrics
        self._given: dict[int, _Part] = {}
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)

    async def ask(self, groups: Sequence[Group], at: int = 0) -> None:
        """Takes further groups, and asks about them once.

        Args:
            groups: whole ones.
            at: another number for each call; the results of a lower one come first.

        Raises:
            CallError: if asking on is of no use for any answer: `unauthorized`, `no_such_model`, `budget`.
            ModelError: if a judge cannot be loaded.
        """
        part = _Part(groups, self._grader, self._rubrics, self._at_once)
        self._given[at] = part
        await part.ask()

    async def settled(self, patience: float | None) -> Scores:
        """What all answers are worth, when all calls of `ask` are done.

        Args:
            patience: seconds for which judges are asked again while too many answers lack a reward for want of one;
                None leaves it at what was found.

        Raises:
            JudgeOutage: if the patience ends.
            CallError: as `ask`.
            ModelError: as `ask`.
        """
        waits = Patience(patience) if patience is not None else None
        while waits is not None and lacks_judges(self._rows(), self._grader.settings.least_valid):
            if not await waits.pause():
                raise outage(self._rows(), patience or 0.0)
            await all_of([part.ask() for part in self._parts])
        groups = [group for part in self._parts for group in part.judged]
        return Scores(groups, [usage for part in self._parts for usage in part.usages()])

    @property
    def _parts(self) -> "list[_Part]":
        return [self._given[at] for at in sorted(self._given)]

    def _rows(self) -> list[Judged]:
        return [one for part in self._parts for group in part.judged for one in group]


class _Part:
    """What is known so far of groups that came together."""

    def __init__(
        self, groups: Sequence[Group], grader: Grader, rubrics: RubricSource | None, at_once: asyncio.Semaphore
    ) -> None:
        self._groups, self._grader, self._rubrics, self._at_once = groups, grader, rubrics, at_once
        self._criteria = [self._criteria_of(group) for group in groups]
        self._graded: list[list[Graded | None]] = [[None] * len(group.texts) for group in groups]
        self.judged: list[list[Judged]] = []

    def _criteria_of(self, group: Group) -> Criteria | Missing | None:
        if isinstance(group.row, Missing):
            return group.row
        try:
            if self._rubrics is not None:
                return self._rubrics.criteria(group.row, group.draw)
            return criteria_of(group.row, self._grader.settings, group.draw)
        except ValueError as error:  # a rubric that cannot be joined costs its group, and not the run
            return missing_by(error)

    async def ask(self) -> None:
        """Asks for all that is not known yet, and works out the rewards."""
        await all_of([self._grade(g, i) for g, group in enumerate(self._groups) for i in self._due(g, group)])
        self.judged = [self._combined(g, group) for g, group in enumerate(self._groups)]

    def _due(self, g: int, group: Group) -> list[int]:
        if isinstance(self._criteria[g], Missing):
            return []
        if not self.judged:
            return [*range(len(group.texts))]
        return [i for i, one in enumerate(self.judged[g]) if one.again]

    async def _grade(self, g: int, i: int) -> None:
        group, criteria = self._groups[g], self._criteria[g]
        assert not isinstance(group.row, Missing)  # such groups have none due
        assert not isinstance(criteria, Missing)
        async with self._at_once:
            asked = None if criteria is None else criteria.asked
            self._graded[g][i] = await self._grader.grade(group.row, group.texts[i], asked, self._graded[g][i])

    def _combined(self, g: int, group: Group) -> list[Judged]:
        criteria = self._criteria[g]
        if isinstance(group.row, Missing) or isinstance(criteria, Missing):
            why = criteria if isinstance(criteria, Missing) else Missing("unread")
            id = "" if isinstance(group.row, Missing) else group.row.id
            return [_unjudged(id, why)] * len(group.texts)
        graded = [one for one in self._graded[g] if one is not None]
        return combine_group(group.row.id, graded, criteria, self._grader.settings)

    def usages(self) -> list[Usage]:
        """What the rubric judge consumed for each answer, where that is known."""
        scores = [one.rubric for group in self._graded for one in group if one is not None]
        return [score.usage for score in scores if isinstance(score, RubricScore) and score.usage is not None]


def _unjudged(id: str, why: Missing) -> Judged:
    breakdown = Breakdown(id=id, reason=f"bad_row: {why.reason}", failures=why.codes)
    return Judged(breakdown, (), None, (why,), None)
