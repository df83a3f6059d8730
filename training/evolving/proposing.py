"""Asks a writer for criteria on which the answers of a group differ, and another judge how far each answer meets them.

In: judged groups, a chat model, a rubric judge. Out: `Proposed` for each group, in order. A bounded number of groups
is asked about at once, all within one deadline. Whoever fails adds nothing, and ends nothing. Not here: whether a
criterion is taken (applying.py), the prompt and what is fit (citerefine.rubrics.generation).
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.judges.rubric.grading import agrade
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.judges.rubric.writing.answer_store import MAX_ANSWER, MOST_ANSWERS
from citerefine.judges.rubric.writing.model_writer import ModelWriter, WriterError, WriterSampling
from citerefine.refiner.answer import parse_answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Snippet
from citerefine.rubrics.errors import GenerationError
from citerefine.rubrics.generation.generate import generate
from citerefine.rubrics.generation.prompt import Sample
from citerefine.rubrics.rubric import Rubric
from citerefine.training.data.row import TrainingRow
from citerefine.training.evolving.observation import Proposal, Proposed, judged_value
from citerefine.training.evolving.settings import EvolvingSettings
from citerefine.training.rewards.answers import all_of
from citerefine.training.rewards.combining import Judged
from citerefine.training.rewards.parts import missing_by

MOST_AT_ONCE: Final = 8
"""Groups that are asked about at once; how many requests that makes is for the models' clients to bound."""
_LATE: Final = "deadline: criteria were not written and judged in time; raise evolve.deadline, or see the servers' load"


class Contrasted(NamedTuple):
    """A group of answers that criteria are to be written of."""

    row: TrainingRow
    existing: Rubric
    """By what it is judged already."""
    texts: tuple[str, ...]
    judged: tuple[Judged, ...]


class Proposer:
    """Has criteria written and judged."""

    def __init__(self, settings: EvolvingSettings, writer: ChatModel, admission: RubricJudge) -> None:
        self._settings, self._writer, self._admission = settings, writer, admission

    async def propose(self, groups: Sequence[Contrasted]) -> list[Proposed]:
        """What comes of each group before the deadline."""
        at_once = asyncio.Semaphore(MOST_AT_ONCE)
        tasks = [asyncio.create_task(self._one(group, at_once)) for group in groups]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=self._settings.deadline)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [result_of(task) for task in tasks]

    async def _one(self, group: Contrasted, at_once: asyncio.Semaphore) -> Proposed:
        async with at_once:
            samples = samples_of(group)
            if len(samples) < 2:
                return Proposed()
            how = self._settings
            generated = await generate(
                group.row.question,
                [(snippet.id, _shown(snippet)) for snippet in group.row.evidence.snippets],
                writer=ModelWriter(self._writer, WriterSampling(deadline=how.deadline)),
                answers=samples,
                existing=group.existing,
                n_positive=how.n_positive,
                n_negative=how.n_negative,
            )
            proposals = await self._judged(group, generated.rubric) if generated.rubric.criteria else ()
            return Proposed(proposals, tuple(one.code for one in generated.dropped))

    async def _judged(self, group: Contrasted, rubric: Rubric) -> tuple[Proposal, ...]:
        rows = await all_of([self._values(group, rubric, place) for place in range(len(group.texts))])
        return tuple(
            Proposal(criterion, tuple(row[place] for row in rows)) for place, criterion in enumerate(rubric.criteria)
        )

    async def _values(self, group: Contrasted, rubric: Rubric, place: int) -> list[float | None]:
        """How far one answer meets each criterion."""
        if group.judged[place].breakdown.gate:
            return [None] * len(rubric.criteria)
        row = group.row
        score = await agrade(
            group.texts[place], rubric, self._admission, question=row.question, snippets=row.evidence
        )
        return [judged_value(cell) for cell in score.cells]


def samples_of(group: Contrasted) -> list[Sample]:
    """The answers that the writer sees: those with a reward, without tags, each text once; of many the best and the
    worst."""
    samples = dict[str, Sample]()
    for text, judged in zip(group.texts, group.judged, strict=True):
        if judged.breakdown.gate or judged.breakdown.total is None:
            continue
        plain = parse_answer(text, Evidence(())).text.strip()
        if plain and len(plain) <= MAX_ANSWER:
            samples.setdefault(plain, Sample(plain, judged.breakdown.total))
    ranked = sorted(samples.values(), key=lambda one: -(one.score or 0.0))
    if len(ranked) <= MOST_ANSWERS:
        return ranked
    return ranked[: MOST_ANSWERS // 2] + ranked[-MOST_ANSWERS // 2 :]


def result_of(task: "asyncio.Task[Proposed]") -> Proposed:
    """What a task that has ended came to."""
    if task.cancelled():
        return Proposed(failure=_LATE)
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, WriterError):
        return Proposed(failure=f"{error.code}: {error}")
    if isinstance(error, GenerationError):
        return Proposed(failure=f"unreadable: {error}")
    if isinstance(error, Exception):
        return Proposed(failure=missing_by(error).reason)
    raise error


def _shown(snippet: Snippet) -> str:
    return f"{snippet.title}\n{snippet.text}" if snippet.title else snippet.text
