"""What each single request of a call costs, told to whoever keeps account of it.

In: requests as they begin and end. Out: the same to a watcher, so that the sum of what it heard can be compared with
the server's bill, line by line, by the id that went along with the request. Nobody knows what a request used whose
connection broke, whose reply could not be read or who asked for it stopped waiting: it is told without usage, and
counts at most what it might have used. Not here: keeping account (journal.py, budget.py).
"""

import os
import time
from contextvars import ContextVar
from typing import Final, NamedTuple, Protocol, runtime_checkable

from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.failures import Failure
from citerefine.refiner.chat.token_estimate import bound_tokens
from citerefine.refiner.errors import CallError
from citerefine.refiner.records import Usage

PAID: Final = Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=0, cost=0.0, calls=0)
"""What a reply used that was paid before, or by somebody else."""
FREE: Final = Usage(prompt_tokens=0, completion_tokens=0, cached_tokens=0, cost=0.0)
"""What a request used for which the server has surely generated nothing."""
NOTHING_USED: Final = ("unauthorized", "no_such_model", "rate_limited", "bad_request", "context_exceeded", "budget")
"""Failures after which that is so."""
CANCELLED: Final = "cancelled"
"""Outcome of a request for which nobody waited any longer: cancelled, or over the deadline."""
_MESSAGE_TOKENS: Final = 8
"""What a chat template puts around a message, at most."""


class Attempt(NamedTuple):
    """One request."""

    id: str
    """Sent along as X-Request-Id."""
    key: str
    """Of the call (`ChatCall.key`)."""
    endpoint: str
    """Address that was asked."""
    most: Usage
    """What it uses at most."""
    request: str = ""
    """Key of all that decides its reply (requests.request_key); empty where only the call is known."""


class Keeper(Protocol):
    """Keeps replies to requests."""

    def recall(self, request: str) -> ChatReply | None:
        """The reply to a request of that key, which costs nothing; None if it has none."""
        ...


KEEPER: Final[ContextVar[Keeper | None]] = ContextVar("KEEPER", default=None)
"""Who keeps replies to the requests that are made in this context."""


@runtime_checkable
class Keyed(Protocol):
    """A model that can say which requests a call would become."""

    def request_keys(self, call: ChatCall) -> tuple[str, ...]:
        """Keys of the requests that would ask this call now (`Attempt.request`); none before that is known."""
        ...

    async def find_keys(self, call: ChatCall) -> tuple[str, ...]:
        """The same, after asking the server what is not known. Raises CallError if it cannot be asked."""
        ...


class AttemptWatcher(Protocol):
    """Hears of each request. What it raises stops the call."""

    async def begin(self, attempt: Attempt) -> None:
        """Called before anything is sent; it is sent when this is done. Who raises, or is cancelled, hears no end."""
        ...

    async def end(self, attempt: Attempt, outcome: str, usage: Usage | None, reply: ChatReply | None) -> None:
        """Called once, when it is over; a reply is handed on when this is done.

        Args:
            attempt: the same as in `begin`.
            outcome: how the reply finished (`ChatReply.finish`), a code of `CALL_FAILURES`, or `CANCELLED`.
            usage: what the server said it used; None if nobody knows.
            reply: what came, if it was a reply.
        """
        ...


@runtime_checkable
class Watchable(Protocol):
    """A model that tells of its requests."""

    def watch(self, watcher: AttemptWatcher) -> bool:
        """Tells this watcher, and no other one any more; False if it cannot."""
        ...


def new_id() -> str:
    """An id for a request that no other one has; later ones sort later."""
    return f"{time.time_ns():016x}{os.urandom(8).hex()}"


def most_used(call: ChatCall) -> Usage:
    """What one request for this call uses at most, without asking a tokenizer."""
    texts = [message.content for message in call.messages]
    texts += [tool.arguments for message in call.messages for tool in message.tool_calls]
    texts += [tool.model_dump_json() for tool in call.tools]
    prompt = sum(map(bound_tokens, texts)) + _MESSAGE_TOKENS * len(texts)
    return Usage(prompt_tokens=prompt, completion_tokens=call.sampling.max_tokens)


def told_usage(usage: Usage) -> Usage | None:
    """The usage, if the server told it."""
    return None if None in (usage.prompt_tokens, usage.completion_tokens) else usage


def usage_of_failure(error: CallError) -> Usage | None:
    """What a failed request used: nothing, what its reply said, or None where nobody knows."""
    if error.code in NOTHING_USED or (isinstance(error, Failure) and error.unsent):
        return FREE
    return error.usage if isinstance(error, Failure) else None
