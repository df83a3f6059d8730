"""A process that does what it is ordered in forks of itself, some of which are killed in the middle of it.

A program gives `serve_orders` what it does, and reads one JSON object a line; a test starts it as a `ForkingWorker`
and calls it. All is imported before the first fork, so that a kill costs milliseconds. `kill_after` in an order kills
the fork so many seconds after it began; a fork may also kill itself. The answer is one JSON object a line: what the
program says, and `killed`; or `error`, the traceback of a fork that failed by itself.
"""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
Work = Callable[[dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]
"""What an order makes: JSON to JSON."""


def serve_orders(work: Work) -> None:
    """Serves the orders on standard input until there are no more."""
    gc.freeze()  # so that forks share what is there by now
    for line in sys.stdin:
        print(json.dumps(_forked(work, json.loads(line))), flush=True)


def _forked(work: Work, order: dict[str, Any]) -> dict[str, Any]:
    """What a child made of the order; `killed` if it could not finish."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _work_and_end(work, order, writing)
    os.close(writing)
    if order.get("kill_after") is not None:
        time.sleep(order["kill_after"])
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == -signal.SIGKILL:
        return {"killed": True}
    return {"killed": False, **json.loads(said)}


def _work_and_end(work: Work, order: dict[str, Any], writing: int) -> None:
    try:
        said = asyncio.run(work(order))
    except BaseException:
        said = {"error": traceback.format_exc()}
    with os.fdopen(writing, "w") as pipe:
        json.dump(said, pipe)
    os._exit(0)


class ForkingWorker:
    """The process, from the side of a test."""

    def __init__(self, module: str, **environment: str) -> None:
        """Starts the program, such as `tests.refiner.chat.chaos_worker`, with these variables besides our own."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **environment},
        )

    def __call__(self, **order: Any) -> dict[str, Any]:
        """What becomes of an order."""
        self.send(**order)
        return self.answer()

    def send(self, **order: Any) -> None:
        """Gives an order, and does not wait for what becomes of it."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """What became of the order that was sent. Raises AssertionError if its fork failed by itself."""
        assert self._process.stdout
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in found, found["error"]
        return found

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=30)
