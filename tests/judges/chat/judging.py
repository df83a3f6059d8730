"""What the tests of judges share: queries, a model that judges as a test says, what a prompt shows."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.faulty_server import Request
from tests.scripted_model import ScriptedModel

from citerefine.judges.judge import SupportJudge
from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.records import Snippet

PERCH = Snippet(id="a", text="Perch doubled in Lake Orven by 2010.", title="Survey")
EELS = Snippet(id="b", text="Eels left the lake.")


def query(
    claim: str = "Perch doubled.", *snippets: Snippet, question: str = "What lives in Lake Orven?"
) -> SupportQuery:
    return SupportQuery(claim, snippets or (PERCH,), question)


def judged(judge: SupportJudge, *queries: SupportQuery) -> list[Verdict]:
    """The verdicts on the queries of one answer; the judge is closed behind it."""

    async def run() -> list[Verdict]:
        try:
            return [*await judge.judge(queries)]
        finally:
            await judge.aclose()

    return asyncio.run(run())


class Asked(NamedTuple):
    """A claim as a prompt shows it."""

    id: str
    passages: tuple[str, ...]
    """The texts by which it is to be judged."""
    claim: str
    context: str = ""


def claims_in(prompt: str) -> list[Asked]:
    """What a model that minds the dividing lines, and nothing else, is asked."""
    code = re.findall(r"The code of this request is (\w+)\.", prompt)[0]
    parts = re.split(rf"^### {code} (.*)$", prompt, flags=re.MULTILINE)
    bodies = list(zip(parts[1::2], (part.strip("\n") for part in parts[2::2]), strict=True))
    passages = {head.split()[1]: body for head, body in bodies if head.startswith("passage ")}
    found = list[Asked]()
    for head, body in bodies:
        if head.startswith("claim "):
            id, names = head.removeprefix("claim ").split(", judged by ")
            claim, _, context = body.partition("\nin the sentence: ")
            found.append(Asked(id, tuple(passages[name] for name in names.split(", ")), claim, context))
    return found


Rule = Callable[[Asked], str]
"""What is replied to a claim: FULL, PARTIAL …"""


def reply_by(rule: Rule, prompt: str) -> str:
    return "\n".join(f"{asked.id}={rule(asked)}" for asked in claims_in(prompt))


def model_by(rule: Rule, name: str = "scripted") -> ScriptedModel:
    """A model that judges by a rule."""
    return ScriptedModel(reply=lambda call: reply_by(rule, call.messages[-1].content), name=name)


def server_by(rule: Rule) -> Callable[[Request], str]:
    """What a faulty server says where it is well."""
    return lambda request: reply_by(rule, request.prompt)


def by_words(asked: Asked) -> str:
    """FULL if all words of the claim stand in the passages, PARTIAL if some do."""
    words = [*map(str.casefold, re.findall(r"\w+", asked.claim))]
    known = {*re.findall(r"\w+", " ".join(asked.passages).casefold())}
    held = sum(word in known for word in words)
    return "FULL" if held == len(words) else "PARTIAL" if held else "NONE"


def asked_of(calls: Sequence[ChatCall]) -> list[list[Asked]]:
    return [claims_in(call.messages[-1].content) for call in calls]
