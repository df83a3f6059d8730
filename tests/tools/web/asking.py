"""What the tests of the client ask, and how."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tests.faulty_server import raw
from tests.tools.service import Service

from citerefine.tools.sources.wire import json_object
from citerefine.tools.web.client import WebClient, WebLimits
from citerefine.tools.web.reply import Asked, WebReply
from citerefine.tools.web.request import WebRequest
from citerefine.tools.web.store import WebStore

KEY = "very-secret-key-0123456789"
BODY = b'{"text": "Perch doubled."}'
OK = raw(BODY)


def read(reply: WebReply) -> str:
    text = json_object(reply).get("text")
    if not isinstance(text, str):
        raise ValueError("it has no text")
    return text


def request_to(service: Service, **values: Any) -> WebRequest:
    return WebRequest(**{"source": "lake", "url": f"{service.base_url}/search", **values})


def run(work: Callable[[WebClient], Coroutine[Any, Any, Any]], store: WebStore | None = None, **limits: Any) -> Any:
    async def inner() -> Any:
        async with WebClient(store, WebLimits(**{"deadline": 5, "backoff": 0.01, **limits})) as web:
            return await work(web)

    return asyncio.run(inner())


def ask(service: Service, store: WebStore | None = None, **limits: Any) -> Asked:
    asked: Asked = run(lambda web: web.ask(request_to(service), read), store, **limits)
    return asked
