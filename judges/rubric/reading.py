"""Reads an answer for grading: what a reader sees of it, its evidence, and whether a judge need be asked at all.

In: an answer, its rubric and evidence. Out: `Asked`. An answer is read once, its evidence is checked once for a group,
and long answers are read in a thread, so that the deadlines of other answers hold meanwhile. Not here: judging and
scores (grading.py).
"""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from citerefine.judges.rubric.gate import MOST_RAW, gate
from citerefine.judges.rubric.rubric_judge import GradeQuery
from citerefine.judges.rubric.shown import see
from citerefine.judges.scoring import Snippets
from citerefine.refiner.answer import Answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.rubrics.rubric import Rubric

T = TypeVar("T")

LONG: Final = 50_000
"""Characters from which on an answer is read in a thread; a shorter one takes less than 0.2 s."""


class Asked(NamedTuple):
    """An answer that was read."""

    query: GradeQuery
    raw: str
    """The model's whole text; the answer itself, if that is all that is known."""
    gate: str
    """Why no judge need be asked, a key of `gate.GATES`; empty if one should be."""


async def read_answer(
    answer: Answer | str, rubric: Rubric, question: str = "", snippets: Snippets = (), raw: str | None = None
) -> Asked:
    """What a judge is asked about an answer; the arguments are those of `grading.grade`."""
    if isinstance(answer, Answer):
        evidence, question, text, own = answer.evidence, question or answer.question, answer.tagged, answer.raw
    else:
        evidence, text, own = _evidence(snippets), answer, answer
    criteria = tuple(leaf for leaf in rubric.judged if leaf.verifier == "llm")
    seen, code = await aside(_seen, answer, evidence, length=len(text))
    query = GradeQuery(seen, criteria, question or rubric.query, evidence.snippets)
    return Asked(query, own if raw is None else raw, code)


async def aside(function: Callable[..., T], *args: object, length: int) -> T:
    """What a function makes of an answer of this length, in a thread if that takes long."""
    return await asyncio.to_thread(function, *args) if length > LONG else function(*args)


def _seen(answer: Answer | str, evidence: Evidence) -> tuple[str, str]:
    """What a reader sees of an answer, and why no judge need be asked about it."""
    if len(answer.tagged if isinstance(answer, Answer) else answer) > MOST_RAW:
        return "", "too_long"
    seen = see(answer, evidence)
    return seen.text, gate(seen.parse)


def _evidence(snippets: Snippets) -> Evidence:
    if isinstance(snippets, Evidence):
        return snippets
    given = tuple(snippets)
    records = tuple(snippet for snippet in given if isinstance(snippet, Snippet))
    return _checked(records) if len(records) == len(given) else Evidence.model_validate({"snippets": given})


@lru_cache(maxsize=16)
def _checked(snippets: tuple[Snippet, ...]) -> Evidence:
    return Evidence(snippets)
