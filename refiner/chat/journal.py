"""Keeps every request to a model in a file, and asks nothing twice that the file holds a usable reply to.

In: a chat model, a path. Out: the same model, whose calls are journaled one request at a time, with what it used:
before it is sent, and when it ended, before its reply is handed on. A call that was answered before costs nothing, in
this run and when a killed one goes on. Only replies that are whole, and that nobody rejected, are used again; failures,
refusals and cut replies are kept for their cost, and asked again. A reply that is drawn anew each time (a temperature
and no seed) is kept and never used again. Equal calls at once are made once within one process; two processes that ask
the same at the same moment both pay. What a server says that it serves is part of what is asked: it has to be there
before anything is found. Not here: the file (journal_file.py), transactions (journal_writer.py), who answers under a
name (identity.py), budgets (budget.py: put a BudgetedModel inside, so that what the file holds needs none).
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Final
from weakref import WeakKeyDictionary

from citerefine.refiner.chat.attempts import (
    CANCELLED,
    FREE,
    KEEPER,
    PAID,
    Attempt,
    Keyed,
    Watchable,
    most_used,
    new_id,
    told_usage,
    usage_of_failure,
)
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.identity import identity
from citerefine.refiner.chat.journal_events import Event, Totals, is_usable
from citerefine.refiner.chat.journal_file import MOST_BYTES, SCHEMA, HeldError, JournalFile
from citerefine.refiner.chat.journal_writer import JournalWriter, unheld
from citerefine.refiner.chat.retries import BEGAN
from citerefine.refiner.chat.single_flight import SingleFlight
from citerefine.refiner.errors import CallError, CiterefineError
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Usage

_KEPT_KEYS: Final = 128
"""Keys that are kept: each is asked for when its reply is looked for, when its request begins, and when it ends."""


class JournaledModel:
    """A chat model that asks only what a journal does not hold (protocols.ChatModel, protocols.Rejects)."""

    def __init__(self, model: ChatModel, path: Path, *, most_bytes: int | None = MOST_BYTES) -> None:
        """Opens nothing yet.

        Args:
            model: any chat model; one that tells of its requests (attempts.Watchable) has each of them journaled,
                of others each call.
            path: the journal; see `JournalFile`.
            most_bytes: its size at most; beyond it calls fail with InputError.
        """
        self._model = model
        self._path, self._most_bytes = path, most_bytes
        self._file = JournalFile(path, most_bytes, wait=0)  # it is waited for in ways that stop nobody else
        self._keyed = model if isinstance(model, Keyed) else None
        # Of a fixed length, as the keys of requests are: no two pairs of them are one string.
        who = "" if self._keyed and model.name.startswith("openai:") else identity(model.name)
        prefix = hashlib.sha256(json.dumps([SCHEMA, who]).encode()).digest()
        self._key = lru_cache(_KEPT_KEYS)(partial(_key, prefix))
        self._flights = WeakKeyDictionary[asyncio.AbstractEventLoop, SingleFlight[ChatReply]]()
        self._writers = WeakKeyDictionary[asyncio.AbstractEventLoop, JournalWriter]()
        self._told = isinstance(model, Watchable) and model.watch(self)
        self.hits = 0
        """Calls that the journal answered, and nobody paid."""

    @property
    def name(self) -> str:
        """The model string."""
        return self._model.name

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError, and InputError where the file fails."""
        if self._told or _is_drawn(call):  # a model that tells of its requests makes equal ones at once only once
            return await self._find_or_ask(call)
        flights = self._flights.setdefault(asyncio.get_running_loop(), SingleFlight())
        shared = await flights.run(call.key, partial(self._find_or_ask, call))
        return shared.value.model_copy(update={"usage": PAID}) if shared.taken else shared.value

    async def _find_or_ask(self, call: ChatCall) -> ChatReply:
        with _UnderWay(self, is_drawn=_is_drawn(call)) as looked:
            return await self._find(call, looked) or await self._ask(call)

    async def _find(self, call: ChatCall, looked: "_UnderWay") -> ChatReply | None:
        if looked.is_drawn:
            return None
        requests = self._requests(call)
        if not requests and self._keyed:
            with suppress(CallError):  # when it is asked, it says what is wrong, or is there again
                requests = await self._keyed.find_keys(call)
        work = partial(looked.find, requests)
        try:
            return work()
        except HeldError:
            return await unheld(work)

    def _requests(self, call: ChatCall) -> tuple[str, ...]:
        return self._keyed.request_keys(call) if self._keyed else (call.key,)

    def find(self, requests: Iterable[str]) -> ChatReply | None:
        """The reply to a request of one of these keys (`Attempt.request`), which costs nothing. Raises InputError."""
        for request in requests:
            event = self._file.find(self._key(request))
            if event and event.reply:
                self.hits += 1
                return event.reply.model_copy(update={"usage": PAID})
        return None

    def reject(self, call: ChatCall) -> None:
        """Says that the last reply to a call was of no use: it is not used again, and its cost stays.

        Raises InputError if that cannot be written.
        """
        for request in () if _is_drawn(call) else self._requests(call):
            self._writer.add_now(Event(key=self._key(request), attempt="", status="rejected", time=time.time()))

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
        with _UnderWay(self, is_drawn=_is_drawn(call)) as looked:
            found = await self._find(call, looked)
        if found:
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
        attempt = Attempt(new_id(), call.key, self.name, most_used(call))
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
            key=self._key(attempt.request or attempt.key),
            attempt=attempt.id,
            status="sent",
            endpoint=attempt.endpoint,
            usage=attempt.most,
            time=time.time(),
        )
        try:
            await self._writer.add(event)
        except asyncio.CancelledError:  # it is in the file, or will be, and will not be sent
            with suppress(CiterefineError):
                await self.end(attempt, CANCELLED, FREE, None)
            raise

    async def end(self, attempt: Attempt, outcome: str, usage: Usage | None, reply: ChatReply | None) -> None:
        """Journals how a request ended (attempts.AttemptWatcher)."""
        usable = reply is not None and is_usable(reply)
        event = Event(
            key=self._key(attempt.request or attempt.key),
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
        with closing(JournalFile(self._path, self._most_bytes)) as file:
            return file.totals()

    def events(self) -> Iterator[Event]:
        """All events in the file, in order. Raises InputError."""
        with closing(JournalFile(self._path, self._most_bytes)) as file:
            yield from file.events()

    async def capabilities(self) -> Capabilities:
        """What the model can do. Raises CallError if it cannot be reached."""
        return await self._model.capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, as the model counts them."""
        return await self._model.count_tokens(texts)

    async def aclose(self) -> None:
        """Closes the file and what the model holds; a later call opens both anew."""
        await self._writer.drain()
        self._file.close()
        await self._model.aclose()


def _key(prefix: bytes, request: str) -> str:
    """Of what decides the reply, in the file."""
    return hashlib.sha256(prefix + request.encode()).hexdigest()


def _is_drawn(call: ChatCall) -> bool:
    return call.sampling.temperature > 0 and call.sampling.seed is None


class _UnderWay:
    """A call while it is made: its deadline has begun, and what it turns out to be later may be found then.

    Knows what of it was looked for already (attempts.Keeper).
    """

    __slots__ = ("_began", "_journal", "_keeper", "_requests", "is_drawn")

    def __init__(self, journal: JournaledModel, *, is_drawn: bool) -> None:
        self._journal, self.is_drawn = journal, is_drawn
        self._requests: tuple[str, ...] = ()

    def __enter__(self) -> "_UnderWay":
        self._began = BEGAN.set(BEGAN.get() or asyncio.get_running_loop().time())
        self._keeper = KEEPER.set(self)
        return self

    def __exit__(self, *how: object) -> None:
        BEGAN.reset(self._began)
        KEEPER.reset(self._keeper)

    def find(self, requests: tuple[str, ...]) -> ChatReply | None:
        """The reply to one of these requests. Raises InputError."""
        self._requests = requests
        return self._journal.find(requests)

    def recall(self, request: str) -> ChatReply | None:
        """The reply to a request that was not looked for. One that is drawn anew is never used again."""
        if self.is_drawn or request in self._requests:
            return None
        with suppress(HeldError):  # the file cannot be waited for here
            return self._journal.find((request,))
        return None
