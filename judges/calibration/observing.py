"""Asks a rubric judge about labelled criteria, and notes what it and people say.

In: answers with labelled criteria, a judge, perhaps the same judge with other seeds. Out: `Observations`, some hundred
bytes a criterion, without any text. Criteria of one answer that follow each other are asked about together, as they
are in grading. No gate stands before the judge: it is the judge that is measured. Not here: figures
(rubric_measuring.py).
"""

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from citerefine.judges.calibration.asking import asked_in_order
from citerefine.judges.calibration.criterion_rows import MOST_CRITERIA, AnswerLabels
from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.rubric_judge import GradeQuery, RubricJudge
from citerefine.judges.statistics.clusters import cluster_key
from citerefine.judges.statistics.estimate import SEED

_Grading = Callable[[AnswerLabels], Awaitable[tuple[Cell, ...]]]
_Judged = tuple[AnswerLabels, tuple[Cell, ...]]

REPEATED: Final = 200
"""Answers that the judge is asked about again, drawn at random; all of them where there are fewer."""


class Observation(NamedTuple):
    """What people and the judge say of one criterion of one answer."""

    labels: tuple[float, ...]
    value: float
    """What the judge says, 0 to 1."""
    p_met: float | None
    negative: bool
    """Whether the criterion is a fault."""
    weight: float
    criterion: str
    """Its content key."""
    cluster: int
    answer: int
    in_group: bool
    """Whether the prompt is known, so that answers to it can be compared."""
    source: str
    criterion_words: int
    answer_words: int

    @property
    def people(self) -> float:
        """What people say on average."""
        return sum(self.labels) / len(self.labels)


class Repeat(NamedTuple):
    """A criterion that was asked about again, and that has a verdict from at least one of the two times."""

    flipped: bool
    """Whether the judge said something else: another verdict, that it cannot tell, or nothing that counts."""
    cluster: int
    failed: bool = False
    """Whether it came to a verdict one time and failed the other."""


@dataclass(slots=True)
class Observations:
    """All of a measurement; grows while it runs."""

    rows: list[Observation] = field(default_factory=list)
    repeats: list[Repeat] = field(default_factory=list)
    not_judged: Counter[str] = field(default_factory=Counter)
    """Why there is no value: code → criteria."""
    abstained: int = 0
    """Criteria of which the judge says that it cannot tell, with a value or without."""
    incomplete: set[int] = field(default_factory=set)
    """Answers with a criterion that has no value: they have no score."""

    def add(self, asked: AnswerLabels, cells: Sequence[Cell]) -> None:
        """Takes the cells of one answer in."""
        cluster, answer = cluster_key(asked.cluster), _answer_key(asked)
        words = len(asked.answer.split())
        for (criterion, labels), cell in zip(asked.criteria, cells, strict=True):
            self.abstained += cell.status is Status.ABSTAIN
            if cell.value is None:
                self.not_judged[cell.reason.partition(":")[0] or cell.status.value] += 1
                self.incomplete.add(answer)
                continue
            self.rows.append(
                Observation(
                    labels,
                    cell.value,
                    cell.p_met,
                    criterion.is_negative,
                    criterion.weight,
                    criterion.key,
                    cluster,
                    answer,
                    bool(asked.group),
                    asked.source,
                    len(criterion.text.split()),
                    words,
                )
            )

    def add_again(self, asked: AnswerLabels, first: Sequence[Cell], again: Sequence[Cell]) -> None:
        """Takes in what the judge said when it was asked again."""
        cluster = cluster_key(asked.cluster)
        for before, after in zip(first, again, strict=True):
            failed = [cell.status is Status.FAILED for cell in (before, after)]
            if not all(failed):
                self.repeats.append(Repeat(_said(before) != _said(after), cluster, any(failed)))


def _said(cell: Cell) -> tuple[Status, str | float | None]:
    """What the judge said; a judge that has no words for it says its value."""
    return cell.status, cell.value if cell.verdict is None else cell.verdict


def is_met(value: float) -> bool:
    """Whether a value, or a label, counts as met where only yes and no are counted: what is half met is not met."""
    return value > 0.5


def _answer_key(asked: AnswerLabels) -> int:
    return cluster_key("\0".join((asked.group, asked.source, asked.answer)))


def together(rows: Iterable[AnswerLabels]) -> Iterator[AnswerLabels]:
    """Rows of one answer that follow each other as one row; criteria have the ids c1, c2 … in it.

    A criterion that the answer has already begins a new one.
    """
    kept: AnswerLabels | None = None
    for row in rows:
        if kept is not None and _belongs_to(row, kept):
            kept = kept._replace(criteria=kept.criteria + row.criteria)
            continue
        if kept is not None:
            yield _numbered(kept)
        kept = row
    if kept is not None:
        yield _numbered(kept)


def _belongs_to(row: AnswerLabels, kept: AnswerLabels) -> bool:
    if row._replace(criteria=()) != kept._replace(criteria=()):
        return False
    keys = {one.criterion.key for one in kept.criteria}
    return len(keys) + len(row.criteria) <= MOST_CRITERIA and not any(one.criterion.key in keys for one in row.criteria)


def _numbered(row: AnswerLabels) -> AnswerLabels:
    criteria = (
        one._replace(criterion=one.criterion.model_copy(update={"id": f"c{n}"}))
        for n, one in enumerate(row.criteria, start=1)
    )
    return row._replace(criteria=tuple(criteria))


async def observe(
    rows: Iterable[AnswerLabels],
    judge: RubricJudge,
    *,
    again: Sequence[RubricJudge] = (),
    concurrency: int = 8,
    seed: int = SEED,
) -> Observations:
    """What the judge says of all rows; of `REPEATED` of them also what the judges of `again` say.

    Args:
        rows: labelled answers.
        judge: who is measured.
        again: the same judge, with other seeds: how often a verdict flips when it is asked for once more.
        concurrency: most answers that the judge is asked about at once.
        seed: of the answers that are asked about again.

    Raises:
        CallError: if a judge cannot go on.
    """
    seen, sample = Observations(), _Sample(REPEATED if again else 0, seed)
    async with aclosing(asked_in_order(together(rows), _asking(judge), concurrency)) as graded:
        async for row, cells in graded:
            seen.add(row, cells)
            sample.offer(row, cells)
    for other in again:
        async with aclosing(asked_in_order(sample.kept, _asking_again(other), concurrency)) as repeated:
            async for (row, first), cells in repeated:
                seen.add_again(row, first, cells)
    return seen


class _Sample:
    """Some of the answers, each as likely as the others however many come (Vitter 1985, algorithm R)."""

    def __init__(self, size: int, seed: int) -> None:
        self.kept = list[_Judged]()
        self._size, self._n, self._random = size, 0, random.Random(seed)

    def offer(self, row: AnswerLabels, cells: tuple[Cell, ...]) -> None:
        """Keeps it, or does not."""
        self._n += 1
        if len(self.kept) < self._size:
            self.kept.append((row, cells))
        elif self._size and (place := self._random.randrange(self._n)) < self._size:
            self.kept[place] = (row, cells)


def _asking(judge: RubricJudge) -> _Grading:
    async def ask(row: AnswerLabels) -> tuple[Cell, ...]:
        criteria = tuple(one.criterion for one in row.criteria)
        return (await judge.grade(GradeQuery(row.answer, criteria, row.question, row.snippets))).cells

    return ask


def _asking_again(judge: RubricJudge) -> Callable[[_Judged], Awaitable[tuple[Cell, ...]]]:
    ask = _asking(judge)
    return lambda pair: ask(pair[0])
