"""Writes a trace: wrapped models and search tools note each thing they were asked and all that came back.

In: a path; the models and tools of a run. Out: the trace file, a line at a time as things happen, readable by its
owner only. A file that holds no trace is never overwritten. Not here: what the lines say (trace.py), reading them
(replay.py).
"""

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from pydantic import JsonValue

from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.protocols import Capabilities, ChatModel, SearchPage, SearchTool
from citerefine.refiner.recording.line_file import LineFile
from citerefine.refiner.recording.trace import (
    AnswerEvent,
    CallEvent,
    CapabilitiesEvent,
    Failure,
    Header,
    ReadEvent,
    SearchEvent,
    TokensEvent,
    write_event,
)
from citerefine.refiner.records import Record, Snippet

CUT_OFF: Final = Failure(
    code="deadline", message="the model had not replied when the run stopped waiting for it", retryable=True
)
"""What a call comes to that its caller cancelled: in a replay, too, no reply may come of it."""
SEARCH_CUT_OFF: Final = Failure(code="TimeoutError", message="the search had not ended when the run stopped waiting")

_START: Final = b'{"kind": "run", "format": '
"""What every trace starts with."""


def text_key(text: str) -> str:
    """What tells one text from another where tokens were counted."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Recorder:
    """A trace being written; also a context manager. Its methods may be called from any thread."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Opens the file; an earlier trace in it is replaced.

        Raises:
            InputError: if it cannot be written, holds something else, or another run writes it.
        """
        self._file = LineFile(path, 0o600)
        try:
            self._begin()
        except BaseException:
            self._file.close()
            raise
        self._lock = threading.Lock()
        self._capabilities: dict[str, Record] = {}
        self._counted: dict[str, set[str]] = {}

    def _begin(self) -> None:
        with open(self._file.path, "rb") as file:
            first = file.readline(len(_START))
        if not _START.startswith(first):
            raise InputError(f"{self._file.path} holds something else than a trace; name another file")
        self._file.cut(0)
        os.fchmod(self._file.descriptor, 0o600)

    def header(
        self,
        *,
        question: str,
        model: str | None = None,
        planner: str | None = None,
        tools: Sequence[SearchTool] = (),
        settings: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Writes what is needed to run again; the first thing to be recorded. Raises InputError if it cannot be."""
        self.write(
            Header(
                question=question,
                model=model,
                planner=planner,
                tools=tuple(tool.name for tool in tools),
                readers=tuple(tool.name for tool in tools if hasattr(tool, "read")),
                settings=dict(settings or {}),
            )
        )

    def write(self, event: Record) -> None:
        """Writes one event. Raises InputError if that cannot be done."""
        self._file.append(write_event(event))

    def capabilities(self, event: CapabilitiesEvent) -> None:
        """Writes what a model can do, unless that is what was written of it last."""
        with self._lock:
            if self._capabilities.get(event.model) == event:
                return
            self._capabilities[event.model] = event
        self.write(event)

    def tokens(self, model: str, texts: Sequence[str], counts: Sequence[int]) -> None:
        """Writes how many tokens those of `texts` have that were not written before."""
        with self._lock:
            known = self._counted.setdefault(model, set())
            new = {key: n for key, n in zip(map(text_key, texts), counts, strict=True) if key not in known}
            known.update(new)
        if new:
            self.write(TokensEvent(model=model, counts=new))

    def answer(self, answer: Answer) -> None:
        """Writes what the run came to; the last thing to be recorded. Raises InputError if that cannot be done."""
        self.write(AnswerEvent(answer=answer))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RecordingModel:
    """A chat model whose calls are recorded: a `ChatModel`."""

    def __init__(self, inner: ChatModel, recorder: Recorder) -> None:
        self._inner, self._recorder = inner, recorder

    @property
    def name(self) -> str:
        """The model's own name."""
        return self._inner.name

    async def complete(self, call: ChatCall) -> ChatReply:
        """The model's reply. Raises CallError."""
        try:
            reply = await self._inner.complete(call)
        except CallError as error:
            self._note(call, error=Failure.of_call(error))
            raise
        except asyncio.CancelledError:
            self._note(call, error=CUT_OFF)
            raise
        self._note(call, reply=reply)
        return reply

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        """The reply's text in pieces, and last the whole reply. Raises CallError."""
        pieces, stream = list[str](), self._inner.stream(call)
        outcome: dict[str, Any] | None = {}
        try:
            async for piece in stream:
                if isinstance(piece, ChatReply):
                    self._note(call, reply=piece)
                    outcome = None
                else:
                    pieces.append(piece)
                yield piece
        except CallError as error:
            outcome = {"error": Failure.of_call(error)}
            raise
        except asyncio.CancelledError:
            outcome = outcome if outcome is None else {"error": CUT_OFF}
            raise
        finally:  # also where nobody read on: a replay gives what was read
            if outcome is not None:
                self._note(call, partial="".join(pieces), **outcome)
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()

    async def capabilities(self) -> Capabilities:
        """What the model can do. Raises CallError."""
        try:
            found = await self._inner.capabilities()
        except CallError as error:
            self._recorder.capabilities(CapabilitiesEvent(model=self.name, error=Failure.of_call(error)))
            raise
        except asyncio.CancelledError:
            self._recorder.capabilities(CapabilitiesEvent(model=self.name, error=CUT_OFF))
            raise
        self._recorder.capabilities(CapabilitiesEvent(model=self.name, capabilities=found))
        return found

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has."""
        counts = await self._inner.count_tokens(texts)
        self._recorder.tokens(self.name, texts, counts)
        return counts

    async def aclose(self) -> None:
        """Closes the model; the recorder stays open."""
        await self._inner.aclose()

    def _note(self, call: ChatCall, **outcome: Any) -> None:
        self._recorder.write(CallEvent(model=self.name, key=call.key, call=call, **outcome))


class RecordingSearch:
    """A search tool whose results are recorded: a `SearchTool`. It has `read` where the tool has it."""

    def __init__(self, inner: SearchTool, recorder: Recorder) -> None:
        self._inner, self._recorder = inner, recorder
        inner_read = getattr(inner, "read", None)
        if inner_read is not None:
            self._inner_read = inner_read
            self.read = self._read

    @property
    def name(self) -> str:
        """The tool's own name."""
        return self._inner.name

    async def search(self, query: str, k: int) -> SearchPage:
        """What the tool finds."""
        asked = {"tool": self.name, "query": query, "k": k}
        return await self._recorded(SearchEvent, asked, self._inner.search(query, k))

    async def _read(self, snippets: Sequence[Snippet]) -> SearchPage:
        """What the tool reads on around the snippets."""
        asked = {"tool": self.name, "ids": tuple(snippet.id for snippet in snippets)}
        return await self._recorded(ReadEvent, asked, self._inner_read(snippets))

    async def _recorded(
        self, kind: type[SearchEvent] | type[ReadEvent], asked: dict[str, Any], work: Awaitable[object]
    ) -> SearchPage:
        try:
            page = await work
            if not isinstance(page, SearchPage):
                raise TypeError(f"{self.name} gave {type(page).__name__}, no SearchPage")
        except Exception as error:
            self._recorder.write(kind(**asked, error=Failure.of_search(error)))
            raise
        except asyncio.CancelledError:
            self._recorder.write(kind(**asked, error=SEARCH_CUT_OFF))
            raise
        self._recorder.write(kind(**asked, page=page))
        return page
