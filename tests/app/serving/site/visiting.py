"""A client that goes about the page as a browser does, without one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import pytest
from lxml import html
from tests.app.serving.running import Running, server

QUESTION: Final = "Did perch double?"


class Browser:
    """Sends forms as pages of the server do, and reads what comes as a page."""

    def __init__(self, url: str, client: httpx2.Client) -> None:
        self.url, self.client = url, client

    def get(self, path: str, **how: Any) -> httpx2.Response:
        """A response."""
        return self.client.get(path, **how)

    def post(self, path: str, fields: Any = None, **headers: str) -> httpx2.Response:
        """What comes back for a form."""
        headers = {"Origin": self.url, "Content-Type": "application/x-www-form-urlencoded", **headers}
        return self.client.post(path, content=urlencode(fields or {}, doseq=True), headers=headers)

    def page(self, path: str) -> Any:
        """The root of a page."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        return html.fromstring(response.text)

    def ask(self, question: str = QUESTION) -> str:
        """The address of the answer, once it is there."""
        response = self.post("/answers", {"question": question})
        assert response.status_code == 303, response.text
        return self.ended(response.headers["location"])

    def ended(self, path: str) -> str:
        """The same address, once nobody works on its answer."""
        events = self.get(f"{path}/events").text
        assert events.rstrip().endswith("data: {}")
        return path


@contextmanager
def browsing(running: Running) -> Iterator[Browser]:
    """A client of a server."""
    headers = {"Accept": "text/html,*/*"}
    with httpx2.Client(base_url=running.url, headers=headers, timeout=60) as client:
        yield Browser(running.url, client)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A client of a server with two passages, for one test."""
    with server() as running, browsing(running) as one:
        yield one


def words(element: Any) -> str:
    """Its text on one line."""
    return " ".join(element.text_content().split())
