"""What a trace file holds: everything that happened to one question, in order, one JSON object a line.

In: records of a run. Out: lines, and lines read back. The first line names the run, the last one holds its answer;
between them stands each thing that a model or a search tool was asked, with everything it returned. That is enough to
run the question again without a network, to score the answer, or to train on it. A trace never holds a key of a
service: no record has one. Not here: writing the file (recorder.py), playing it back (replay.py).
"""

import json
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, TypeAdapter, ValidationError

from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.protocols import Capabilities, SearchPage
from citerefine.refiner.recording.line_file import json_line
from citerefine.refiner.records import Record, Text

FORMAT: Final = 1
"""Version of the lines; another one cannot be read."""


class Header(Record):
    """What is needed to run the question again."""

    kind: Literal["run"] = "run"
    format: int = FORMAT
    question: Text
    model: str | None = None
    """Model string of the refiner."""
    planner: str | None = None
    """Model string of the planner; None where the run had no planner model."""
    tools: tuple[str, ...] = ()
    """Names of the search tools, in the order in which the run had them."""
    readers: tuple[str, ...] = ()
    """Those of them that can also read on around what they found."""
    settings: dict[str, JsonValue] = Field(default_factory=dict)
    """All settings of the run, by name."""


class Failure(Record):
    """How something failed."""

    code: str = Field(pattern=r"^\w+$")
    """A code of `CALL_FAILURES` for a call; the name of the exception's class for a search."""
    message: Text
    retryable: bool = False

    @classmethod
    def of_call(cls, error: CallError) -> "Failure":
        """The failure that `error` tells of."""
        return cls(code=error.code, message=str(error), retryable=error.retryable)

    @classmethod
    def of_search(cls, error: Exception) -> "Failure":
        """The failure of a search that ended in `error`; without its message, which may hold an address with a key."""
        return cls(code=type(error).__name__, message="the search failed; what it said is not recorded")


class SearchEvent(Record):
    """One search of one tool."""

    kind: Literal["search"] = "search"
    tool: str
    query: Text
    k: int
    page: SearchPage | None = None
    """What the tool gave; None if it failed."""
    error: Failure | None = None


class ReadEvent(Record):
    """One tool reading on around what it had found."""

    kind: Literal["read"] = "read"
    tool: str
    ids: tuple[str, ...]
    """Ids of the snippets to read on from."""
    page: SearchPage | None = None
    error: Failure | None = None


class CallEvent(Record):
    """One call of a model."""

    kind: Literal["call"] = "call"
    model: str
    key: str
    """`call.key`."""
    call: ChatCall
    reply: ChatReply | None = None
    """None if the call failed, or was given up before the reply was complete."""
    partial: Text = ""
    """What had come of the reply's text where there is no whole reply."""
    error: Failure | None = None


class CapabilitiesEvent(Record):
    """What a model was found able to do."""

    kind: Literal["capabilities"] = "capabilities"
    model: str
    capabilities: Capabilities | None = None
    error: Failure | None = None


class TokensEvent(Record):
    """How many tokens texts have."""

    kind: Literal["tokens"] = "tokens"
    model: str
    counts: dict[str, int]
    """First 32 hex digits of the SHA-256 of a text → its tokens."""


class AnswerEvent(Record):
    """How the run ended."""

    kind: Literal["answer"] = "answer"
    answer: Answer


Event = Annotated[
    Header | SearchEvent | ReadEvent | CallEvent | CapabilitiesEvent | TokensEvent | AnswerEvent,
    Field(discriminator="kind"),
]
_EVENT: Final[TypeAdapter[Event]] = TypeAdapter(Event)


def write_event(event: Record) -> bytes:
    """The line of an event, without its end."""
    return json_line(event.model_dump(mode="json"))


def read_event(line: bytes) -> Event:
    """The event that a line tells of. Raises InputError, saying what is wrong with it."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"it is no JSON ({error})") from error
    if not isinstance(values, dict) or "kind" not in values:
        raise InputError("it is no event of a trace")
    if values["kind"] == "run" and values.get("format") != FORMAT:
        raise InputError(f"the trace has format {values.get('format')!r}, and this version reads {FORMAT}")
    try:
        return _EVENT.validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(f"{place}: {first['msg']}") from error
