"""Plans searches with a chat model, which calls a tool or writes lines.

In: the question, reasoning, the queries so far, the records found. Out: `Plan`: queries, or that it is enough; None
where the reply says neither. A reply is data: queries are cut to one line each, bounded in number and length, and
none is asked twice. Tool calls are tried first; a model that refuses them, or does not use them, is asked for lines
from then on. What goes into the prompt from outside is escaped and put in in one pass. Not here: how many searches
there may be.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final, NamedTuple

from citerefine.refiner.agent.state import SnippetRecord
from citerefine.refiner.agent.unaided import query_key
from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling, ToolCall, ToolSpec
from citerefine.refiner.errors import CallError
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.tags.markup import escape

MAX_QUERIES: Final = 4
"""Most queries of one plan."""
MAX_QUERY: Final = 300
"""Longest query, in code points."""
MAX_REPLY: Final = 300
"""Most tokens of a plan."""
_QUESTION, _REASONING, _EXCERPT, _SHOWN = 4000, 2000, 200, 20
"""Longest question, reasoning and excerpt in a prompt, in code points; most snippets and queries in it."""
_LINE: Final = 2 * MAX_QUERY
"""How much of a line of a reply is read."""

SEARCH_TOOL: Final = ToolSpec(
    name="search",
    description="Search the sources.",
    parameters={
        "type": "object",
        "properties": {"query": {"type": "string", "description": "A few telling words."}},
        "required": ["query"],
    },
)
_THOUGHT_END = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_SEARCH_LINE = re.compile(r"^[\s>*+\-•]*(?:\d{1,2}[.)]\s*)?[*_`\"]*SEARCH[*_`\"]*\s*:[*_`\"]*(.*)$", re.IGNORECASE)
_ENOUGH_LINE = re.compile(r"^\W*ENOUGH\W*$", re.IGNORECASE)


class Plan(NamedTuple):
    """What to search for next; no queries mean that it is enough."""

    queries: tuple[str, ...]


class Findings(NamedTuple):
    """What a planner is told."""

    question: str
    reasoning: str
    asked: Sequence[str]
    """All queries so far."""
    records: Sequence[SnippetRecord]
    """All that was found."""
    most: int
    """How many searches are left."""


async def ask_planner(model: ChatModel, findings: Findings, plain: set[str]) -> Plan | None:
    """What the model plans; None if its reply is no plan.

    Args:
        model: the planner.
        findings: what it is told.
        plain: names of planners that do not take tool calls; this one is added where it turns out to be one.

    Raises:
        CallError: if the model cannot be asked.
    """
    if model.name not in plain:
        plan = await _ask_with_tools(model, findings)
        if plan is not None:
            return plan
        plain.add(model.name)
    reply = await model.complete(_call("plan_text", findings))
    return read_plan(reply, findings)


async def _ask_with_tools(model: ChatModel, findings: Findings) -> Plan | None:
    try:
        reply = await model.complete(_call("plan_tools", findings, (SEARCH_TOOL,)))
    except CallError as error:
        if error.code != "bad_request":
            raise
        return None
    return read_plan(reply, findings)


def _call(system: str, findings: Findings, tools: tuple[ToolSpec, ...] = ()) -> ChatCall:
    messages = (
        Message(role="system", content=_template(system).template),
        Message(role="user", content=_told(findings)),
    )
    return ChatCall(messages=messages, sampling=Sampling(max_tokens=MAX_REPLY), tools=tools)


@cache
def _template(name: str) -> Template:
    return Template(files("citerefine.refiner.agent").joinpath(f"{name}.md").read_text("utf-8").strip())


def _told(findings: Findings) -> str:
    return _template("plan_question").substitute(
        question=escape(findings.question[:_QUESTION]),
        reasoning=escape(findings.reasoning[-_REASONING:]) or "none",
        searched="\n".join(escape(query) for query in findings.asked[-_SHOWN:]) or "nothing yet",
        found="\n".join(map(_excerpt, findings.records[:_SHOWN])) or "nothing yet",
        most=str(findings.most),
    )


def _excerpt(record: SnippetRecord) -> str:
    text = " ".join(f"{record.get('title') or ''}: {record['text']}".removeprefix(": ").split())
    return f"- {escape(text if len(text) <= _EXCERPT else f'{text[:_EXCERPT]}…')}"


def read_plan(reply: ChatReply, findings: Findings) -> Plan | None:
    """The plan that a reply holds, in tool calls or in lines; None if it holds none."""
    lines = [line[:_LINE] for line in _THOUGHT_END.split(reply.text)[-1].splitlines()]
    written = [*_called(reply.tool_calls), *(line[1] for text in lines if (line := _SEARCH_LINE.match(text)))]
    queries = clean_queries(written, findings.asked)
    if queries:
        return Plan(queries[: min(MAX_QUERIES, findings.most)])
    # Queries that were all asked before ask for nothing new: that is enough too.
    return Plan(()) if written or any(map(_ENOUGH_LINE.match, lines)) else None


def _called(calls: Iterable[ToolCall]) -> Iterator[str]:
    """The queries of the calls that can be read."""
    for call in calls:
        try:
            arguments = json.loads(call.arguments)
        except (ValueError, RecursionError):
            continue
        query = arguments.get("query") if isinstance(arguments, dict) else None
        if call.name == SEARCH_TOOL.name and isinstance(query, str):
            yield query


def clean_queries(written: Iterable[str], asked: Iterable[str]) -> tuple[str, ...]:
    """Queries on one line each, none too long, none empty, none twice and none that was asked before."""
    known, cleaned = {query_key(query) for query in asked}, list[str]()
    for query in written:
        printable = "".join(letter if letter.isprintable() else " " for letter in query)
        line = " ".join(printable.split())[:MAX_QUERY].strip(" \"'`*_")
        if line and query_key(line) not in known:
            known.add(query_key(line))
            cleaned.append(line)
    return tuple(cleaned)
