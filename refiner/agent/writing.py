"""Has the refiner write an answer, and tells of its claims while it does.

In: a question, evidence, a model, settings. Out: the `Answer`; claims as events. Raises what the refiner raises. Not
here: how a model answers (chat_refiner.py, extractive.py), limits of a run (steps.py).
"""

from citerefine.refiner.agent.events import Emit, answer_event
from citerefine.refiner.agent.shared_models import chat_model
from citerefine.refiner.answer import Answer
from citerefine.refiner.models import EXTRACTIVE
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.refiner import Refiner
from citerefine.refiner.request import RefineRequest
from citerefine.refiner.settings import RefinerSettings


async def write_answer(
    request: RefineRequest, model: str | ChatModel, settings: RefinerSettings, emit: Emit, *, live: bool = False
) -> Answer:
    """The answer to a request, its claims told while they are written (`live`) or when it is there.

    Raises CallError, ReplyError, CitationError; ModelError where nothing can run.
    """
    refiner = Refiner(EXTRACTIVE if model == EXTRACTIVE else await chat_model(model), settings)
    if not live:
        answer = await refiner.arefine_request(request)
        for claim in answer.claims:
            emit(answer_event(claim))
        return answer
    stream = refiner.stream_request(request)
    async for part in stream:
        emit(answer_event(part))
    return stream.answer
