"""Closing: everything is closed, whatever becomes of what is closed before it."""

import asyncio

import pytest

from citerefine.app.searching import Searched
from citerefine.refiner.protocols import SearchPage
from citerefine.tools.closing import close_all
from citerefine.tools.web.client import WebClient
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.request import WebRequest


class Tool:
    """Has something to close, at which it may fail."""

    name = "lake"

    def __init__(self, error: BaseException | None = None) -> None:
        self.closed = False
        self._error = error

    async def search(self, query: str, k: int) -> SearchPage:
        raise NotImplementedError

    async def aclose(self) -> None:
        self.closed = True
        if self._error is not None:
            raise self._error


def test_all_are_closed_and_the_first_error_is_raised_then() -> None:
    tools = [Tool(RuntimeError("first")), Tool(RuntimeError("second")), Tool()]
    with pytest.raises(RuntimeError, match="first"):
        asyncio.run(close_all([object(), *tools]))
    assert [tool.closed for tool in tools] == [True, True, True]


def test_a_cancellation_leaves_nothing_open_and_comes_before_any_error() -> None:
    tools = [Tool(RuntimeError("first")), Tool(asyncio.CancelledError()), Tool()]
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(close_all(tools))
    assert [tool.closed for tool in tools] == [True, True, True]


def test_a_run_closes_its_client_of_services_though_its_search_cannot_be_closed() -> None:
    async def closed_and_asked() -> None:
        web = WebClient()
        with pytest.raises(RuntimeError, match="stuck"):
            await Searched(Tool(RuntimeError("stuck")), (), (), web).aclose()
        await web.ask(WebRequest(source="lake", url="http://127.0.0.1:9/search"), lambda reply: reply)

    with pytest.raises(WebFailure, match="the client is closed"):
        asyncio.run(closed_and_asked())
