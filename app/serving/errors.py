"""What a request comes to that is not answered: a status, a code, a message that says what to do.

In: errors of ours and of the framework. Out: JSON in the form that OpenAI clients read, `{"error": {"message", "type",
"code", "param"}}`, with Retry-After where it is known. Messages never hold a key, a path of this machine or a
traceback. Not here: errors of a stream that has begun (chat_routes.py).
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from pydantic import ValidationError

from citerefine.app.serving.admission import Busy, Stopped
from citerefine.refiner.errors import (
    CallError,
    CitationError,
    CiterefineError,
    EvidenceError,
    InputError,
    ReplyError,
)

_CALL_STATUS: Final = {"rate_limited": 429, "deadline": 504, "context_exceeded": 400, "budget": 400, "bad_request": 400}
"""Code of a call that failed → status; others are faults of a server behind this one."""


class ApiError(Exception):
    """A request that is not answered."""

    def __init__(
        self, status: int, code: str, message: str, retry_after: int | None = None, param: str | None = None
    ) -> None:
        """`param`: the field of the body that is at fault."""
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after
        self.param = param

    @property
    def body(self) -> dict[str, Any]:
        """As OpenAI clients read it."""
        kind = "invalid_request_error" if self.status < 500 and self.status != 429 else "server_error"
        return {"error": {"message": self.message, "type": kind, "code": self.code, "param": self.param}}


EXPECTED: Final = (ApiError, Busy, Stopped, CiterefineError, ValidationError)
"""What can go wrong without a defect of this program; nothing of it belongs into the log."""


def read_error(error: Exception) -> ApiError:
    """What an error means to whoever asked; one that is a defect of this program says nothing of itself."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, Busy):
        return ApiError(429, "busy", str(error), error.retry_after)
    if isinstance(error, Stopped):
        return ApiError(503, "stopped", str(error))
    if isinstance(error, CallError):
        return ApiError(_CALL_STATUS.get(error.code, 502), error.code, f"the model could not be asked: {error}")
    if isinstance(error, ReplyError):
        return ApiError(502, error.code, f"the model gave no answer: {error}")
    if isinstance(error, CitationError):
        return ApiError(502, error.code, str(error))
    if isinstance(error, InputError | EvidenceError):
        return ApiError(400, "bad_request", str(error))
    if isinstance(error, ValidationError):
        return ApiError(400, "bad_request", said(error))
    if isinstance(error, CiterefineError):
        return ApiError(500, "failed", str(error))
    return ApiError(500, "defect", f"the server failed ({type(error).__name__}); its log says more")


def said(error: ValidationError) -> str:
    """The first fault of a record, in one line."""
    fault = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, fault["loc"]))
    return f"{where}: {fault['msg']}" if where else fault["msg"]


async def send_error(send: Callable[[MutableMapping[str, Any]], Awaitable[None]], error: ApiError) -> None:
    """Sends a refusal over ASGI."""
    body = json.dumps(error.body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    if error.status in (408, 413):  # what is left of the body is not read
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
