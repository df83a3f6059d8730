"""Keeps every request to a model in a file, and asks nothing twice that the file holds a usable reply to.

In: a chat model, a path. Out: the same model, whose calls are journaled one request at a time, with what it used:
before it is sent, and when it ended, before its reply is handed on. A call that was answered before costs nothing, in
this run and when a killed one goes on. Only replies that are whole are used again; failures, refusals and cut replies
are kept for their cost, and asked again. A reply that is drawn anew each time (a temperature and no seed) is kept and
never used again. Equal calls at once are made once within one process; two processes that ask the same at the same
moment both pay. Not here: the file (journal_file.py), transactions (journal_writer.py), budgets (budget.py: put a
BudgetedModel inside, so that what the file holds needs none).
"""

import asyncio
import hashlib
import ipaddress
import json
import secrets
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from citerefine.refiner.chat.attempts import (
    CANCELLED,
    FREE,
    PAID,
    Attempt,
    Watchable,
    most_used,
    told_usage,
    usage_of_failure,
)
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.journal_events import Event, Totals, is_usable
from citerefine.refiner.chat.journal_file import SCHEMA, JournalFile
from citerefine.refiner.chat.journal_writer import JournalWriter
from citerefine.refiner.chat.single_flight import SingleFlight
from citerefine.refiner.errors import CallError, CiterefineError
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Usage

_OWN: Final = "own server"


class JournaledModel:
    """A chat model that asks only what a journal does not hold (protocols.ChatModel)."""

    def __init__(self, model: ChatModel, path: Path, *, most_bytes: int | None = None) -> None:
        """Opens nothing yet.

        Args:
            model: any chat model; one that tells of its requests (attempts.Watchable) has each of them journaled,
                of others each call.
            path: the journal; see `JournalFile`.
            most_bytes: its size at most; beyond it calls fail with InputError.
        """
        self._model = model
        self._file = JournalFile(path, most_bytes)
        # Of a fixed length, as the call's key is: no two pairs of them are one string.
        self._prefix = hashlib.sha256(json.dumps([SCHEMA, identity(model.name)]).encode()).digest()
        self._flights = WeakKeyDictionary[asyncio.AbstractEventLoop, SingleFlight[ChatReply]]()
        self._writers = WeakKeyDictionary[asyncio.AbstractEventLoop, JournalWriter]()
        self._told = isinstance(model, Watchable) and model.watch(self)
        self.hits = 0
        """Calls that the journal answered, and nobody paid."""

    @property
    def name(self) -> str:
        """The model string."""
        return self._model.name

    def key(self, call: ChatCall) -> str:
        """SHA-256, in hex, of all that decides the reply."""
        return self._key(call.key)

    def _key(self, call_key: str) -> str:
        return hashlib.sha256(self._prefix + call_key.encode()).hexdigest()

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError, and InputError where the file fails."""
        if self._told or _is_drawn(call):  # a model that tells of its requests makes equal ones at once only once
            return await self._find_or_ask(call)
        flights = self._flights.setdefault(asyncio.get_running_loop(), SingleFlight())
        shared = await flights.run(call.key, partial(self._find_or_ask, call))
        return shared.value.model_copy(update={"usage": PAID}) if shared.taken else shared.value

    async def _find_or_ask(self, call: ChatCall) -> ChatReply:
        return self._find(call) or await self._ask(call)

    def _find(self, call: ChatCall) -> ChatReply | None:
        event = None if _is_drawn(call) else self._file.find(self.key(call))
        if event is None or event.reply is None:
            return None
        self.hits += 1
        return event.reply.model_copy(update={"usage": PAID})

    async def _ask(self, call: ChatCall) -> ChatReply:
        if self._told:
            return await self._model.complete(call)
        attempt = await self._begin(call)
        try:
            reply = await self._model.complete(call)
        except BaseException as error:
            await self._fail(attempt, error)
            raise
        await self.end(attempt, reply.finish, told_usage(reply.usage), reply)
        return reply

    async def stream(self, call: ChatCall) -> AsyncGenerator[str | ChatReply, None]:
        """The reply's text in pieces, and last the whole reply. Raises as `complete`."""
        if found := self._find(call):
            yield found.text
            yield found
            return
        attempt = None if self._told else await self._begin(call)
        try:
            async for item in self._model.stream(call):
                if attempt and isinstance(item, ChatReply):
                    ended, attempt = attempt, None
                    await self.end(ended, item.finish, told_usage(item.usage), item)
                yield item
        except BaseException as error:
            if attempt:
                await self._fail(attempt, error)
            raise

    async def _begin(self, call: ChatCall) -> Attempt:
        attempt = Attempt(secrets.token_hex(16), call.key, self.name, most_used(call))
        await self.begin(attempt)
        return attempt

    async def _fail(self, attempt: Attempt, error: BaseException) -> None:
        if isinstance(error, CallError):
            await self.end(attempt, error.code, usage_of_failure(error), None)
        else:
            with suppress(CiterefineError):  # what is raised already matters more
                await self.end(attempt, CANCELLED, None, None)

    async def begin(self, attempt: Attempt) -> None:
        """Journals a request that is about to be sent (attempts.AttemptWatcher)."""
        event = Event(
            key=self._key(attempt.key),
            attempt=attempt.id,
            status="sent",
            endpoint=attempt.endpoint,
            usage=attempt.most,
            time=time.time(),
        )
        try:
            await self._writer.add(event)
        except asyncio.CancelledError:  # it is in the file, and will not be sent
            with suppress(CiterefineError):
                await self.end(attempt, CANCELLED, FREE, None)
            raise

    async def end(self, attempt: Attempt, outcome: str, usage: Usage | None, reply: ChatReply | None) -> None:
        """Journals how a request ended (attempts.AttemptWatcher)."""
        usable = reply is not None and is_usable(reply)
        event = Event(
            key=self._key(attempt.key),
            attempt=attempt.id,
            status="ok" if usable else "failed",
            code="empty" if reply and not usable and outcome in ("stop", "tool_calls") else outcome,
            endpoint=attempt.endpoint,
            reply=reply if usable else None,
            usage=usage,
            time=time.time(),
        )
        if reply is None:  # what ended may have been cancelled, and cannot wait
            self._writer.add_now(event)
        else:
            await self._writer.add(event)

    @property
    def _writer(self) -> JournalWriter:
        loop = asyncio.get_running_loop()
        writer = self._writers.get(loop)
        if writer is None:
            writer = self._writers[loop] = JournalWriter(self._file)
        return writer

    def totals(self) -> Totals:
        """What all requests in the file came to, of this process and others. Raises InputError."""
        return self._file.totals()

    def events(self) -> Iterator[Event]:
        """All events in the file, in order. Raises InputError."""
        return self._file.events()

    async def capabilities(self) -> Capabilities:
        """What the model can do. Raises CallError if it cannot be reached."""
        return await self._model.capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, as the model counts them."""
        return await self._model.count_tokens(texts)

    async def aclose(self) -> None:
        """Closes the file and what the model holds; a later call opens both anew."""
        self._writer.flush()
        self._file.close()
        await self._model.aclose()


def _is_drawn(call: ChatCall) -> bool:
    return call.sampling.temperature > 0 and call.sampling.seed is None


def identity(name: str) -> str:
    """What of a model string decides its replies.

    Of a served model: its name, and whose service it is. Servers of one's own (on this machine, in a private network)
    count as one, since a run that goes on often finds its model on another port or node, or on more of them.

    >>> identity("openai:m@http://localhost:8000/v1") == identity("openai:m@http://10.0.0.7:9000/v1,http://node3/v1")
    True
    >>> identity("openai:m@https://api.example.com/v1")
    'openai:m@api.example.com'
    """
    if not name.startswith("openai:"):
        return name
    endpoints = Endpoint.parse_all(name)
    places = sorted({_place(endpoint.host) for endpoint in endpoints})
    return f"openai:{endpoints[0].model}@{','.join(places)}"


def _place(host: str) -> str:
    try:
        return _OWN if ipaddress.ip_address(host).is_private else host
    except ValueError:
        return host if "." in host else _OWN
