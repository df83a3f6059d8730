"""A service on loopback that answers as it is told: well, badly, or in turn.

    with Service(json_reply({"data": []})) as service:
        ...
        assert service.asked[0].params == [("query", "perch")]

The behaviours of faulty_server.py work here too: errors, resets, slow drips, bombs. It runs in threads of its own, and
nothing of it is left when the `with` block ends.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from tests.faulty_server import Behaviour, Line, Request, ThreadedServer, handler_of, raw


class Asked(NamedTuple):
    """One request, as the service saw it."""

    method: str
    path: str
    """Without the query."""
    params: list[tuple[str, str]]
    """Decoded, in order."""
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    at: float
    """When it came, by the monotonic clock."""
    target: str
    """Path and query as they stood on the wire."""

    def param(self, name: str) -> str | None:
        """A parameter by its name; None if it is not there. It must not be there twice."""
        values = [value for known, value in self.params if known == name]
        assert len(values) < 2, f"{name} is there {len(values)} times in {self.target}"
        return values[0] if values else None


Route = Callable[[Asked], Behaviour]


def json_reply(value: object, code: int = 200, headers: Mapping[str, str] | None = None) -> Behaviour:
    """A JSON body."""
    return raw(json.dumps(value).encode(), code, headers)


def xml_reply(text: str) -> Behaviour:
    """An XML body."""
    return raw(text.encode(), 200, {"Content-Type": "application/xml; charset=UTF-8"})


class Service:
    """The service; see the top of the file."""

    def __init__(self, script: Behaviour | Sequence[Behaviour] = (), *, route: Route | None = None) -> None:
        """`script`: what happens to requests, one after another, the last one for all that follow; or `route`: what
        happens to each."""
        self.asked: list[Asked] = []
        self.busiest = 0
        """Most requests that were under way at once."""
        self._script = list(script) if isinstance(script, Sequence) else [script]
        self._route = route
        self._active = 0
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = ThreadedServer(("127.0.0.1", 0), handler_of(self._serve))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def base_url(self) -> str:
        """Its address, without a slash at its end."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def host(self) -> str:
        """Its address as messages give it."""
        return f"127.0.0.1:{self._http.server_port}"

    def _serve(self, request: Request, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        params = parse_qsl(parts.query, keep_blank_values=True)
        asked = Asked(
            request.method, parts.path, params, request.headers, request.body, time.monotonic(), request.path
        )
        with self._lock:
            self.asked.append(asked)
            self._active += 1
            self.busiest = max(self.busiest, self._active)
            behave = self._route(asked) if self._route else self._next()
        try:
            behave(request, Line(handler, self._closing))
        finally:
            with self._lock:
                self._active -= 1

    def _next(self) -> Behaviour:
        return self._script.pop(0) if len(self._script) > 1 else self._script[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.drop_connections()
        self._http.server_close()
        self._thread.join()
