"""Plays a trace back: models and search tools that give what was recorded, and ask nobody.

In: a trace file. Out: `Recording`, with stand-ins for the models and tools of its run. What is asked is found by
what it says (tool, query and k; the key of a call), first in first out where the same was asked more than once,
never by its turn, so that work done side by side may come in any order. Failures are played back as the same
failures. What is not recorded raises ReplayError: nothing is made up. Not here: writing traces (recorder.py).
"""

import os
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

from pydantic import JsonValue
from rapidfuzz import fuzz

from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.errors import CallError, InputError, ReplayError
from citerefine.refiner.protocols import Capabilities, ChatModel, SearchPage, SearchTool
from citerefine.refiner.recording.recorder import text_key
from citerefine.refiner.recording.trace import (
    AnswerEvent,
    CallEvent,
    CapabilitiesEvent,
    Event,
    Failure,
    Header,
    ReadEvent,
    SearchEvent,
    TokensEvent,
    read_event,
)
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.markup import scrub

MAX_COMPARED: Final = 4000
"""How much of a text is compared to find the nearest recorded one, in code points."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recording:
    """A trace that was read. Each stand-in can be used once: what it gave is used up."""

    def __init__(self, events: Sequence[Event]) -> None:
        """Sorts the events of a run; the first one must be its header."""
        self._events = events
        self._n_searched = 0
        self.header: Header = self._of(Header)[0]
        """What was run."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Recording":
        """The recording in a trace file; a torn last line, as a killed run leaves it, is passed over.

        Raises:
            InputError: if the file cannot be read or is no trace; names the line.
        """
        try:
            with open(path, "rb") as file:
                return cls([*_read_events(file, Path(path))])
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}; name a file made by --trace") from error

    @property
    def answer(self) -> Answer | None:
        """What the run came to; None if it was interrupted before it had an answer."""
        answers = self._of(AnswerEvent)
        return answers[-1].answer if answers else None

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that were asked for anything."""
        asked = (CallEvent, CapabilitiesEvent, TokensEvent)
        return tuple(dict.fromkeys(event.model for event in self._events if isinstance(event, asked)))

    def model(self, name: str) -> ChatModel:
        """Stands in for the model of this name. Raises ReplayError if the run had none of that name."""
        if name not in (*self.models, self.header.model, self.header.planner):
            raise ReplayError(
                f"nothing of a model {name!r} is recorded; the run had: {', '.join(self.models) or 'none'}"
            )
        return _ReplayModel(
            name,
            [event for event in self._of(CallEvent) if event.model == name],
            [event for event in self._of(CapabilitiesEvent) if event.model == name],
            [event for event in self._of(TokensEvent) if event.model == name],
        )

    def planner(self, name: str) -> ChatModel:
        """Stands in for the model of this name as the planner of a run.

        A run stops searching when its time is up; in a replay nothing takes time, so that the planner is asked once
        more than was recorded. It then says that it is enough. Raises ReplayError as `model` does.
        """
        return _ReplayPlanner(self.model(name), lambda: self._n_searched >= self.n_searches)

    def _count(self) -> None:
        self._n_searched += 1

    @property
    def n_searches(self) -> int:
        """How many searches were made, failed ones included."""
        return len(self._of(SearchEvent))

    def searches(self) -> list[SearchTool]:
        """Stand-ins for the search tools of the run, in its order."""
        searched, read = self._of(SearchEvent), self._of(ReadEvent)
        names = dict.fromkeys((*self.header.tools, *(event.tool for event in searched)))
        return [
            _ReplaySearch(
                name,
                [event for event in searched if event.tool == name],
                [event for event in read if event.tool == name] if name in self.header.readers else None,
                self._count,
            )
            for name in names
        ]

    def _of(self, kind: type[V]) -> list[V]:
        return [event for event in self._events if isinstance(event, kind)]


def _read_events(lines: Iterable[bytes], path: Path) -> Iterator[Event]:
    header: Event | None = None
    for number, line in enumerate(lines, 1):
        try:
            event = read_event(line)
        except InputError as error:
            if header is not None and not line.endswith(b"\n"):
                return
            raise InputError(f"{path}, line {number}: {error}; it takes a file made by --trace") from error
        if header is None and not isinstance(event, Header):
            raise InputError(f"{path}, line 1: it names no run; it takes a file made by --trace")
        if header is not None and isinstance(event, Header):
            raise InputError(f"{path}, line {number}: another run begins; a trace holds one, cut the file in two")
        header = header or event
        yield event
    if header is None:
        raise InputError(f"{path} is empty; it takes a file made by --trace")


class _Queues(Generic[K, V]):
    """What was recorded under each key, first in first out."""

    def __init__(self, items: Iterable[tuple[K, V]]) -> None:
        self._queues: defaultdict[K, deque[V]] = defaultdict(deque)
        for key, item in items:
            self._queues[key].append(item)

    def take(self, key: K, what: str, nearest: Callable[[Iterable[K]], str]) -> V:
        """The next one under `key`. Raises ReplayError, telling of the nearest key, if there is none."""
        queue = self._queues.get(key)
        if queue:
            return queue.popleft()
        if queue is not None:
            raise ReplayError(f"{what} was recorded fewer times than it is asked for now; {_HINT}")
        if not self._queues:
            raise ReplayError(f"{what} is not recorded, nor any other; {_HINT}")
        raise ReplayError(f"{what} is not recorded; the nearest is {nearest(self._queues)}; {_HINT}")


ENOUGH: Final = "ENOUGH"
"""What a planner writes instead of searching; agent/plan_reply.py reads it."""
_HINT: Final = "replay with the question, settings and version that it was recorded with, or record anew"


class _ReplayModel:
    """A model that replies what was recorded: a `ChatModel`."""

    def __init__(
        self,
        name: str,
        calls: Sequence[CallEvent],
        capabilities: Iterable[CapabilitiesEvent],
        tokens: Iterable[TokensEvent],
    ) -> None:
        self._name = name
        # By the call itself: a key that another version made, or a stray hand, would find nothing.
        self._calls = {event.call.key: event.call for event in calls}
        self._queues = _Queues((event.call.key, event) for event in calls)
        self._capabilities = deque(capabilities)
        self._counts = {key: n for event in tokens for key, n in event.counts.items()}

    @property
    def name(self) -> str:
        """The name of the model that was recorded."""
        return self._name

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply that was recorded for this call. Raises CallError where that is what was recorded; ReplayError."""
        event = self._take(call)
        if event.error is not None:
            raise _call_error(event.error)
        return self._whole(event)

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        """The same: its text in one piece, and last the reply."""
        event = self._take(call)
        text = event.partial if event.reply is None else event.reply.text
        if text:
            yield text
        if event.error is not None:
            raise _call_error(event.error)
        yield self._whole(event)

    async def capabilities(self) -> Capabilities:
        """What was recorded; the last of it stays. Raises CallError where that is what was recorded; ReplayError."""
        if not self._capabilities:
            raise ReplayError(f"what {self._name} can do is not recorded; {_HINT}")
        event = self._capabilities.popleft() if len(self._capabilities) > 1 else self._capabilities[0]
        if event.error is not None:
            raise _call_error(event.error)
        return event.capabilities or Capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text had. Raises ReplayError."""
        counts = [self._counts.get(text_key(text)) for text in texts]
        known = [n for n in counts if n is not None]
        if len(known) < len(counts):
            missing = texts[counts.index(None)]
            raise ReplayError(f"the tokens that {self._name} has for {missing[:60]!r} are not recorded; {_HINT}")
        return known

    async def aclose(self) -> None:
        """Holds nothing."""

    def _take(self, call: ChatCall) -> CallEvent:
        def nearest(keys: Iterable[str]) -> str:
            wanted = _words_of(call)
            best = max(keys, key=lambda key: fuzz.ratio(wanted, _words_of(self._calls[key])))
            return f"call {best[:12]}…, which differs in {_difference(self._calls[best], call)}"

        return self._queues.take(call.key, f"call {call.key[:12]}… of {self._name}", nearest)

    def _whole(self, event: CallEvent) -> ChatReply:
        if event.reply is None:
            raise ReplayError(f"call {event.key[:12]}… of {self._name} was given up before its reply ended; {_HINT}")
        return event.reply


class _ReplayPlanner:
    """A planner that replies what was recorded, and that it is enough when the recorded searches are over."""

    def __init__(self, model: ChatModel, is_over: Callable[[], bool]) -> None:
        self._model, self._is_over = model, is_over

    @property
    def name(self) -> str:
        """The name of the model that was recorded."""
        return self._model.name

    async def complete(self, call: ChatCall) -> ChatReply:
        """What was recorded, or that it is enough. Raises CallError where that is what was recorded; ReplayError."""
        try:
            return await self._model.complete(call)
        except ReplayError:
            if not self._is_over():
                raise
            return ChatReply(text=ENOUGH)

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        """The same, as one piece."""
        yield await self.complete(call)

    async def capabilities(self) -> Capabilities:
        """What was recorded. Raises as the model does."""
        return await self._model.capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """What was recorded; nothing for what is asked when it is over. Raises ReplayError."""
        try:
            return await self._model.count_tokens(texts)
        except ReplayError:
            if not self._is_over():
                raise
            return [0] * len(texts)

    async def aclose(self) -> None:
        """Holds nothing."""


def _words_of(call: ChatCall) -> str:
    """The end of what was said, where calls of one run differ most."""
    return "\n".join(message.content for message in call.messages)[-MAX_COMPARED:]


def _difference(recorded: ChatCall, asked: ChatCall) -> str:
    """Where two calls differ first, such as `messages.1.content`."""
    return _first_difference(recorded.model_dump(mode="json"), asked.model_dump(mode="json"), ())


def _first_difference(left: JsonValue, right: JsonValue, path: tuple[str, ...]) -> str:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for name in left:
            if left[name] != right.get(name):
                return _first_difference(left[name], right.get(name), (*path, name))
    if isinstance(left, list) and isinstance(right, list):
        for place, (one, other) in enumerate(zip(left, right, strict=False)):
            if one != other:
                return _first_difference(one, other, (*path, str(place)))
    return ".".join(path)


class _ReplaySearch:
    """A search tool that finds what was recorded: a `SearchTool`. It has `read` where the tool had it."""

    def __init__(
        self,
        name: str,
        searches: Iterable[SearchEvent],
        reads: Iterable[ReadEvent] | None,
        searched: Callable[[], None],
    ) -> None:
        self._name, self._searched = name, searched
        self._searches = _Queues(((event.query, event.k), event) for event in searches)
        if reads is not None:
            self._reads = _Queues((event.ids, event) for event in reads)
            self.read = self._read

    @property
    def name(self) -> str:
        """The name of the tool that was recorded."""
        return self._name

    async def search(self, query: str, k: int) -> SearchPage:
        """What was recorded for this search, also where it failed. Raises ReplayError."""
        key = (scrub(query), k)

        def nearest(keys: Iterable[tuple[str, int]]) -> str:
            best = max(keys, key=lambda other: (fuzz.ratio(key[0], other[0]), -abs(k - other[1])))
            return f"{best[0]!r} (k = {best[1]})"

        self._searched()
        return _page(self._searches.take(key, f"the search {query!r} (k = {k}) of {self._name}", nearest))

    async def _read(self, snippets: Sequence[Snippet]) -> SearchPage:
        """What was recorded for reading on from these snippets. Raises ReplayError."""
        ids = tuple(snippet.id for snippet in snippets)

        def nearest(keys: Iterable[tuple[str, ...]]) -> str:
            return ", ".join(max(keys, key=lambda other: len({*ids} & {*other})))

        return _page(self._reads.take(ids, f"reading on from {', '.join(ids) or 'nothing'} in {self._name}", nearest))


def _page(event: SearchEvent | ReadEvent) -> SearchPage:
    if event.error is not None:
        raise _search_error(event.error)
    return event.page or SearchPage()


def _call_error(failure: Failure) -> CallError:
    return CallError(failure.message, failure.code, retryable=failure.retryable)


def _search_error(failure: Failure) -> Exception:
    """An exception of the same name, so that whoever tells of it says the same."""
    if failure.code == TimeoutError.__name__:
        return TimeoutError(failure.message)
    kind: type[Exception] = type(failure.code, (Exception,), {})
    return kind(failure.message)
