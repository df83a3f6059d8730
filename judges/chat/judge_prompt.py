"""Writes what a judging model is asked: question, evidence, claims, and what to reply.

In: queries about one answer. Out: messages. Static rules come first, then the question, then each snippet once, in
the order in which the queries name them, and the claims last, so that calls about the same evidence begin alike.

Claims and snippets are data (judges/strips/data_text.py). Parts are divided by lines that hold a code, which is derived
from question and evidence. A claim is one line, and its sentence, where it is only a part of one, the line below. All
values are put in in one pass. Not here: how many queries make a call (batches.py).
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final, NamedTuple

from citerefine.judges.strips.data_text import as_data, as_line, dividing_code
from citerefine.judges.strips.strip import item_names
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner.chat.call import Message

_CONTEXT: Final = "in the sentence: "


class Passage(NamedTuple):
    """What a model is shown of a snippet; snippets that show the same are one passage."""

    title: str
    text: str

    @property
    def shown(self) -> str:
        """Both as they stand in the prompt."""
        return f"Title: {self.title}\n{self.text}" if self.title else self.text


@cache
def _file(name: str) -> str:
    return files("citerefine.judges.chat").joinpath(name).read_text("utf-8").strip()


@cache
def prompt_version() -> str:
    """The first 8 hex digits of the SHA-256 of the prompt files."""
    return hashlib.sha256("\0".join((_file("system.md"), _file("user.md"))).encode()).hexdigest()[:8]


def premises_of(queries: Sequence[SupportQuery]) -> list[list[Passage]]:
    """The snippets of each query, as they are shown; one that several name is made ready once."""
    named = dict.fromkeys((snippet.title, snippet.text) for query in queries for snippet in query.snippets)
    shown = {(title, text): Passage(as_line(title or ""), as_data(text)) for title, text in named}
    return [[shown[snippet.title, snippet.text] for snippet in query.snippets] for query in queries]


def claim_as_data(query: SupportQuery) -> str:
    """The claim on one line, and below it the sentence that it is meant in, where it has one."""
    claim = as_line(query.claim)
    return f"{claim}\n{_CONTEXT}{as_line(query.context)}" if query.context else claim


def judge_messages(queries: Sequence[SupportQuery]) -> tuple[Message, ...]:
    """The messages that ask for the verdicts on these queries, which belong to one answer."""
    premises = premises_of(queries)
    names = {
        passage: f"S{number}" for number, passage in enumerate(dict.fromkeys(p for one in premises for p in one), 1)
    }
    question = as_data(queries[0].question).strip() or "(not known)"
    claims = [claim_as_data(query) for query in queries]
    code = _code(question, [*names], claims)
    ids = item_names(len(queries))
    evidence = [f"### {code} passage {name}\n{passage.shown}" for passage, name in names.items()]
    asked = [
        f"### {code} claim {id}, judged by {', '.join(dict.fromkeys(names[passage] for passage in premise))}\n{claim}"
        for id, premise, claim in zip(ids, premises, claims, strict=True)
    ]
    values = {
        "code": code,
        "question": question,
        "evidence": "\n".join(evidence),
        "claims": "\n".join(asked),
        "count": str(len(ids)),
        "first": ids[0],
        "last": ids[-1],
    }
    return (
        Message(role="system", content=_file("system.md")),
        Message(role="user", content=Template(_file("user.md")).substitute(values)),
    )


def _code(question: str, passages: Sequence[Passage], claims: Sequence[str]) -> str:
    """A code that stands in none of the texts. Claims do not decide it, so that prompts begin alike."""
    texts = [question, *claims, *(part for passage in passages for part in passage)]
    return dividing_code([question, [[*passage] for passage in passages]], texts)
