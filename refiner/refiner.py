"""The façade that people embed: question and snippets in, cited answer out.

In: a model (string or object), then questions with snippets (records, or plain dicts of their fields) and
reasoning. Out: `Answer`, at once or claim by claim, to code that awaits and to code that does not. Not here: how a
model answers (extractive.py, chat_refiner.py), searching (tools/, agent/).
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from typing import Any, Final

from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.extractive import extract_answer
from citerefine.refiner.gaps import gap_notes
from citerefine.refiner.models import EXTRACTIVE, load_chat_model
from citerefine.refiner.protocols import ChatModel, Critic
from citerefine.refiner.records import Claim, Snippet
from citerefine.refiner.request import RefineRequest
from citerefine.refiner.settings import RefinerSettings
from citerefine.refiner.tags.scanner import Restart

Snippets = Evidence | Iterable[Snippet | Mapping[str, Any]]
Event = Claim | Restart | Answer
"""What happens while an answer is written; the answer comes last."""


class Refiner:
    """Answers questions from evidence with one model.

    >>> refiner = Refiner("extractive")
    >>> answer = refiner.refine("Did perch double?", snippets=[Snippet(text="By 2010 perch had doubled in number.")])
    >>> answer.claims[0].text
    'By 2010 perch had doubled in number.'
    """

    def __init__(
        self,
        model: str | ChatModel = EXTRACTIVE,
        settings: RefinerSettings | None = None,
        *,
        critic: Critic | None = None,
    ) -> None:
        """Names the model; nothing is connected or loaded yet.

        Args:
            model: a model string (models.py), or any object with the methods of `ChatModel`.
            settings: how to work; the defaults where None. The extractive refiner needs none of them.
            critic: judges drafts when `settings.passes` is 2.

        Raises:
            ModelError: where the string names nothing that can run here.
        """
        self.settings = settings or RefinerSettings()
        self._writer: _Extractive | _Chat
        if model == EXTRACTIVE:
            self.model, self._writer = EXTRACTIVE, _Extractive()
        else:
            chat = load_chat_model(model) if isinstance(model, str) else model
            self.model, self._writer = chat.name, _Chat(chat, self.settings, critic)

    def refine(self, question: str, snippets: Snippets, reasoning: str = "") -> Answer:
        """The answer to `question` from `snippets`.

        Args:
            question: any text that is not blank.
            snippets: the evidence, best first.
            reasoning: what an agent thought while it searched; context, never evidence.

        Raises:
            ValueError: if the question is blank or a snippet is no snippet (pydantic's ValidationError).
            EvidenceError: if two snippets have one id and different texts.
            CallError: if the model cannot be asked.
            ReplyError: if what it writes is no answer.
            CitationError: if the answer does not validate and `settings.on_invalid` is to raise.
        """
        return self._writer.answer(self._request(question, snippets, reasoning))

    async def arefine(self, question: str, snippets: Snippets, reasoning: str = "") -> Answer:
        """The same as `refine`, to be awaited; it does not block the event loop."""
        return await self.arefine_request(self._request(question, snippets, reasoning))

    async def arefine_request(self, request: RefineRequest) -> Answer:
        """The same for a request with an id and a mode of its own."""
        return await self._writer.aanswer(request)

    def stream(self, question: str, snippets: Snippets, reasoning: str = "") -> "RefineStream":
        """The same as `refine`, claim by claim."""
        return self.stream_request(self._request(question, snippets, reasoning))

    def stream_request(self, request: RefineRequest) -> "RefineStream":
        """The same as `arefine_request`, claim by claim."""
        return RefineStream(self._writer, request)

    async def aclose(self) -> None:
        """Gives back the model's connections or memory; a later call opens them anew."""
        await self._writer.aclose()

    def close(self) -> None:
        """The same as `aclose`, for code that does not await."""
        self._writer.close()

    def _request(self, question: str, snippets: Snippets, reasoning: str) -> RefineRequest:
        evidence = snippets if isinstance(snippets, Evidence) else Evidence.model_validate({"snippets": [*snippets]})
        return RefineRequest(question=question, evidence=evidence, reasoning=reasoning, mode=self.settings.mode)


class RefineStream:
    """An answer while it is written: iterate over its claims, with `for` or `async for`, then take `answer`.

    A Restart among the claims says that all claims before it are void: the model began anew, or a repaired draft
    replaces the one that was shown.
    """

    def __init__(self, writer: "_Extractive | _Chat", request: RefineRequest) -> None:
        self._writer, self._request = writer, request
        self._answer: Answer | None = None
        self._events: Iterator[Claim | Restart] | None = None

    def __iter__(self) -> Iterator[Claim | Restart]:
        if self._events is None:
            self._events = self._take()
        return self._events

    def _take(self) -> Iterator[Claim | Restart]:
        for event in self._writer.events(self._request):
            if isinstance(event, Answer):
                self._answer = event
            else:
                yield event

    async def __aiter__(self) -> AsyncIterator[Claim | Restart]:
        async for event in self._writer.aevents(self._request):
            if isinstance(event, Answer):
                self._answer = event
            else:
                yield event

    @property
    def answer(self) -> Answer:
        """The whole answer, noting what its sources lack. Raises RuntimeError before the last claim was taken."""
        if self._answer is None:
            raise RuntimeError("the answer is not complete yet; iterate to the end first")
        return self._answer


class _Extractive:
    """Writes without a model."""

    def answer(self, request: RefineRequest) -> Answer:
        raw = extract_answer(request)
        answer = parse_answer(raw, request.evidence, question=request.question, model=EXTRACTIVE)
        return answer.noting(*gap_notes(answer))

    async def aanswer(self, request: RefineRequest) -> Answer:
        import asyncio

        return await asyncio.to_thread(self.answer, request)

    def events(self, request: RefineRequest) -> Iterator[Event]:
        answer = self.answer(request)
        yield from answer.claims
        yield answer

    async def aevents(self, request: RefineRequest) -> AsyncIterator[Event]:
        answer = await self.aanswer(request)
        for claim in answer.claims:
            yield claim
        yield answer

    async def aclose(self) -> None:
        """Holds nothing."""

    def close(self) -> None:
        """Holds nothing."""


class _Chat:
    """Lets a chat model write; loaded only where one is used."""

    def __init__(self, model: ChatModel, settings: RefinerSettings, critic: Critic | None) -> None:
        from citerefine.refiner.chat_refiner import ChatRefiner

        self._refiner: Final = ChatRefiner(model, settings, critic)

    def answer(self, request: RefineRequest) -> Answer:
        from citerefine.refiner.background import run

        return run(self._refiner.answer(request))

    async def aanswer(self, request: RefineRequest) -> Answer:
        return await self._refiner.answer(request)

    def events(self, request: RefineRequest) -> Iterator[Event]:
        from citerefine.refiner.background import iterate

        yield from iterate(self._refiner.events(request))

    def aevents(self, request: RefineRequest) -> AsyncIterator[Event]:
        return self._refiner.events(request)

    async def aclose(self) -> None:
        await self._refiner.model.aclose()

    def close(self) -> None:
        from citerefine.refiner.background import run

        run(self.aclose())
