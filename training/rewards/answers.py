"""Grades one answer: all that is known of it before its group is looked at.

In: a row, a model's text, criteria, a panel. Out: `Graded`. The parts are asked for at once, each within the same
deadline. What fails is missing, with the reason, and ends nothing; only what would fail for every answer is raised. An
answer without an `<answer>` block is invalid: nobody is asked about it. Not here: what a group makes of it
(combining.py), asking again (waiting.py).
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, NamedTuple, TypeVar

from citerefine.judges.citation_score import CitationScore
from citerefine.judges.rubric.cell import Status
from citerefine.judges.rubric.grading import agrade, gated_cells, score_cells
from citerefine.judges.rubric.rubric_score import RubricScore
from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.rubric import Rubric
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.tasks import task_of
from citerefine.training.rewards.form import NO_ANSWER, form_part
from citerefine.training.rewards.panel import Panel
from citerefine.training.rewards.parts import (
    Absent,
    Invalid,
    Missing,
    Part,
    Scored,
    code_of,
    is_fatal,
    missing_by,
)
from citerefine.training.rewards.settings import RewardSettings
from citerefine.training.rewards.verifying import verify

T = TypeVar("T")

NO_RUBRIC: Final = Absent("no_rubric: the row has no rubric, and there is no static set")
NO_EVIDENCE_TASK: Final = "other_task: a row of the kind {} cites nothing"


class Graded(NamedTuple):
    """What is known of one answer."""

    text: str
    """As the model wrote it."""
    rubric: RubricScore | Missing | Absent
    """Its cells; what they are worth depends on the group."""
    citation: CitationScore | Missing | Absent
    form: Part
    verification: Part
    invalid: str = ""
    """Why nobody was asked about the answer; empty if somebody was."""

    @property
    def failures(self) -> tuple[str, ...]:
        """Codes of the cells that the rubric judge failed on."""
        if not isinstance(self.rubric, RubricScore):
            return ()
        return tuple(code_of(cell.reason) for cell in self.rubric.cells if cell.status is Status.FAILED)


class Grader(NamedTuple):
    """Grades answers with the judges of a panel."""

    settings: RewardSettings
    panel: Panel

    async def grade(self, row: TrainingRow, text: str, rubric: Rubric | None, before: Graded | None = None) -> Graded:
        """What is known of an answer.

        Args:
            row: whose question it answers.
            text: the completion.
            rubric: what it is judged by; None if there is nothing.
            before: what is known already: only what is missing in it is asked for.

        Raises:
            CallError: if asking on is of no use for any answer: `unauthorized`, `no_such_model`, `budget`.
            ModelError: if a judge cannot be loaded.
        """
        answer = parse_answer(text, row.evidence, question=row.question) if task_of(row).cites else None
        form = self._form(answer, row)
        if isinstance(form, Invalid):
            return self._invalid(row, text, rubric, form)
        rubric_part, citation, verification = await all_of(
            [
                self._rubric(row, text, rubric, None if before is None else before.rubric),
                self._citation(row, text, None if before is None else before.citation),
                self._verification(row, text, None if before is None else before.verification),
            ]
        )
        return Graded(text, rubric_part, citation, form, verification)

    def _form(self, answer: Answer | None, row: TrainingRow) -> Part:
        if answer is None:
            return Absent(NO_EVIDENCE_TASK.format(row.task))
        return form_part(answer, row.mode)

    def _invalid(self, row: TrainingRow, text: str, rubric: Rubric | None, why: Invalid) -> Graded:
        cells: RubricScore | Absent = NO_RUBRIC
        if rubric is not None and self.settings.rubric:
            cells = score_cells(rubric, gated_cells(rubric), judge="", formula=self.settings.formula, gate=NO_ANSWER)
        nothing = Scored(0.0, why.reason)
        has_gold = bool(row.gold and row.gold.strip())
        return Graded(text, cells, _NO_CITATIONS, nothing, nothing if has_gold else Absent("no_gold"), why.reason)

    async def _rubric(
        self, row: TrainingRow, text: str, rubric: Rubric | None, before: RubricScore | Missing | Absent | None
    ) -> RubricScore | Missing | Absent:
        if rubric is None or not self.settings.rubric:
            return NO_RUBRIC
        if isinstance(before, RubricScore) and not _failed(before):
            return before
        found = await self._within(
            agrade(
                text,
                rubric,
                self.panel.judge,
                question=row.question,
                snippets=row.evidence,
                formula=self.settings.formula,
                support=self.panel.support if _needs_support(rubric) else None,
            )
        )
        if isinstance(before, RubricScore):
            return before if isinstance(found, Missing) else _merged(before, found)
        return found

    async def _citation(
        self, row: TrainingRow, text: str, before: CitationScore | Missing | Absent | None
    ) -> CitationScore | Missing | Absent:
        if not task_of(row).cites:
            return Absent(NO_EVIDENCE_TASK.format(row.task))
        if not self.settings.citation:
            return Absent("no_weight: citations are not computed")
        if isinstance(before, CitationScore) and before.score is not None:
            return before
        answerable = True if row.answerable is None and self.settings.assume_answerable else row.answerable
        asked = CitedAnswer(parse_tags(text), row.evidence, row.question, answerable)
        return await self._within(ascore(asked, self.panel.support))

    async def _verification(self, row: TrainingRow, text: str, before: Part | None) -> Part:
        if not self.settings.verification:
            return Absent("no_weight: verification is not computed")
        if before is not None and not (isinstance(before, Missing) and before.again):
            return before
        return await self._within(verify(row, text, self.panel.grader))

    async def _within(self, work: Coroutine[Any, Any, T]) -> T | Missing:
        """What comes of it before the deadline; what fails is missing. Raises what would fail for every answer."""
        try:
            async with asyncio.timeout(self.settings.answer_deadline):
                return await work
        except Exception as error:
            if is_fatal(error):
                raise
            return missing_by(error)


_NO_CITATIONS: Final = CitationScore(precision=0.0, recall=0.0, f1=0.0, score=0.0, reason=NO_ANSWER)
"""Of an answer without a block: there is nothing to judge."""


def _needs_support(rubric: Rubric) -> bool:
    return any(leaf.verifier == "citation" for leaf in rubric.judged)


def _failed(score: RubricScore) -> bool:
    return any(cell.status is Status.FAILED for cell in score.cells)


def _merged(before: RubricScore, now: RubricScore) -> RubricScore:
    """Verdicts that were there stay; failed cells are what they are now. Its score is worked out in the group."""
    cells = [new if old.status is Status.FAILED else old for old, new in zip(before.cells, now.cells, strict=True)]
    usage = now.usage if before.usage is None else before.usage if now.usage is None else before.usage + now.usage
    return now.model_copy(update={"cells": tuple(cells), "usage": usage})


async def all_of(works: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """What all come to, at once; if one raises, the others are ended before that rises."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
