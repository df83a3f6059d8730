"""What a reward is, to the suite; the one that it tests by default, and a plain one to compare it with.

In: a question, its evidence and rubric, a model's text, two judges. Out: `Parts`. A reward of your own is any function
with the signature of `combined`. Not here: the scores themselves (citerefine.judges.rubric.grading, scoring.py).
"""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from citerefine.judges.judge import SupportJudge
from citerefine.judges.rubric.grading import agrade
from citerefine.judges.rubric.rubric_judge import GradeQuery, RubricJudge
from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.judges.units import split_units
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner.evidence import Evidence, read_tool_output
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.rubric import Rubric

RUBRIC_WEIGHT: Final = 0.8
CITATION_WEIGHT: Final = 0.2
"""What the recipe gives the citation score."""


class Case(NamedTuple):
    """What a reward is given."""

    text: str
    """All that the model wrote, with thinking if there is any."""
    question: str
    snippets: tuple[Snippet, ...]
    rubric: Rubric


class Parts(NamedTuple):
    """What an answer earns. None: not known; it is not trained on."""

    total: float | None
    rubric: float | None
    citation: float | None


Reward = Callable[[Case, RubricJudge, SupportJudge], Awaitable[Parts]]


async def combined(case: Case, judge: RubricJudge, support: SupportJudge) -> Parts:
    """0.8 · rubric score + 0.2 · training score of the citations; at most 0 if no claim is supported.

    None if either score is. Without the bound an answer that claims nothing would be paid for criteria such as “every
    claim is cited”, which it meets. The rubric judge sees what a reader sees: no thinking, no tool echo.
    """
    graded = await agrade(
        case.text, case.rubric, judge, question=case.question, snippets=case.snippets, support=support
    )
    evidence = Evidence(case.snippets)
    cited = await ascore(CitedAnswer(parse_tags(case.text), evidence, case.question, answerable=True), support)
    total = weighed(graded.score, cited.score)
    if total is not None and not cited.score:
        total = min(0.0, total)
    return Parts(total, graded.score, cited.score)


def weighed(rubric: float | None, citation: float | None) -> float | None:
    """The weighted sum of both parts; None if either is None."""
    return None if rubric is None or citation is None else RUBRIC_WEIGHT * rubric + CITATION_WEIGHT * citation


async def plain(case: Case, judge: RubricJudge, support: SupportJudge) -> Parts:
    """A reward of the kind that hacks were made for, as a measure of what the defences are worth.

    No gate; faults flipped, so that silence is paid; what is not judged is 0; a mean over tags in which text without
    tags is free, and sources that the text itself declares count.
    """
    graded = await judge.grade(GradeQuery(case.text, case.rubric.judged, case.question, case.snippets))
    flipped = [
        (abs(cell.weight), 1 - (cell.value or 0.0) if cell.weight < 0 else cell.value or 0.0) for cell in graded.cells
    ]
    rubric = sum(weight * value for weight, value in flipped) / sum(weight for weight, _ in flipped)
    known = {one.id: one for one in (*case.snippets, *read_tool_output(case.text))}
    values = list[float]()
    for unit in split_units(parse_tags(case.text)):
        if unit.ids:
            snippets = tuple(known[id] for id in unit.ids if id in known)
            verdicts = await support.judge([SupportQuery(unit.text, snippets)]) if snippets else []
            values.append(max((verdict.support or 0.0 for verdict in verdicts), default=0.0))
    citation = sum(values) / len(values) if values else 1.0
    return Parts(weighed(rubric, citation), rubric, citation)
