"""Listens, serves, and stops without losing an answer.

In: settings, a search tool. Out: a server that runs until it is told to stop: then it takes nothing new, finishes what
is under way within `drain_seconds`, tells whoever still waits that it stopped, and ends. Until then what is there can
be read. Not here: what it serves
(application.py).
"""

import asyncio
import logging
import math
import socket
import time
from collections.abc import Callable
from typing import Final

import uvicorn

from citerefine.app.messages import counted, say
from citerefine.app.serving.answering import Answerer
from citerefine.app.serving.guard import App
from citerefine.app.serving.protocol import TimedProtocol
from citerefine.refiner.errors import InputError

_BACKLOG: Final = 512
_KEEP_ALIVE_SECONDS: Final = 15
_HEAD_BYTES: Final = 32_768
_LAST_LOOK_SECONDS: Final = 1.0
"""In which pages whose answer has just come can load it."""
_LAST_WORDS_SECONDS: Final = 2
"""In which it is said what was not finished; then connections are cut."""


class Server(uvicorn.Server):
    """A server whose requests are refused from the moment on at which it is told to stop."""

    def __init__(self, config: uvicorn.Config, answerer: Answerer) -> None:
        super().__init__(config)
        self._answerer = answerer
        self._listens_until = 0.0
        """On the monotonic clock, once it was told to stop."""
        self._told_to_stop = False

    def handle_exit(self, sig: int, frame: object) -> None:
        """A signal: the first one lets answers under way finish, Ctrl-C once more ends them."""
        admission = self._answerer.admission
        under_way = admission.active + admission.waiting
        if admission.is_open and under_way:
            say(f"finishing {counted(under_way, 'answer')}; Ctrl-C once more ends at once")
        elif not admission.is_open:  # what is cut off now is meant to be
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        admission.close()
        super().handle_exit(sig, frame)  # type: ignore[arg-type]

    async def on_tick(self, counter: int) -> bool:
        """Whether to listen no more: once answers under way are there or their time is up, and could be looked at."""
        stops = await super().on_tick(counter)
        return stops and (self.force_exit or not self._is_needed())

    def _is_needed(self) -> bool:
        """Whether answers are under way, or came so lately that whoever waits for one may not have fetched it."""
        admission, now = self._answerer.admission, time.monotonic()
        if not self._told_to_stop:
            self._told_to_stop = True
            admission.end_after(self._answerer.settings.drain_seconds)
        if admission.active or admission.waiting:
            self._listens_until = now + _LAST_LOOK_SECONDS
        return now < self._listens_until


def serve(answerer: Answerer, listening: Callable[[str], None], application: App | None = None) -> None:
    """Serves until a signal comes.

    Args:
        answerer: what answers; its models are closed at the end.
        listening: is told the server's address once requests are taken.
        application: what is served; None stands for that of `citerefine serve`.

    Raises:
        InputError: if its address cannot be listened at.
    """
    settings = answerer.settings
    config = configuration(answerer, application)  # what cannot be opened is said before anybody is told to ask
    with _listening(settings.host, settings.port) as sock:
        listening(f"http://{_shown(settings.host)}:{sock.getsockname()[1]}")
        asyncio.run(Server(config, answerer).serve(sockets=[sock]))


def configuration(answerer: Answerer, application: App | None = None) -> uvicorn.Config:
    """How uvicorn serves the application; `application` as for `serve`."""
    if application is None:
        from citerefine.app.serving.application import make_application  # of an extra that others do without

        application = make_application(answerer)
    return uvicorn.Config(
        application,
        http=TimedProtocol,
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody is believed who says that he asks for another
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(answerer.settings.drain_seconds) + _LAST_WORDS_SECONDS,
        h11_max_incomplete_event_size=_HEAD_BYTES,
    )


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)  # who reads the address may ask at once
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be listened at ({error.strerror}); give another port, or stop what uses it"
        ) from error
    return sock


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
