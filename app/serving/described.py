"""What the OpenAPI description says beside what FastAPI sees: errors, which all have one form, and the token.

In: nothing. Out: values for `responses=` and `dependencies=` of routers. Not here: what errors mean (errors.py), who is
let in (guard.py), which refuses before a route is found.
"""

from typing import Any, Final, Literal

from fastapi import Depends
from fastapi.security import HTTPBearer
from pydantic import BaseModel

Responses = dict[int | str, dict[str, Any]]


class Fault(BaseModel):
    """What is wrong."""

    message: str
    type: Literal["invalid_request_error", "server_error"]
    code: str
    param: str | None
    """The field of the body that is at fault."""


class ErrorBody(BaseModel):
    """An error, as OpenAI clients read it."""

    error: Fault


def _said(**meanings: str) -> Responses:
    return {int(name[1:]): {"model": ErrorBody, "description": meaning} for name, meaning in meanings.items()}


_OTHER: Final[Responses] = {"default": {"model": ErrorBody, "description": "Another error, in the same form."}}
"""Stands also in the way of the 422 that FastAPI would promise: what is no request here is refused with 400."""
OPEN: Final[Responses] = _OTHER | _said(
    s400="The request is not one that can be answered; the message says why.",
    s403="A page of another origin asks.",
    s408="The body did not arrive in time.",
    s413="The body is too long.",
    s415="The body is not said to be JSON.",
    s421="The server was asked under a name that is not its own.",
)
"""What every route may come to."""
GUARDED: Final[Responses] = OPEN | _said(
    s401="The server's token is missing or wrong.", s404="There is no such path or model."
)
"""… and every route behind the token."""
ANSWERED: Final[Responses] = GUARDED | _said(
    s429="All places are taken; Retry-After says when to ask again. Or the model's server says so.",
    s502="The model's server failed, or what it wrote is no answer.",
    s503="The server is stopping.",
    s504="The model's server took too long.",
)
"""… and every route that takes a place."""
TOKEN: Final = Depends(HTTPBearer(auto_error=False, description="The server's token, where it was started with one."))
"""Describes what the guard has checked before."""
