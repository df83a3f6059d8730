"""`POST /v1/chat/completions` and `GET /v1/models`, as OpenAI clients use them.

In: requests. Out: chat completions, whole or streamed. What is streamed cannot be taken back, so that content comes
only once the answer is verified; until then chunks without content tell under `citerefine` what happens. An error of a
stream that has begun is an event with `error`, which clients raise. Not here: what a request means (chat_request.py),
what a reply says (chat_reply.py).
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse, StreamingResponse

from citerefine.app.serving.answering import Answerer, Job
from citerefine.app.serving.api.chat_reply import VENDOR, Reply, chunk, chunks, completion, new_reply
from citerefine.app.serving.api.chat_request import ChatRequest
from citerefine.app.serving.described import ANSWERED, GUARDED, TOKEN
from citerefine.app.serving.errors import ApiError
from citerefine.app.serving.event_stream import COMMENT, DONE, HEADERS, MEDIA_TYPE, answer_events, sent
from citerefine.app.serving.metrics import Metrics
from citerefine.refiner.answer import Answer

_SENT: Final = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
_EITHER: Final = {
    "description": "A chat completion; its chunks where `stream` is true.",
    "content": {"application/json": {"schema": {"type": "object"}}, MEDIA_TYPE: {"itemSchema": _SENT}},
}


def chat_routes(answerer: Answerer, metrics: Metrics) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["OpenAI"], responses=GUARDED, dependencies=[TOKEN])

    @routes.get("/models")
    async def models() -> dict[str, Any]:
        """What can be asked for as `model`."""
        return {"object": "list", "data": [_model(name) for name in answerer.names]}

    @routes.get("/models/{name}")
    async def model(name: str) -> dict[str, Any]:
        """One of them."""
        return _model(_known(answerer, name))

    @routes.post("/chat/completions", response_model=None, responses={**ANSWERED, 200: _EITHER})
    async def chat_completions(request: ChatRequest) -> JSONResponse | StreamingResponse:
        """An answer in which every claim is tied to its source."""
        _known(answerer, request.model)
        job, reply = request.job(), new_reply(request.model, request.format)
        if request.stream:  # it has a status before it has an answer
            answerer.check(job)
            answerer.admission.check()
            usage = request.stream_options is not None and request.stream_options.include_usage
            events = _streamed(answerer, metrics, job._replace(live=True), reply, usage)
            return StreamingResponse(events, media_type=MEDIA_TYPE, headers=HEADERS)
        with metrics.counted(request.model):
            return JSONResponse(completion(reply, await answerer.answer(job)))

    return routes


async def _streamed(
    answerer: Answerer, metrics: Metrics, job: Job, reply: Reply, usage: bool
) -> AsyncIterator[bytes]:
    yield sent(chunk(reply, {"role": "assistant", "content": ""}))
    try:
        with metrics.counted(reply.model):
            async with aclosing(answer_events(answerer, job)) as events:
                async for event in events:
                    if isinstance(event, ApiError):
                        raise event
                    if isinstance(event, Answer):
                        for part in chunks(reply, event, usage=usage):
                            yield sent(part)
                    else:
                        yield COMMENT if event is None else sent({**chunk(reply, {}), VENDOR: {"event": event}})
    except ApiError as error:
        yield sent(error.body)
    yield DONE


def _known(answerer: Answerer, name: str) -> str:
    if name not in answerer.names:
        known = ", ".join(answerer.names)
        raise ApiError(404, "model_not_found", f"there is no model {name[:100]!r}; there are: {known}")
    return name


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "citerefine"}
