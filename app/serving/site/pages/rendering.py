"""Renders the pages of the server from their templates.

In: the name of a page and its values. Out: a response with HTML that nobody keeps. Every value is escaped; templates
are ours, never data. Not here: values (answer_page.py, page_routes.py, run_routes.py).
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from starlette.responses import HTMLResponse

from citerefine.app.messages import counted
from citerefine.app.serving.settings import QUESTION_LIMIT
from citerefine.app.serving.site.history import RunState
from citerefine.app.serving.site.pages.assets import asset_address
from citerefine.refiner import report
from citerefine.refiner.report.html_page import asset, page_environment
from citerefine.refiner.report.html_report import TEMPLATE, add_report_names

if TYPE_CHECKING:
    from jinja2 import Environment

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # without a referrer, browsers send forms as from nowhere, and the guard refuses
}
_STATE_WORDS: Final = {
    RunState.WORKING: ("…", "being worked on"),
    RunState.DONE: ("✓", "answered"),
    RunState.FAILED: ("✗", "failed"),
    RunState.STOPPED: ("◼", "stopped"),
}


class Pages:
    """The pages of one server."""

    def __init__(self, *, signs_in: bool) -> None:
        """`signs_in`: whether people sign in, and so may sign out."""
        self._signs_in = signs_in

    def respond(
        self, name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: object
    ) -> HTMLResponse:
        """A page as a response.

        Args:
            name: of the template, without its ending.
            status: of the response.
            headers: further headers.
            values: what the template shows.
        """
        html = _environment().get_template(f"{name}.html.jinja").render(signs_in=self._signs_in, **values)
        return HTMLResponse(html, status, {**_HEADERS, **(headers or {})})


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import FunctionLoader

    environment = page_environment()
    environment.loader = FunctionLoader(
        lambda name: asset(report.__name__ if name == TEMPLATE else __package__, name)
    )
    add_report_names(environment)
    environment.globals |= {
        "QUESTION_LIMIT": QUESTION_LIMIT,
        "asset_address": asset_address,
        "state_words": _STATE_WORDS,
    }
    environment.filters |= {"counted": counted, "moment": _moment, "sentence": _sentence}
    return environment


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:]
