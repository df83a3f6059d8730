"""Says whether an answer is the right one, by its mathematical value.

In: a reference answer, a model's text. Out: `Scored` 1 or 0, or `Missing` where the grader came to nothing in time. The
grader runs in processes of its own (maths_worker.py), so that it can be stopped and so that any thread and event loop
may ask. What is compared is the last boxed expression, else the last number or formula, of the text behind the
thinking, and inside the `<answer>` block if there is one. Several boxed answers are one set of values, and no match
for one of them. Not here: which rows are mathematics (verifying.py).
"""

import asyncio
import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any, Final

from citerefine.refiner.errors import ModelError
from citerefine.training.rewards.parts import Missing, Scored, code_of

LIMIT: Final = 10.0
"""Seconds for one comparison."""
START_LIMIT: Final = 60.0
"""Seconds in which a process must have loaded the grader."""
MOST_TEXT: Final = 20_000
"""Characters of an answer that are looked at, from its end."""
_WORKER: Final = "citerefine.training.rewards.maths_worker"
_ENDED: Final = {"reason": "grader_ended: the process that compares answers ended by itself"}


class MathsGrader:
    """A few processes that compare answers. Starts them when they are needed; may be used from any thread."""

    def __init__(self, processes: int | None = None, limit: float = LIMIT) -> None:
        """Names bounds only.

        Args:
            processes: how many run at most; by default one a core, and 4 at most.
            limit: seconds for one comparison.
        """
        self._limit = limit
        n = processes or min(4, os.cpu_count() or 1)
        self._idle = queue.SimpleQueue[_Process]()
        for _ in range(n):
            self._idle.put(_Process())
        self._slots = threading.Semaphore(n)

    async def grade(self, gold: str, text: str) -> Scored | Missing:
        """Whether `text` ends with what `gold` says. Raises ModelError if math-verify is not installed."""
        if importlib.util.find_spec("math_verify") is None:
            raise ModelError("mathematical answers need math-verify; install it with pip install 'citerefine[train]'")
        reply = await asyncio.to_thread(self._ask, gold, answer_in(text))
        if reply.get("correct") is None:
            reason = str(reply["reason"])
            code = code_of(reason)
            return Missing(reason, () if code == "bad_gold" else (code,))
        return Scored(1.0) if reply["correct"] else Scored(0.0, "wrong: the answer is not the reference answer")

    def _ask(self, gold: str, answer: str) -> dict[str, Any]:
        with self._slots:
            process = self._idle.get()
            try:
                return process.ask({"gold": gold, "answer": answer}, self._limit)
            finally:
                self._idle.put(process)

    def close(self) -> None:
        """Ends the processes; a later use starts them anew."""
        for _ in range(self._idle.qsize()):
            process = self._idle.get()
            process.end()
            self._idle.put(process)


class _Process:
    """One worker, asked one thing at a time."""

    def __init__(self) -> None:
        self._running: subprocess.Popen[str] | None = None

    def ask(self, question: dict[str, str], limit: float) -> dict[str, Any]:
        """Its reply. A worker that takes too long is ended, and the next question starts another."""
        if self._running is None or self._running.poll() is not None:
            self._start()
            self._reply({"gold": "1", "answer": "1"}, START_LIMIT)  # loads the grader, outside of any answer's time
        return self._reply(question, limit)

    def _reply(self, question: dict[str, str], limit: float) -> dict[str, Any]:
        running = self._running
        if running is None or running.stdin is None or running.stdout is None:  # it ended while it was loading
            return _ENDED
        late = threading.Event()

        def stop() -> None:
            late.set()
            running.kill()

        timer = threading.Timer(limit, stop)
        timer.start()
        line = ""
        try:
            with suppress(OSError):  # it ended meanwhile: then it says nothing
                running.stdin.write(json.dumps(question) + "\n")
                running.stdin.flush()
                line = running.stdout.readline()
        finally:
            timer.cancel()
        if line.endswith("\n"):
            reply: dict[str, Any] = json.loads(line)
            return reply
        self.end()
        if late.is_set():
            return {"reason": f"grader_deadline: the answer could not be compared within {limit:g} s"}
        return _ENDED

    def _start(self) -> None:
        self.end()
        self._running = subprocess.Popen(
            [sys.executable, "-m", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in a terminal goes to every process of its group; this one is still needed
        )

    def end(self) -> None:
        """Ends it, if it runs."""
        running, self._running = self._running, None
        if running is not None:
            running.kill()
            running.wait()
            for pipe in (running.stdin, running.stdout):
                with suppress(OSError):
                    if pipe is not None:
                        pipe.close()


def answer_in(text: str) -> str:
    """The part of a model's text that is compared.

    >>> answer_in("<think>Is it 3?</think> So <answer>it is 4</answer>")
    'it is 4'
    """
    said = text.rpartition("</think>")[2].partition("<think>")[0]  # thinking that never ends is no answer
    block = said.rpartition("<answer>")[2].partition("</answer>")[0]
    return block[-MOST_TEXT:].strip()
