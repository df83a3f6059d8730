"""Errors of the page's routes, as pages: what failed, and how to go on.

In: routes. Out: the same routes, whose errors browsers can show. Not here: what errors mean (errors.py).
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from citerefine.app.serving.errors import ApiError, read_error
from citerefine.app.serving.site.pages.rendering import Pages

_LOG: Final = logging.getLogger("citerefine.serve")


def page_route(pages: Pages) -> type[APIRoute]:
    """A class of routes for a router of pages."""

    class PageRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def handled(request: Request) -> Response:
                try:
                    return await handle(request)
                except RequestValidationError:
                    error = ApiError(400, "bad_request", "This address has a part that cannot be read.")
                except Exception as failure:
                    error = read_error(failure)
                    if error.code == "defect":
                        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=failure)
                id = request.path_params.get("id")
                return problem(pages, error, back=f"/answers/{id}" if id and error.status != 404 else "/")

            return handled

    return PageRoute


def problem(pages: Pages, error: ApiError, *, back: str = "/", question: str = "") -> Response:
    """The page of an error.

    Args:
        pages: of the server.
        error: what went wrong.
        back: where a reader can go on.
        question: what was asked, which the page offers to ask again.
    """
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return pages.respond("problem", error.status, headers, error=error, back=back, question=question)
