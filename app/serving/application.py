"""The ASGI application: all routes behind the guard.

In: an `Answerer`. Out: an application for uvicorn, or to be mounted in another server. Errors of every kind come out in
one form (errors.py). Not here: what the routes do, listening (server.py).
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from citerefine.app.serving.answering import Answerer
from citerefine.app.serving.api.chat_routes import chat_routes
from citerefine.app.serving.api.record_routes import record_routes
from citerefine.app.serving.errors import EXPECTED, ApiError, read_error
from citerefine.app.serving.guard import App, Guard
from citerefine.app.serving.health_routes import health_routes
from citerefine.app.serving.metrics import Metrics
from citerefine.app.serving.site.history import History
from citerefine.app.serving.site.page_routes import page_routes
from citerefine.app.serving.site.pages.rendering import Pages
from citerefine.app.serving.site.run_routes import run_routes
from citerefine.app.serving.site.runs import Runs

SIGN_IN: Final = "/sign-in"
"""Where a person enters the token."""
_REFUSALS: Final = {
    404: ("not_found", "there is no such path here; /openapi.json lists what there is"),
    405: ("refused", "this path is not asked so; /openapi.json says how"),
}
"""Status of the framework → code, message."""
_LOG: Final = logging.getLogger("citerefine.serve")


def make_application(answerer: Answerer) -> App:
    """The application; it closes the answerer's models when it ends.

    Raises:
        InputError: if the history cannot be opened.
    """

    metrics = Metrics(answerer.admission)
    runs = Runs(answerer, History(answerer.settings.history), metrics)
    pages = Pages(signs_in=answerer.settings.token is not None)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await runs.close()
        await answerer.aclose()

    app = FastAPI(
        title="citerefine",
        version=version("citerefine"),
        description="Answers in which every claim is tied to its source.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(chat_routes(answerer, metrics))
    app.include_router(record_routes(answerer, metrics))
    app.include_router(health_routes(answerer, metrics))
    app.include_router(page_routes(answerer, runs, pages, SIGN_IN))
    app.include_router(run_routes(answerer, runs, pages))
    for kind in (*EXPECTED, Exception):  # what is handled as Exception alone is raised again, and logged
        app.add_exception_handler(kind, _failed)
    app.add_exception_handler(HTTPException, _refused_by_framework)
    app.add_exception_handler(RequestValidationError, _invalid)
    return Guard(app, answerer.settings, SIGN_IN)


async def _failed(request: Request, error: Exception) -> JSONResponse:
    read = read_error(error)
    if read.code == "defect":
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return respond(read)


async def _refused_by_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code, message = _REFUSALS.get(error.status_code, ("refused", error.detail))
    return respond(ApiError(error.status_code, code, message))


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method == "POST" and not kind.endswith("json"):
        told = f"it says {kind[:60]!r}" if kind else "it says nothing"
        why = f"the body must be JSON, and say so by the header Content-Type: application/json; {told}"
        return respond(ApiError(415, "no_json", why))
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"] if part != "body") or None
    if fault["type"] == "json_invalid":
        why = f"the body is no JSON: {fault['ctx']['error']}, at character {where}"
        return respond(ApiError(400, "bad_request", why))
    said = fault["msg"].removeprefix("Value error, ")
    message = f"{where or 'the body'}: {said}"
    if fault["type"] == "extra_forbidden":
        message = f"this server does not take the field {where}; leave it out"
    return respond(ApiError(400, "bad_request", message, param=where))


def respond(error: ApiError) -> JSONResponse:
    """An error as a response."""
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return JSONResponse(error.body, error.status, headers)
