"""Reads what a planner replied, in tool calls or in lines.

In: a reply, and what the planner was told. Out: `Plan`; None where the reply says nothing of it. A reply is data:
parts and queries are cut to one line each, bounded in number and length, and none is taken twice; a query that was
asked before is not asked again; numbers of parts and snippets that the planner was not shown are passed over. Not
here: asking (planner.py).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from citerefine.refiner.agent.coverage import Mark
from citerefine.refiner.agent.findings import Findings
from citerefine.refiner.agent.unaided import query_key
from citerefine.refiner.chat.call import ChatReply, ToolCall, ToolSpec

MAX_QUERIES: Final = 4
"""Most queries of one plan."""
MAX_QUERY: Final = 300
"""Longest query, in code points."""
MAX_PARTS: Final = 5
"""Most parts of a question; the prompts name this number."""
MAX_PART: Final = 150
"""Longest part, in code points."""
_LINE: Final = 2 * MAX_QUERY
"""How much of a line of a reply is read."""
_MARKS: Final = 20
"""Most marks of one reply, and most snippets of one mark."""

_THOUGHT_END = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_FORM = re.compile(
    r"^[\s>*+\-•_`\"]*(?:\d{1,2}[.)][\s*_`\"]*)?(PART|COVERED|SEARCH)[\s*_`\"]*(?:(\d{1,2})[\s*_`\"]*)?:(.*)$",
    re.IGNORECASE,
)
_ENOUGH_LINE = re.compile(r"^\W*ENOUGH\W*$", re.IGNORECASE)
_PART_NUMBER = re.compile(r"(?<!\w)\d{1,2}(?!\w)")
_SNIPPET_NUMBER = re.compile(r"(?<!\w)S(\d{1,6})(?!\w)", re.IGNORECASE)


def _tool(name: str, description: str, **properties: JsonValue) -> ToolSpec:
    schema: dict[str, JsonValue] = {"type": "object", "properties": properties, "required": [*properties]}
    return ToolSpec(name=name, description=description, parameters=schema)


SEARCH_TOOL: Final = _tool(
    "search", "Search the sources.", query={"type": "string", "description": "A few telling words."}
)
SPLIT_TOOL: Final = _tool(
    "split", "Split the question into its parts.", parts={"type": "array", "items": {"type": "string"}}
)
COVERED_TOOL: Final = _tool(
    "covered",
    "Say what was found for a part of the question.",
    part={"type": "integer", "description": "Number of the part."},
    found={"type": "array", "items": {"type": "string"}, "description": "What answers it, such as S2."},
)


class Plan(NamedTuple):
    """What a planner wants."""

    queries: tuple[str, ...] | None
    """What to search for next; empty: it is enough; None: the reply says neither."""
    parts: tuple[str, ...] = ()
    """The parts of the question, where it was not split before."""
    marks: tuple[Mark, ...] = ()
    """What was found for them."""


def read_plan(reply: ChatReply, findings: Findings) -> Plan | None:
    """The plan that a reply holds; None if it holds none."""
    lines = [line[:_LINE] for line in _THOUGHT_END.split(reply.text)[-1].splitlines()]
    forms = [form.groups("") for form in map(_FORM.match, lines) if form]
    calls = [*_called(reply.tool_calls)]
    parts = () if findings.parts else clean_lines(_parts(calls, forms), MAX_PART)[:MAX_PARTS]
    marks = tuple(_known_marks([*_called_marks(calls), *_written_marks(forms)][:_MARKS], findings))
    written = [*_queries(calls, forms)]
    queries: tuple[str, ...] | None = clean_lines(written, MAX_QUERY, findings.asked)
    # Queries that were all asked before ask for nothing new: that is enough too.
    if not queries and not written and not any(map(_ENOUGH_LINE.match, lines)):
        queries = None
    if queries is None and not parts and not marks:
        return None
    return Plan(queries and queries[: min(MAX_QUERIES, findings.queries_left)], parts, marks)


def clean_lines(written: Iterable[str], longest: int, known: Iterable[str] = ()) -> tuple[str, ...]:
    """The texts on one line each, none too long, none empty, none twice and none that is known."""
    taken, cleaned = {query_key(text) for text in known}, list[str]()
    for text in written:
        printable = "".join(letter if letter.isprintable() else " " for letter in text)
        line = " ".join(printable.split())[:longest].strip(" \"'`*_")
        if line and query_key(line) not in taken:
            taken.add(query_key(line))
            cleaned.append(line)
    return tuple(cleaned)


_Call = tuple[str, Mapping[str, Any]]
"""Name and arguments of a tool call."""
_Form = Sequence[str]
"""Word, number and text of a line."""


def _called(calls: Iterable[ToolCall]) -> Iterator[_Call]:
    """The calls whose arguments can be read."""
    for call in calls:
        try:
            arguments = json.loads(call.arguments)
        except (ValueError, RecursionError):
            continue
        if isinstance(arguments, dict):
            yield call.name, arguments


def _queries(calls: Iterable[_Call], forms: Iterable[_Form]) -> Iterator[str]:
    for name, arguments in calls:
        if name == SEARCH_TOOL.name and isinstance(query := arguments.get("query"), str):
            yield query
    yield from (text for word, _, text in forms if word.upper() == "SEARCH")


def _parts(calls: Iterable[_Call], forms: Iterable[_Form]) -> Iterator[str]:
    for name, arguments in calls:
        if name == SPLIT_TOOL.name and isinstance(parts := arguments.get("parts"), list):
            yield from (part for part in parts if isinstance(part, str))
    yield from (text for word, _, text in forms if word.upper() == "PART")


_Numbers = tuple[int, list[int]]
"""Number of a part, and numbers of snippets."""


def _called_marks(calls: Iterable[_Call]) -> Iterator[_Numbers]:
    for name, arguments in calls:
        part, found = arguments.get("part"), arguments.get("found")
        if name == COVERED_TOOL.name and isinstance(part, int | str) and isinstance(found, list):
            number = _PART_NUMBER.search(f"{part}"[:_LINE])
            named = [f"S{one}" if isinstance(one, int) else one for one in found if isinstance(one, int | str)]
            if number:
                yield int(number[0]), _snippet_numbers(" ".join(named))


def _written_marks(forms: Iterable[_Form]) -> Iterator[_Numbers]:
    for word, number, text in forms:
        part = _PART_NUMBER.search(number or text)
        if word.upper() == "COVERED" and part:
            yield int(part[0]), _snippet_numbers(text)


def _snippet_numbers(text: str) -> list[int]:
    return [int(number) for number in _SNIPPET_NUMBER.findall(text[:_LINE])][:_MARKS]


def _known_marks(marks: Iterable[_Numbers], findings: Findings) -> Iterator[Mark]:
    """The marks of what was shown; what a planner was not shown it cannot have judged."""
    shown = findings.shown()
    for part, numbers in marks:
        ids = tuple(shown[number]["id"] for number in numbers if number in shown)
        if ids:
            yield Mark(part, ids)
