"""Reads conversations in OpenAI's two forms: messages of Chat Completions, items of Responses.

In: a row with `messages`, or with `input` and perhaps `output`; also where a log has the request and the response in
objects of their own, as rows of the Batch API do. Out: messages as conversation.py takes them. Evidence is in messages
of the roles `tool` and `function` and in items that are outputs of tools; an item of a tool that is not read is told
of. Not here: asking anybody.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.importing.conversation import Asked, Message, Thought, ToolResult, failed, not_read
from citerefine.refiner.importing.hits import NOTHING, Found, read_hits, read_text
from citerefine.refiner.records import Snippet

_TEXT_PARTS: Final = ("text", "input_text", "output_text", "summary_text", "reasoning_text")
_NOT_TEXT: Final = "a picture, sound or file"
_REQUESTS: Final = ((), ("body",), ("request",), ("request", "body"), ("inputs",))
"""Where a row holds what a model was asked."""
_RESPONSES: Final = ((), ("response",), ("response", "body"), ("outputs",))
"""Where it holds what came back."""
_NO_EVIDENCE: Final = frozenset({"function_call", "custom_tool_call", "mcp_list_tools", "item_reference", "compaction"})
"""Items without a role that no tool gave, besides those of kinds that say so (`…_request`, `…_response`)."""


def read_openai(row: Mapping[str, Any]) -> Iterator[Message]:
    """The messages of a row, as it stands in a log of either form. Raises BadRow if it is in neither."""
    names = dict[str, str]()
    for item in _items(row):
        if isinstance(item, Mapping):
            names |= _calls(item)
            yield from _messages(item, names)


def _items(row: Mapping[str, Any]) -> list[Any]:
    asked = next((found for path in _REQUESTS if (found := _asked(_within(row, path))) is not None), None)
    if asked is None:
        raise BadRow("no_messages", "it has neither a list of messages nor an input; is it of another kind?")
    return [*asked, *next((found for path in _RESPONSES if (found := _answered(_within(row, path)))), ())]


def _within(row: Mapping[str, Any], path: Iterable[str]) -> Mapping[str, Any]:
    """The object at a path of names; an empty one where there is none."""
    for name in path:
        inner = row.get(name)
        row = inner if isinstance(inner, Mapping) else {}
    return row


def _asked(request: Mapping[str, Any]) -> list[Any] | None:
    for name in ("messages", "input"):
        value = request.get(name)
        if isinstance(value, str) and name == "input":
            return [{"role": "user", "content": value}]
        if isinstance(value, list):
            return value
    return None


def _answered(response: Mapping[str, Any]) -> list[Any]:
    """The items of a response, or the message of its first choice."""
    if isinstance(output := response.get("output"), list):
        return output
    choices = response.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return [first["message"]] if isinstance(first, Mapping) and "message" in first else []


def _calls(item: Mapping[str, Any]) -> dict[str, str]:
    """Id → name of the tools that a message or an item calls."""
    if item.get("type") in ("function_call", "custom_tool_call"):
        return _named(item.get("call_id"), item.get("name"))
    calls = item.get("tool_calls")
    found = dict[str, str]()
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, Mapping) and isinstance(function := call.get("function"), Mapping):
            found |= _named(call.get("id"), function.get("name"))
    return found


def _named(id: object, name: object) -> dict[str, str]:
    return {id: name} if isinstance(id, str) and isinstance(name, str) else {}


def _messages(item: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Message]:
    match item.get("role"), item.get("type"):
        case "user", _:
            yield Asked(text_of(item.get("content")))
        case "assistant", _:
            yield Thought(text_of(item.get("reasoning_content")))
            yield Thought(text_of(item.get("content")))
        case "tool" | "function", _:
            yield ToolResult(tool_found(item.get("content"), _call(item, "tool_call_id", names)))
        case None, "reasoning":
            yield Thought(text_of(item.get("summary")))
            yield Thought(text_of(item.get("content")))
        case None, "function_call_output" | "custom_tool_call_output":
            yield ToolResult(tool_found(item.get("output"), _call(item, "call_id", names)))
        case None, "mcp_call":
            call = _call(item, "id", names)
            yield failed(call) if item.get("error") is not None else ToolResult(tool_found(item.get("output"), call))
        case None, "file_search_call":
            yield ToolResult(read_hits(item.get("results")))
        case None, str(kind) if kind not in _NO_EVIDENCE and not kind.endswith(("_request", "_response")):
            yield not_read(f"items of the type {kind[:60]!r}")
        case str(role), _ if role not in ("system", "developer"):
            yield not_read(f"messages of the role {role[:60]!r}")


def _call(item: Mapping[str, Any], id_field: str, names: Mapping[str, str]) -> str | None:
    id = item.get(id_field)
    return call_name(item.get("name") or names.get(str(id)), id)


def call_name(tool: object, id: object) -> str | None:
    """What a call of a tool is called, as in `lookup:call_1`; None where it is not known."""
    return ":".join(part for part in (tool, id) if isinstance(part, str) and part) or None


def text_of(content: object) -> str:
    """The text of a message's content: a text, or the text parts of a list."""
    parts = content if isinstance(content, list) else [content]
    return "\n".join(text for part in parts if (text := _text_of_part(part)))


def tool_found(content: object, call: str | None) -> Found:
    """What a tool's message holds; each text part is read by itself."""
    snippets, warnings = list[Snippet](), list[str]()
    for part in content if isinstance(content, list) else [content]:
        text = _text_of_part(part)
        read = NOTHING if text is None else read_text(text, call)
        snippets += read.snippets
        left_out = read.warnings if text is not None or part is None else [_NOT_TEXT]
        warnings += (f"left out of what {call or 'a tool'} gave: {what}" for what in left_out)
    return Found(snippets, warnings)


def _text_of_part(part: object) -> str | None:
    if isinstance(part, Mapping):
        part = part.get("text") if part.get("type") in _TEXT_PARTS else None
    return part if isinstance(part, str) else None
