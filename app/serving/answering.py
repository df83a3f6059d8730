"""Answers what a server is asked, with the models and sources that it was started with.

In: `Job`s: a question, evidence that came along, whether to search. Out: `Answer`s, and events while they come. Models
and sources are opened once and shared by all requests. Not here: who may ask (guard.py, admission.py), HTTP.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from citerefine.app.ask import noting
from citerefine.app.serving.admission import Admission
from citerefine.app.serving.settings import QUESTION_LIMIT, ServeSettings
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.events import Event
from citerefine.refiner.agent.run import research
from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CALL_FAILURES, CallError, InputError
from citerefine.refiner.models import EXTRACTIVE, load_chat_model
from citerefine.refiner.protocols import ChatModel, SearchTool
from citerefine.refiner.records import Snippet

REFINER: Final = "refiner"
"""The model that answers from evidence that is handed to it."""
RESEARCH: Final = "research"
"""The model that searches first."""
_LOG: Final = logging.getLogger("citerefine.serve")


class Job(NamedTuple):
    """What is to be answered."""

    question: str
    snippets: tuple[Snippet, ...] = ()
    reasoning: str = ""
    searches: bool = False
    live: bool = False
    """Whether claims are told while a model writes them."""


def nobody(event: Event) -> None:
    """Listens to nothing."""


class Answerer:
    """The models and sources of one server."""

    def __init__(self, settings: ServeSettings, search: SearchTool | None = None, notes: tuple[str, ...] = ()) -> None:
        """Opens nothing yet.

        Args:
            settings: models and limits.
            search: what `research` searches; it stays open.
            notes: what the reader of an answer should know of what is searched.

        Raises:
            ModelError: if a model string names nothing that can run here.
        """
        self.settings, self.search, self.notes = settings, search, notes
        self.admission = Admission(settings.at_once, settings.waiting)
        models = {name: _loaded(name, settings) for name in {settings.model, settings.planner} if name is not None}
        self._models = [model for model in models.values() if not isinstance(model, str)]
        self._context = RefinerContext(
            model=models[settings.model],
            planner=None if settings.planner is None else models[settings.planner],
            max_searches=settings.max_searches,
            snippets_per_search=settings.snippets_per_search,
            max_seconds=settings.max_seconds,
            settings=settings.refiner,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What can be asked for as a model."""
        return (REFINER, RESEARCH) if self.search is not None else (REFINER,)

    async def answer(self, job: Job, emit: Callable[[Event], None] = nobody, *, admitted: bool = False) -> Answer:
        """The answer, once there is a place to work on it.

        Args:
            job: what is to be answered.
            emit: is told what happens.
            admitted: whether somebody was told already that there is a place, or one to wait in.

        Raises:
            Busy: if there is none, and none to wait in.
            InputError: as `check`.
            CallError: if the model cannot be asked, or not in time; likewise ReplyError and CitationError. Where
                callers need a token it says what went wrong and not where: the log does.
        """
        self.check(job)
        async with self.admission.place(checked=admitted):
            try:
                return await self._answer(job, emit)
            except CallError as error:
                if self.settings.token is None:
                    raise
                _LOG.error("a model could not be asked: %s", error)
                told = f"{CALL_FAILURES[error.code]}; the log of this server says more"
                raise CallError(told, error.code, retryable=error.retryable) from None

    def check(self, job: Job) -> None:
        """Raises InputError if the question is blank or too long, or it is to be searched for and nothing can be."""
        if not job.question.strip():
            raise InputError("the question is blank; ask something")
        if len(job.question) > QUESTION_LIMIT:
            raise InputError(
                f"the question has {len(job.question):,} characters, and {QUESTION_LIMIT:,} are read; shorten it, and "
                "send what it is to be answered from as snippets"
            )
        if job.searches and self.search is None:
            raise InputError("this server searches nothing; send evidence along, and ask the model refiner")

    async def _answer(self, job: Job, emit: Callable[[Event], None]) -> Answer:
        tools = [self.search] if job.searches and self.search is not None else []
        context = replace(self._context, live=job.live)
        answer = await research(
            job.question, tools, context, reasoning=job.reasoning, evidence=[*job.snippets], emit=emit
        )
        return noting(answer, self.notes if job.searches else ())

    async def aclose(self) -> None:
        """Gives back the models' connections; to be awaited in the event loop in which they were asked."""
        await asyncio.gather(*(model.aclose() for model in self._models))


def _loaded(name: str, settings: ServeSettings) -> str | ChatModel:
    """A model that bears as many answers at once, for as long, as the server allows."""
    if name == EXTRACTIVE:
        return name
    most = max(settings.at_once, ClientLimits().concurrency)
    return load_chat_model(name, ClientLimits(concurrency=most, deadline=settings.max_seconds))
