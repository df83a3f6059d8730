"""A server of ours on loopback: in this process for most tests, in one of its own for what signals do."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from citerefine.app.serving.answering import Answerer
from citerefine.app.serving.server import Server, configuration
from citerefine.app.serving.settings import ServeSettings
from citerefine.refiner.protocols import Outcome, SearchPage, SearchTool
from citerefine.refiner.records import Snippet

PERCH = Snippet(
    text="By 2010 perch had doubled in the lake.", title="Perch <b>in</b> lakes", url="https://example.org/perch"
)
ROACH = Snippet(text="Roach fell in the lake.", title="Roach", doi="10.1000/roach")


class Lake:
    """A source with two passages."""

    name = "lake"

    async def search(self, query: str, k: int) -> SearchPage:
        """Both."""
        return SearchPage(snippets=(PERCH, ROACH)[:k], outcome=Outcome.OK)


class Running:
    """A server that takes requests."""

    def __init__(self, url: str, answerer: Answerer, serving: Server) -> None:
        self.url, self.answerer = url, answerer
        self._serving = serving

    def stop(self) -> None:
        """Tells it to stop."""
        self._serving.should_exit = True


LAKE = Lake()


@contextmanager
def server(search: SearchTool | None = LAKE, **settings: Any) -> Iterator[Running]:
    """Serves in a thread for as long as the block runs."""
    answerer = Answerer(ServeSettings(**{"port": 0, **settings}), search)
    config = configuration(answerer)
    config.port = 0
    serving = Server(config, answerer)
    thread = threading.Thread(target=serving.run, daemon=True)
    thread.start()
    try:
        while not serving.started:
            assert thread.is_alive(), "the server did not come up"
        port = serving.servers[0].sockets[0].getsockname()[1]
        yield Running(f"http://127.0.0.1:{port}", answerer, serving)
    finally:
        serving.should_exit = True
        thread.join(20)


@contextmanager
def process(*arguments: object, folder: Path, env: Mapping[str, str] | None = None) -> Iterator["Process"]:
    """`citerefine serve` as people start it, at a free port; killed at the end if it still runs."""
    command: Sequence[str] = [
        sys.executable, "-c", "from citerefine.app.cli import main; main()", "serve", "--port", "0",
        *map(str, arguments),
    ]  # fmt: skip
    environment = {**os.environ, **(env or {})}
    pipe = subprocess.PIPE
    started = subprocess.Popen(command, cwd=folder, env=environment, stderr=pipe, stdout=pipe, text=True)
    try:
        yield Process(started)
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()


class Process:
    """A server process whose address is known."""

    def __init__(self, started: "subprocess.Popen[str]") -> None:
        self._started = started
        assert started.stderr is not None
        line = started.stderr.readline()
        address = re.search(r"http://\S+:\d+", line)
        assert address is not None, line + started.stderr.read()
        self.url = address[0]
        self.greeting = line

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._started.pid

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 60) -> int:
        """Sends a signal, and gives the exit code."""
        self.send(how)
        return self.wait(seconds)

    def send(self, how: signal.Signals) -> None:
        """Sends a signal."""
        self._started.send_signal(how)

    def wait(self, seconds: float = 60) -> int:
        """The exit code, once it has ended."""
        return self._started.wait(seconds)
