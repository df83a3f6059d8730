"""Server-sent events of one answer: what happens while it is worked on, and how it ended.

In: a `Job`. Out: the agent's events as they come, last the answer or an error: exactly one of them; a comment now and
then keeps the connection from looking dead. Whoever goes away stops the work. Not here: what the events become on the
wire (chat_routes.py, run_routes.py).
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, Final

from citerefine.app.serving.answering import Answerer, Job
from citerefine.app.serving.errors import ApiError, read_error
from citerefine.refiner.agent.events import Event
from citerefine.refiner.answer import Answer

HEARTBEAT_SECONDS: Final = 10.0
COMMENT: Final = b": still at work\n\n"
DONE: Final = b"data: [DONE]\n\n"
MEDIA_TYPE: Final = "text/event-stream"
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def answer_events(answerer: Answerer, job: Job) -> AsyncGenerator[Event | Answer | ApiError | None]:
    """Events, and last the answer or what went wrong; None is a heartbeat. Whoever is told has been admitted."""
    queue = asyncio.Queue[Event | Answer | ApiError]()
    task = asyncio.create_task(_work(answerer, job, queue.put_nowait))
    try:
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield None
                continue
            yield event
            if isinstance(event, Answer | ApiError):
                return
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _work(answerer: Answerer, job: Job, tell: Callable[[Event | Answer | ApiError], None]) -> None:
    try:
        tell(await answerer.answer(job, tell, admitted=True))
    except asyncio.CancelledError:
        tell(ApiError(503, "stopped", "the server was stopped before the answer was complete; ask again"))
        raise
    except Exception as error:
        tell(read_error(error))


def sent(value: Any, event: str | None = None) -> bytes:
    """One server-sent event with a JSON value."""
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
