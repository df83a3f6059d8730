"""What a journal of calls holds: one event for each request as it begins, and one as it ends.

In: requests and how they ended. Out: `Event`, its row in the file, and the event that a row holds. A row carries a
check sum over all its values: what a torn write or a stray hand has changed is told apart, and never believed. Not
here: the file (journal_file.py), who asks (journal.py).
"""

import zlib
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, get_args

from pydantic import ValidationError

from citerefine.refiner.chat.call import ChatReply
from citerefine.refiner.records import Usage

_USAGE: Final = ("calls", "prompt_tokens", "completion_tokens", "cached_tokens", "cost")
"""Of a row: what was used; calls are missing where nobody knows."""
COLUMNS: Final = ("key", "attempt", "status", "code", "endpoint", *_USAGE, "time", "reply")
"""Of a row, besides its number and check sum."""
_USABLE: Final = ("stop", "tool_calls")

_LARGEST: Final = 2**63 - 1
"""That SQLite keeps."""

Status = Literal["sent", "ok", "failed", "lost", "rejected"]
_STATUSES: Final = get_args(Status)


class Event(NamedTuple):
    """What became of one request."""

    key: str
    """Of the call, with the model (`JournaledModel.key`)."""
    attempt: str
    """Id of the request, as the server was told it."""
    status: Status
    """`sent` before it leaves; then `ok` (a usable reply), `failed`, or `lost`: the process ended before the reply.
    `rejected` belongs to no request: replies to the key that came before are of no use to whoever read them."""
    code: str = ""
    """How the reply finished, or what went wrong."""
    endpoint: str = ""
    """Address that was asked."""
    reply: ChatReply | None = None
    """Of a usable reply."""
    usage: Usage | None = None
    """What it used: at most of a request that was sent, exactly of one that ended; None if nobody knows."""
    time: float = 0.0
    """Seconds since 1970."""
    seq: int = 0
    """Place in the journal, from 1; 0 before it is there."""


class Totals(NamedTuple):
    """What the requests of a journal came to."""

    requests: int
    ok: int
    failed: int
    unknown: int
    """Requests whose use nobody knows: of processes that ended, of broken connections and unreadable replies."""
    under_way: int
    """Of the unknown ones, those that have not ended."""
    known: Usage
    """What all other requests used; its `calls` are their number."""
    most: Usage
    """What the unknown ones used at most."""
    damaged: int
    """Rows that cannot be believed, and count nowhere else."""


def is_usable(reply: ChatReply) -> bool:
    """Whether a reply is whole and says something: one that can be used again."""
    return reply.finish in _USABLE and bool(reply.text.strip() or reply.tool_calls)


def to_row(event: Event) -> tuple[object, ...]:
    """The values of `COLUMNS`, and the check sum."""
    values = (
        event.key,
        event.attempt,
        event.status,
        event.code,
        event.endpoint,
        *_usage_row(event.usage),
        event.time,
        None if event.reply is None else event.reply.model_dump_json(exclude_defaults=True),
    )
    return (*values, check_sum(values))


def _usage_row(usage: Usage | None) -> tuple[int | float | None, ...]:
    if usage is None:
        return (None,) * len(_USAGE)
    counts = (usage.calls, usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
    return (*(None if count is None or abs(count) > _LARGEST else count for count in counts), usage.cost)


def from_row(row: Sequence[object]) -> Event | None:
    """The event of a row of number, `COLUMNS` and check sum; None if it is damaged."""
    seq, *values, told = row
    if told != check_sum(values):
        return None
    fields: dict[str, Any] = dict(zip(COLUMNS, values, strict=True))
    used = {name: fields.pop(name) for name in _USAGE}
    if fields["status"] not in _STATUSES:
        return None
    try:
        if fields["reply"] is not None:
            fields["reply"] = ChatReply.model_validate_json(fields["reply"])
        fields["usage"] = None if used["calls"] is None else Usage.model_validate(used)
    except ValidationError:
        return None
    return Event(**fields, seq=int(str(seq)))


def check_sum(values: Sequence[object]) -> int:
    """Of the values of `COLUMNS`; changes with any of them."""
    *others, reply = values
    start = zlib.crc32(repr(others).encode())
    return zlib.crc32((reply if isinstance(reply, str) else f"no text: {reply!r}").encode(errors="replace"), start)
