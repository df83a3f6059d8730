"""Answers that take longer or are recorded: with models, with a trace, from a trace.

In: what `ask` was given. Out: the answer. A run with a model keeps its state in the cache folder until the answer is
there, so that the same command goes on where an interruption, or a server that failed, stopped it. A run that is
recorded begins anew each time, since a trace holds one whole run. Not here: checkpoints (checkpoints.py), instant
answers (ask.py).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from citerefine.app.messages import say
from citerefine.app.progress import progress
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.run import research
from citerefine.refiner.answer import Answer
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.models import EXTRACTIVE, load_chat_model
from citerefine.refiner.protocols import ChatModel, SearchTool
from citerefine.refiner.recording.recorder import Recorder, RecordingModel, RecordingSearch
from citerefine.refiner.recording.replay import Recording
from citerefine.refiner.records import Record


class _Recorded(Record):
    """What a trace keeps of a run, so that it can be replayed."""

    context: RefinerContext
    notes: tuple[str, ...]
    """What was searched."""

    def as_json(self) -> dict[str, Any]:
        """The settings of a trace's header."""
        return {"context": self.context.as_json(), "notes": [*self.notes]}


_GO_ON: Final = "the same command goes on from there, with --fresh it starts anew"

Finish = Callable[[Answer], Answer]
"""Adds to an answer what its reader should know of the run."""


async def resumable_answer(
    question: str, search: SearchTool, context: RefinerContext, searched: Sequence[str], fresh: bool
) -> Answer:
    """The answer; where the run stops before, the next call with the same arguments goes on there.

    Args:
        question: what is asked.
        search: where to search.
        context: models and limits.
        searched: the state of each corpus; where one has changed, the run starts anew.
        fresh: whether an interrupted run is thrown away.

    Raises:
        CallError: if a model cannot be asked.
        ReplyError: if what the model writes is no answer.
        CitationError: if the answer does not validate and the policy is to raise.
    """
    from citerefine.app.checkpoints import open_thread, thread_id  # LangGraph takes a second to import

    async with _opened(context) as opened, open_thread(thread_id(question, context, searched), fresh) as thread:
        if thread is None:
            return await research(question, [search], opened, emit=progress())
        try:
            return await thread.answer(question, [search], opened, progress())
        except asyncio.CancelledError:
            say(f"what was found is kept; {_GO_ON}")
            raise
        except CallError as error:
            raise CallError(
                f"{error}; what was found is kept: {_GO_ON}", error.code, retryable=error.retryable
            ) from error


async def recorded_answer(
    question: str, search: SearchTool, context: RefinerContext, notes: Sequence[str], trace: Path, finish: Finish
) -> Answer:
    """The answer, with everything that tools and models gave in the file `trace`.

    Raises what `resumable_answer` raises, and InputError if the file cannot be written.
    """
    with Recorder(trace) as recorder:
        values = context.as_json()
        recorder.header(
            question=question,
            model=values["model"],
            planner=values["planner"],
            tools=[search],
            settings=_Recorded(context=context, notes=tuple(notes)).as_json(),
        )
        async with _opened(context, lambda model: RecordingModel(model, recorder)) as opened:
            answer = await research(question, [RecordingSearch(search, recorder)], opened, emit=progress())
        answer = finish(answer)
        recorder.answer(answer)
    return answer


async def replayed_answer(
    trace: Path, question: str | None, finish: Callable[[Answer, Sequence[str]], Answer]
) -> Answer:
    """The answer of a recorded run, from what it recorded alone.

    Raises:
        InputError: if the file is no trace of `ask`, or of another question.
        ReplayError: if it does not hold what is asked for.
        CallError: if that is how the recorded run ended; likewise ReplyError and CitationError.
    """
    recording = Recording.load(trace)
    asked, settings = recording.header.question, recording.header.settings
    if question not in (None, asked):
        raise InputError(f"{trace} answers another question: {asked[:200]!r}; leave the question out")
    try:
        run = _Recorded.model_validate(settings)
    except ValidationError as error:
        raise InputError(f"{trace} holds no settings of ask; record it with: citerefine ask --trace") from error
    context = run.context
    model = context.model if context.model == EXTRACTIVE else recording.model(str(context.model))
    planner = None if context.planner is None else recording.planner(str(context.planner))
    context = replace(context, model=model, planner=planner)
    if planner is None:  # a run that stopped searching because its time was up does so again, though nothing takes time
        context = replace(context, max_searches=min(context.max_searches, recording.n_searches))
    return finish(await research(asked, recording.searches(), context), run.notes)


@asynccontextmanager
async def _opened(
    context: RefinerContext, wrapped: Callable[[ChatModel], ChatModel] = lambda model: model
) -> AsyncIterator[RefinerContext]:
    """The context with its models opened, each once; they are closed at the end."""
    models: dict[str, ChatModel] = {}

    def opened(model: str | ChatModel) -> str | ChatModel:
        if not isinstance(model, str) or model == EXTRACTIVE:
            return model
        if model not in models:
            models[model] = wrapped(load_chat_model(model))
        return models[model]

    try:
        planner = None if context.planner is None else opened(context.planner)
        yield replace(context, model=opened(context.model), planner=planner)
    finally:
        for model in models.values():
            await model.aclose()
