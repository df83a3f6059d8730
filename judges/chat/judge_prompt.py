"""Writes what a judging model is asked: question, evidence, claims, and what to reply.

In: queries about one answer. Out: messages. Static rules come first, then the question, then each snippet once, in
the order in which the queries name them, and the claims last, so that calls about the same evidence begin alike.

Claims and snippets are data. Parts are divided by lines that hold a code, which is derived from question and evidence
and occurs in none of the texts; so no text can end its part, and equal queries give equal prompts. A claim is one
line, and its sentence, where it is only a part of one, the line below. What nobody sees is taken out, our tags and the
marks of chat templates escaped, and all values are put in in one pass. Not here: how many queries make a call
(batches.py).
"""

import hashlib
import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final, NamedTuple

from citerefine.judges.chat.verdict_lines import claim_names
from citerefine.judges.hidden import without_hidden
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner.chat.call import Message
from citerefine.refiner.tags.markup import escape_for_prompt

_CODE_LENGTH: Final = 12
_OTHER_LINE_ENDS: Final = re.compile("[\r\v\f\x1c-\x1f\x85\u2028\u2029]")
_CONTROLS: Final = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_BRACKETED_TOKEN: Final = re.compile(r"\[(?=[|｜]|/?[A-Za-z]?[A-Z][A-Z0-9_]+\]|[a-z]{1,12}_?[0-9]{1,4}\])")
"""How special tokens begin that do not begin with `<`: `[INST]`, `[/INST]`, `[TOOL_RESULTS]`, `[gMASK]`, `[|user|]`,
`[control_7]`, `[unused7]`. What merely looks like one, such as `[DNA]`, is escaped too."""
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
    shown = {(title, text): Passage(_one_line(title or ""), as_data(text)) for title, text in named}
    return [[shown[snippet.title, snippet.text] for snippet in query.snippets] for query in queries]


def as_data(text: str) -> str:
    """`text` as it is shown: nothing invisible but blanks, tab and line end, no tag, no special token."""
    return _escaped(_visible(text))


def claim_as_data(query: SupportQuery) -> str:
    """The claim on one line, and below it the sentence that it is meant in, where it has one."""
    claim = _one_line(query.claim)
    return f"{claim}\n{_CONTEXT}{_one_line(query.context)}" if query.context else claim


def _one_line(text: str) -> str:
    return _escaped(" ".join(_visible(text).split()))


def _escaped(text: str) -> str:
    return _BRACKETED_TOKEN.sub("&#91;", escape_for_prompt(text))


def _visible(text: str) -> str:
    """The text without what nobody sees; other line ends than `\\n` are blanks, so that no words join."""
    return without_hidden(_CONTROLS.sub("", _OTHER_LINE_ENDS.sub(" ", text.replace("\r\n", "\n"))))


def judge_messages(queries: Sequence[SupportQuery]) -> tuple[Message, ...]:
    """The messages that ask for the verdicts on these queries, which belong to one answer."""
    premises = premises_of(queries)
    names = {
        passage: f"S{number}" for number, passage in enumerate(dict.fromkeys(p for one in premises for p in one), 1)
    }
    question = as_data(queries[0].question).strip() or "(not known)"
    claims = [claim_as_data(query) for query in queries]
    code = _code(question, [*names], claims)
    ids = claim_names(len(queries))
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
    seed = json.dumps([question, passages])
    while True:
        seed = hashlib.sha256(seed.encode()).hexdigest()
        code = seed[:_CODE_LENGTH]
        if not any(code in text for text in texts):
            return code
