"""The pages around the answers: the question box with the list of answers, signing in, styles and scripts.

In: requests of browsers. Out: HTML; a cookie for who knows the token. Nothing changes by GET, and the guard refuses
forms of other sites. Not here: answers (run_routes.py), who may see what (guard.py).
"""

import asyncio
import hmac
import re
from typing import Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from citerefine.app.serving.answering import Answerer
from citerefine.app.serving.errors import ApiError
from citerefine.app.serving.guard import ASSETS
from citerefine.app.serving.sign_in import cookie_name, pass_for
from citerefine.app.serving.site.forms import only, read_form
from citerefine.app.serving.site.page_errors import page_route
from citerefine.app.serving.site.pages.assets import find_asset
from citerefine.app.serving.site.pages.rendering import Pages
from citerefine.app.serving.site.runs import Runs

_PER_PAGE: Final = 20
_YEAR_SECONDS: Final = 31_536_000
_OWN_PATH: Final = re.compile(r"/(?:answers/[A-Za-z0-9_-]{1,64})?(?:\?[A-Za-z0-9%&=+._~*-]{0,4000})?")
"""Where signing in may lead: nowhere but to pages of this server."""


def page_routes(answerer: Answerer, runs: Runs, pages: Pages, sign_in: str) -> APIRouter:
    """The routes; `sign_in` is the path of the page that takes the token."""
    routes = APIRouter(include_in_schema=False, route_class=page_route(pages))
    settings = answerer.settings

    @routes.get("/")
    async def ask(q: str = Query("", max_length=500), page: int = Query(1, ge=1, le=100_000)) -> Response:
        first = (page - 1) * _PER_PAGE
        listing = await asyncio.to_thread(runs.history.list, q, first=first, most=_PER_PAGE)
        return pages.respond(
            "ask",
            words=q,
            page=page,
            n_pages=-(-listing.total // _PER_PAGE),
            total=listing.total,
            lines=[runs.settled(line) for line in listing.lines],
            searches=answerer.search is not None,
            notes=answerer.notes,
            settings=runs.settings,
            lasts=runs.history.path is not None,
        )

    @routes.get(sign_in)
    async def show_sign_in(next: str = "/") -> Response:
        if settings.token is None:
            return RedirectResponse("/", 303)
        return pages.respond("sign_in", next=_own(next), wrong=False)

    @routes.post(sign_in)
    async def do_sign_in(request: Request) -> Response:
        form = await read_form(request)
        token = "" if settings.token is None else settings.token.get_secret_value()
        if not hmac.compare_digest(only(form, "token").encode(), token.encode()):
            return pages.respond("sign_in", 401, next=_own(only(form, "next")), wrong=True)
        response = RedirectResponse(_own(only(form, "next")), 303)
        # A proxy that speaks TLS says so; who claims it without one only loses the cookie.
        secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        name = cookie_name(request.headers.get("host", ""))
        response.set_cookie(name, pass_for(token), secure=secure, httponly=True, samesite="strict")
        return response

    @routes.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        response = RedirectResponse(sign_in, 303)
        response.delete_cookie(cookie_name(request.headers.get("host", "")), httponly=True, samesite="strict")
        return response

    @routes.get(f"{ASSETS}{{name}}")
    async def asset(name: str) -> Response:
        found = find_asset(name)
        if found is None:
            raise ApiError(404, "not_found", "the page has no such file")
        lasting = {"Cache-Control": f"public, max-age={_YEAR_SECONDS}, immutable"}
        return Response(found.text, media_type=found.media_type, headers=lasting)

    return routes


def _own(path: str) -> str:
    return path if _OWN_PATH.fullmatch(path) else "/"
