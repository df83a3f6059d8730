"""Reads histories of LangChain and LangGraph that were written as JSON; nothing of LangChain is imported.

In: a row with `messages`, also within `values` or `channel_values` as checkpoints have them, or within `inputs` and
`outputs` as runs of LangSmith do: as `messages_to_dict`, `dumpd` or `model_dump` writes them, or plain role dicts. Out:
messages as conversation.py takes them. Evidence is in the artifacts of tool messages, records of ours or Documents, and
only where a tool gave none, in its text. Not here: messages that are objects (bridge/turn.py).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from citerefine.refiner.agent.documents import read_snippet
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.errors import EvidenceError
from citerefine.refiner.importing.conversation import Asked, Message, Thought, ToolResult, failed, not_read
from citerefine.refiner.importing.hits import Found
from citerefine.refiner.importing.openai_messages import call_name, text_of, tool_found
from citerefine.refiner.records import Snippet

_KINDS: Final = {
    "human": "human", "user": "human", "humanmessage": "human", "humanmessagechunk": "human",
    "ai": "ai", "assistant": "ai", "aimessage": "ai", "aimessagechunk": "ai",
    "tool": "tool", "toolmessage": "tool", "toolmessagechunk": "tool",
    "function": "tool", "functionmessage": "tool", "functionmessagechunk": "tool",
    "system": "system", "systemmessage": "system", "systemmessagechunk": "system", "developer": "system",
    "remove": "system", "removemessage": "system",
}  # fmt: skip
"""What a message calls itself, in lower case → who wrote it."""
_THOUGHTS: Final = ("reasoning", "thinking")


class _Document(NamedTuple):
    """A Document as `read_snippet` knows one."""

    page_content: object
    metadata: object


def read_langchain(row: Mapping[str, Any]) -> Iterator[Message]:
    """The messages of a row. Raises BadRow if it has none."""
    for message in _messages(row):
        if isinstance(message, Mapping):
            fields = _fields(message)
            match _kind(message):
                case "human" if not _is_summary(fields):
                    yield Asked(text_of(fields.get("content")))
                case "ai":
                    yield from _thoughts(fields.get("content"))
                case "tool" if fields.get("status") == "error":
                    yield failed(call_name(fields.get("name"), fields.get("tool_call_id")))
                case "tool":
                    yield ToolResult(_found(fields))
                case None:
                    yield not_read(f"messages of the kind {_written_kind(message)!r}")


def _messages(row: Mapping[str, Any]) -> list[Any]:
    for holder in (row, row.get("values"), row.get("channel_values")):
        if isinstance(holder, Mapping) and isinstance(messages := holder.get("messages"), list):
            return messages
    asked, got = _messages_in(row.get("inputs")), _messages_in(row.get("outputs"))
    if any(isinstance(message, Mapping) and _kind(message) == "human" for message in got):
        return got  # the state after the run, which holds what was put in
    if asked or got:
        return [*asked, *got]
    raise BadRow("no_messages", "it has no list of messages, nor values that have one; is it of another kind?")


def _messages_in(holder: object) -> list[Any]:
    """The messages that a run was given or gave; those that a model was given are in a list of lists."""
    messages = holder.get("messages") if isinstance(holder, Mapping) else None
    if isinstance(messages, list) and len(messages) == 1 and isinstance(messages[0], list):
        messages = messages[0]
    return messages if isinstance(messages, list) else []


def _kind(message: Mapping[str, Any]) -> str | None:
    return _KINDS.get(_written_kind(message).lower())


def _written_kind(message: Mapping[str, Any]) -> str:
    """What a message calls itself."""
    path = message.get("id")
    is_dumped = message.get("type") == "constructor" and isinstance(path, list) and path
    return str(path[-1] if is_dumped and isinstance(path, list) else message.get("type") or message.get("role"))[:60]


def _fields(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of a message or Document, in whatever it is wrapped."""
    for wrapper in ("kwargs", "data"):
        if isinstance(inner := message.get(wrapper), Mapping):
            return inner
    return message


def _is_summary(fields: Mapping[str, Any]) -> bool:
    """Whether LangChain wrote it in the place of a long conversation; nobody asked it."""
    more = fields.get("additional_kwargs")
    return isinstance(more, Mapping) and more.get("lc_source") == "summarization"


def _thoughts(content: object) -> Iterator[Message]:
    for block in content if isinstance(content, list) else ():
        if isinstance(block, Mapping) and block.get("type") in _THOUGHTS:
            yield Thought(str(block.get(block["type"]) or ""))
    yield Thought(text_of(content))


def _found(fields: Mapping[str, Any]) -> Found:
    call, artifact = call_name(fields.get("name"), fields.get("tool_call_id")), fields.get("artifact")
    if not isinstance(artifact, list):
        return tool_found(fields.get("content"), call)
    read = [_read_item(item) for item in artifact]
    n_strange = read.count(None)
    warnings = [f"{n_strange} results of {call or 'a tool'} are no snippets and cannot be cited"] if n_strange else []
    return Found([snippet for snippet in read if snippet is not None], warnings)


def _read_item(item: object) -> Snippet | None:
    fields = _fields(item) if isinstance(item, Mapping) else {}
    document = _Document(fields["page_content"], fields.get("metadata") or {}) if "page_content" in fields else None
    try:
        return read_snippet(document or fields)
    except (EvidenceError, ValidationError):
        return None
