"""What the tests of the rubric judge share: criteria, a model that judges as a test says, what a prompt shows."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.faulty_server import Request
from tests.scripted_model import ScriptedModel

from citerefine.judges.rubric.cell import Cell
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery, RubricJudge
from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.records import Snippet
from citerefine.rubrics.criterion import Criterion, Level, Polarity, Scale

PERCH = Snippet(id="a", text="Perch doubled in Lake Orven by 2010.", title="Survey")
EELS = Snippet(id="b", text="Eels left the lake.")
ANSWER = (
    "<answer><snippet id=a>Perch doubled by 2010.</snippet> <snippet id=b,a>Eels left.</snippet> I like dill.</answer>"
)
QUESTION = "What lives in Lake Orven?"

PERCH_DOUBLED = Criterion(id="perch", text="It says that perch doubled.")
PIKE_CAME = Criterion(id="pike", text="It says that pike came.")
PADDING = Criterion(id="padding", text="It speaks of dill.", weight=-2, polarity=Polarity.NEGATIVE)
CLARITY = Criterion(id="clarity", text="How clear it is.", scale=Scale(kind="numeric", lo=1, hi=5))
DEPTH = Criterion(
    id="depth",
    text="How deep it goes.",
    scale=Scale(kind="ordinal", levels=(Level(name="shallow", value=0), Level(name="deep", value=0.4), Level(value=1))),
)


def query(*criteria: Criterion, answer: str = ANSWER, snippets: Sequence[Snippet] = (PERCH, EELS)) -> GradeQuery:
    return GradeQuery(answer, criteria or (PERCH_DOUBLED, PIKE_CAME, PADDING), QUESTION, tuple(snippets))


def graded(judge: RubricJudge, asked: GradeQuery) -> Graded:
    """What the judge says; it is closed behind it."""

    async def run() -> Graded:
        try:
            return await judge.grade(asked)
        finally:
            await judge.aclose()

    return asyncio.run(run())


def cells(judge: RubricJudge, *criteria: Criterion, answer: str = ANSWER) -> tuple[Cell, ...]:
    return graded(judge, query(*criteria, answer=answer)).cells


class AskedOf(NamedTuple):
    """A criterion as a prompt shows it."""

    id: str
    words: str
    """What it can be answered with."""
    text: str
    answer: tuple[str, ...]
    """The sentences that it is asked about."""


def criteria_in(prompt: str) -> list[AskedOf]:
    """What a model that minds the dividing lines, and nothing else, is asked."""
    parts = dict(parts_of(prompt))
    lines = tuple(re.sub(r"\A\d+: ", "", line) for line in parts["answer"].split("\n") if line)
    found = re.findall(r"^(c\d\d) \(([^)]*)\): (.*(?:\n  .*)*)$", parts["criteria"], flags=re.MULTILINE)
    assert "\n".join(f"{id} ({words}): {text}" for id, words, text in found) == parts["criteria"]
    return [AskedOf(id, words, text, lines) for id, words, text in found]


def parts_of(prompt: str) -> list[tuple[str, str]]:
    code = re.findall(r"The code of this request is (\w+)\.", prompt)[0]
    parts = re.split(rf"^### {code} (.*)$", prompt, flags=re.MULTILINE)
    return list(zip(parts[1::2], (part.strip("\n") for part in parts[2::2]), strict=True))


Rule = Callable[[AskedOf], str]
"""What is replied to a criterion: `MET 2`, UNMET …"""


def reply_by(rule: Rule, prompt: str) -> str:
    return "\n".join(f"{asked.id}={rule(asked)}" for asked in criteria_in(prompt))


def model_by(rule: Rule, name: str = "scripted") -> ScriptedModel:
    """A model that judges by a rule."""
    return ScriptedModel(reply=lambda call: reply_by(rule, call.messages[-1].content), name=name)


def server_by(rule: Rule) -> Callable[[Request], str]:
    """What a faulty server says where it is well."""
    return lambda request: reply_by(rule, request.prompt)


def by_words(asked: AskedOf) -> str:
    """MET by the first sentence that has all words behind “that” or “of”."""
    wanted = {*re.findall(r"\w+", asked.text.split(" that ")[-1].split(" of ")[-1].casefold())}
    for number, line in enumerate(asked.answer, 1):
        if wanted <= {*re.findall(r"\w+", line.casefold())}:
            return f"MET {number}"
    return "UNMET"


def asked_of(calls: Sequence[ChatCall]) -> list[list[AskedOf]]:
    return [criteria_in(call.messages[-1].content) for call in calls]
