"""Writes what a judging model is asked: question, evidence, answer, criteria, and what to reply.

In: an answer with its question and evidence, made ready once; criteria. Out: messages. Static rules come first, then
question and evidence, which all answers to a question share, then the answer, which all calls about it share, and the
criteria last, so that as much as possible is in a server's prefix cache.

All of them are data (judges/strips/data_text.py). Parts are divided by lines that hold a code, which is derived from
question and evidence alone. All values are put in in one pass. A criterion's reference and evidence are not shown: the
key of a cell says what was asked. Not here: how many criteria make a call (chat_rubric_judge.py).
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final, NamedTuple

from citerefine.judges.rubric.chat.answer_lines import AnswerLine, answer_lines
from citerefine.judges.rubric.chat.asked import CANNOT_ASSESS, MET, Asked
from citerefine.judges.rubric.rubric_judge import GradeQuery
from citerefine.judges.strips.data_text import as_data, as_line, dividing_code
from citerefine.judges.strips.strip import item_names
from citerefine.refiner.chat.call import Message
from citerefine.refiner.evidence import Evidence

_NOT_KNOWN: Final = "(not known)"


class Page(NamedTuple):
    """What all calls about one answer show."""

    question: str
    passages: tuple[str, ...]
    """Heads and texts of the passages, by turns."""
    lines: tuple[AnswerLine, ...]
    answer: str


@cache
def _file(name: str) -> str:
    return files("citerefine.judges.rubric.chat").joinpath(name).read_text("utf-8").strip()


@cache
def prompt_version() -> str:
    """The first 8 hex digits of the SHA-256 of the prompt files."""
    return hashlib.sha256("\0".join((_file("system.md"), _file("user.md"))).encode()).hexdigest()[:8]


def read_page(query: GradeQuery) -> Page:
    """The answer of a query as it is shown.

    Raises:
        EvidenceError: if one id stands for two texts.
    """
    evidence = Evidence(query.snippets)
    lines = answer_lines(query.answer, evidence)
    shown = "\n".join(_numbered(number, line) for number, line in enumerate(lines, 1)) or "(empty)"
    passages = list[str]()
    for snippet in evidence.snippets:
        title = f"Title: {as_line(snippet.title)}\n" if snippet.title else ""
        passages += [f"passage {evidence.alias(snippet.id)}", f"{title}{as_data(snippet.text)}"]
    question = as_data(query.question).strip() or _NOT_KNOWN
    return Page(question, tuple(passages), tuple(lines), shown)


def _numbered(number: int, line: AnswerLine) -> str:
    return f"{chr(10) if number > 1 and line.opens_paragraph else ''}{number}: {line.shown}"


def rubric_messages(page: Page, asked: Sequence[Asked]) -> tuple[Message, ...]:
    """The messages that ask about these criteria."""
    criteria = [criterion_as_data(one) for one in asked]
    code = dividing_code([page.question, [*page.passages]], [page.question, *page.passages, page.answer, *criteria])
    ids = item_names(len(asked))
    evidence = [
        f"### {code} {head}\n{text}" for head, text in zip(page.passages[::2], page.passages[1::2], strict=True)
    ]
    values = {
        "code": code,
        "question": page.question,
        "evidence": "\n".join(evidence) or f"### {code} passages\n{_NOT_KNOWN}",
        "answer": page.answer,
        "criteria": "\n".join(f"{id} {text}" for id, text in zip(ids, criteria, strict=True)),
        "count": str(len(ids)),
        "first": ids[0],
        "last": ids[-1],
    }
    return (
        Message(role="system", content=_file("system.md")),
        Message(role="user", content=Template(_file("user.md")).substitute(values)),
    )


def criterion_as_data(asked: Asked) -> str:
    """The words that a criterion can be answered with, its text on one line, and below it, further to the right, what
    its steps are like, where that is described."""
    steps = [step for step in asked.steps.values() if step.anchor and step.anchor != step.word]
    anchors = [f"  {step.word}: {as_line(step.anchor)}" for step in steps]
    return "\n".join([f"({_words(asked)}): {as_line(asked.criterion.text)}", *anchors])


def _words(asked: Asked) -> str:
    """All words but CANNOT_ASSESS, which always may be said."""
    words = [word for word in asked.item if word.text != CANNOT_ASSESS]
    numbers = [word.text for word in words if word.text.isdigit()]
    if numbers:
        follow = [*map(int, numbers)] == [*range(int(numbers[0]), int(numbers[-1]) + 1)]
        return f"{numbers[0]} to {numbers[-1]}" if follow else ", ".join(numbers)
    points = next((word.points for word in words if word.text == MET), None)
    return f"{MET} {points[0]} to {points[-1]}, UNMET" if points else "UNMET"
