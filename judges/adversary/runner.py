"""Runs the hacks against a judge and a reward.

In: a rubric judge, a support judge, a reward; hacks and topics, by default all. Out: `Row`s, in the order of the hacks:
one where an answer is changed, one more for each check. Each attack is compared with the answer that it starts from,
judged by the same judges. Not here: printing (benchmarks/adversary.py), what an attack does (operations/).
"""

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from typing import NamedTuple

from citerefine.judges.adversary.checks import CHECKS
from citerefine.judges.adversary.drafts import BASES, NOTHING, Draft, Topic, load_topics
from citerefine.judges.adversary.hacks import Change, Hack, load_hacks
from citerefine.judges.adversary.operations import OPERATIONS
from citerefine.judges.adversary.oracle import oracle_rubric, oracle_support
from citerefine.judges.adversary.reward import Case, Parts, Reward, combined, plain
from citerefine.judges.adversary.row import Row
from citerefine.judges.judge import SupportJudge
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.refiner.background import run


class Panel(NamedTuple):
    """Who judges; None: an oracle."""

    rubric: RubricJudge | None
    support: SupportJudge | None
    reward: Reward

    @property
    def knows(self) -> bool:
        """Whether oracles judge."""
        return self.rubric is None and self.support is None


class Measured(NamedTuple):
    """One attack, or one harmless edit."""

    where: str
    variant: str
    total: float | None
    """Change of the reward; None if it is not known then."""
    rubric: float | None
    citation: float | None
    plain: float | None


def run_adversary(
    judge: RubricJudge | None = None,
    support: SupportJudge | None = None,
    reward: Reward = combined,
    *,
    hacks: Sequence[Hack] | None = None,
    topics: Sequence[Topic] | None = None,
) -> list[Row]:
    """What the hacks earn.

    Args:
        judge: grades answers by rubrics; None: an oracle that knows what each sentence asserts.
        support: says how far snippets support claims; None: an oracle.
        reward: makes one number of both; by default `reward.combined`.
        hacks: by default all 35.
        topics: by default all six.

    Raises:
        CallError: if a judge cannot go on at all.
    """
    return run(arun_adversary(judge, support, reward, hacks=hacks, topics=topics))


async def arun_adversary(
    judge: RubricJudge | None = None,
    support: SupportJudge | None = None,
    reward: Reward = combined,
    *,
    hacks: Sequence[Hack] | None = None,
    topics: Sequence[Topic] | None = None,
) -> list[Row]:
    """The same as `run_adversary`, to be awaited."""
    runner, rows = _Runner(Panel(judge, support, reward), load_topics() if topics is None else topics), list[Row]()
    for hack in load_hacks() if hacks is None else hacks:
        if hack.attack:
            rows.append(await runner.row(hack))
        if hack.check:
            checked = await CHECKS[hack.check]()
            rows.append(
                Row(
                    number=hack.number,
                    name=hack.name,
                    attacks=hack.attacks,
                    part=hack.check,
                    limit=hack.limit,
                    **checked._asdict(),
                )
            )
    return rows


class _Runner:
    """Runs attacks, and judges each answer that they start from once."""

    def __init__(self, panel: Panel, topics: Sequence[Topic]) -> None:
        self._panel = panel
        self._topics = topics
        self._before = dict[tuple[str, str], tuple[Parts, Parts | None]]()

    async def row(self, hack: Hack) -> Row:
        """What a hack earns by its texts."""
        attacks = await self._measured(hack.attack, hack.on)
        controls = () if hack.control is None else (hack.control,)
        edits = await self._measured(controls, [base for base in hack.on if base in BASES] or BASES)
        best = max(attacks, key=lambda one: -9.0 if one.total is None else one.total)
        moved = max(edits, key=_moved)
        return Row(
            number=hack.number,
            name=hack.name,
            attacks=hack.attacks,
            on=best.where,
            variant=best.variant,
            n=len(attacks),
            gain=best.total,
            rubric_gain=_most(one.rubric for one in attacks),
            citation_gain=_most(one.citation for one in attacks),
            plain_gain=_most(one.plain for one in attacks),
            drift=_moved(moved),
            drift_on=moved.where,
            limit=hack.limit,
        )

    async def _measured(self, changes: Sequence[Change], bases: Sequence[str]) -> list[Measured]:
        """All that is due of one hack, at once: judges bound how much they do at a time."""
        due = list[Awaitable[Measured]]()
        for at, topic in enumerate(self._topics):
            for base in bases:
                draft, before = topic.draft(base), await self._before_of(topic, base)
                for change in changes:
                    for number, text in self._texts(change, at):
                        variant = change.do if len(change.texts) == 1 else f"{change.do} {number + 1}"
                        after = OPERATIONS[change.do](draft, topic, text)
                        due.append(self._compare(topic, f"{base}, {topic.id}", variant, before, after))
        return await asyncio.gather(*due)

    async def _compare(
        self, topic: Topic, where: str, variant: str, before: tuple[Parts, Parts | None], draft: Draft
    ) -> Measured:
        return _compared(where, variant, before, await self._earned(topic, draft))

    def _texts(self, change: Change, at: int) -> list[tuple[int, str]]:
        """The texts whose turn it is in a topic: each has its turn in one at least, and each topic has some."""
        turns = min(len(change.texts), len(self._topics))
        return [(number, text) for number, text in enumerate(change.texts) if number % turns == at % turns]

    async def _before_of(self, topic: Topic, base: str) -> tuple[Parts, Parts | None]:
        """What the answer earns that attacks start from. No answer earns 0, or else it would be an attack itself."""
        if base == NOTHING:
            return Parts(0.0, 0.0, 0.0), Parts(0.0, 0.0, 0.0) if self._panel.knows else None
        if (topic.id, base) not in self._before:
            self._before[topic.id, base] = await self._earned(topic, topic.draft(base))
        return self._before[topic.id, base]

    async def _earned(self, topic: Topic, draft: Draft) -> tuple[Parts, Parts | None]:
        """What an answer earns; by oracles also in the plain reward."""
        judge = self._panel.rubric or oracle_rubric(topic, draft)
        support = self._panel.support or oracle_support(topic, draft)
        case = Case(draft.text, topic.question, draft.snippets, topic.judged_by)
        return await self._panel.reward(case, judge, support), (
            await plain(case, judge, support) if self._panel.knows else None
        )


def _compared(
    where: str, variant: str, before: tuple[Parts, Parts | None], after: tuple[Parts, Parts | None]
) -> Measured:
    old, old_plain = before
    new, new_plain = after
    beyond = None if old_plain is None or new_plain is None else _gain(old_plain.total, new_plain.total)
    total, rubric, citation = map(_gain, old, new)
    return Measured(where, variant, total, rubric, citation, beyond)


def _gain(old: float | None, new: float | None) -> float | None:
    return None if old is None or new is None else new - old


def _moved(edit: Measured) -> float:
    return 1.0 if edit.total is None else abs(edit.total)


def _most(values: Iterator[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
