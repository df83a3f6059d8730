"""Answers that are worked on for the page: in the server, whoever looks on.

In: jobs. Out: runs, which tell what happens to any number of readers, from the start or from where they left off; their
ends are kept in the history. A run that the history calls under way and that is not here died with its server, or is
another server's. The number of runs is bounded. Belongs to one event loop. Not here: HTTP (run_routes.py), words
(run_words.py).
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Final

from citerefine.app.serving.admission import Busy
from citerefine.app.serving.answering import Answerer, Job
from citerefine.app.serving.errors import read_error
from citerefine.app.serving.event_stream import HEARTBEAT_SECONDS
from citerefine.app.serving.metrics import Metrics
from citerefine.app.serving.site.history import History, Line, RunState
from citerefine.app.serving.site.run_words import Message, messages
from citerefine.refiner.agent.events import Event
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Snippet

PAGE: Final = "page"
"""What the page is called among the models of the figures."""
STOPPED: Final = "It was stopped before there was an answer."
_ID_BYTES: Final = 12
_LOG: Final = logging.getLogger("citerefine.serve")


class Run:
    """One answer under way."""

    def __init__(self, id: str, job: Job, note: str = "") -> None:
        """`note`: what the reader of the answer is told beside it."""
        self.id, self.job, self.note = id, job, note
        self.found = {snippet.id: snippet for snippet in job.snippets}
        self.told = list[Message]()
        self.ended = False
        self._change = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Takes an event of the agent."""
        if event["type"] == "snippet":
            self.found[event["id"]] = Snippet.model_validate({**event["snippet"], "id": event["id"]})
        new = [*messages(event, self.found)]
        self.told += new
        if new:
            self._wake()

    def end(self) -> None:
        """Lets readers go."""
        self.ended = True
        self._wake()

    async def follow(self, after: int = 0) -> AsyncGenerator[Message | None]:
        """What was told behind the first `after` messages and what is told until it ends; None is a heartbeat."""
        while True:
            change = self._change
            while after < len(self.told):
                after += 1
                yield self.told[after - 1]
            if self.ended:
                return
            try:
                await asyncio.wait_for(change.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield None

    def _wake(self) -> None:
        self._change.set()
        self._change = asyncio.Event()


class Runs:
    """The answers under way of one server."""

    def __init__(self, answerer: Answerer, history: History, metrics: Metrics) -> None:
        """Begins with none."""
        self.history = history
        self._answerer, self._metrics = answerer, metrics
        self._most = answerer.settings.at_once + answerer.settings.waiting
        self._runs = dict[str, Run]()
        self._tasks = dict[str, asyncio.Task[None]]()

    def get(self, id: str) -> Run | None:
        """The run of an answer that is worked on here; None for all others."""
        return self._runs.get(id)

    def settled(self, line: Line) -> Line:
        """A line as it is: what is under way, and not here, was stopped with its server."""
        lost = line.state is RunState.WORKING and line.id not in self._runs
        return line._replace(state=RunState.STOPPED) if lost else line

    async def start(self, job: Job, *, parent: str | None = None, note: str = "") -> str:
        """The id of a new answer, which is worked on from now on.

        Args:
            job: what is to be answered.
            parent: the answer that it is refined from.
            note: what the reader is told beside the answer.

        Raises:
            Busy: if there are too many.
            InputError: if it cannot be kept.
        """
        if not self._answerer.admission.is_open:
            raise Busy("the server is stopping; ask again when it is back", 5)
        if len(self._runs) >= self._most:
            raise Busy(f"{len(self._runs)} answers are being worked on; ask again", 5)
        run = Run(secrets.token_urlsafe(_ID_BYTES), job, note)
        self._runs[run.id] = run
        try:
            begin = self.history.begin
            await asyncio.to_thread(begin, run.id, job.question, self.settings, parent, job.snippets)
        except BaseException:
            del self._runs[run.id]
            raise
        self._tasks[run.id] = asyncio.create_task(self._work(run))
        await asyncio.sleep(0)  # a task that is stopped before it has begun never comes to its end
        return run.id

    async def stop(self, id: str) -> None:
        """Stops work on an answer, if it is worked on here; returns once that is kept."""
        if id in self._tasks:
            self._tasks[id].cancel()
            await asyncio.wait([self._tasks[id]])

    async def close(self) -> None:
        """Lets answers under way end within `drain_seconds` from when admission was closed, and stops the others."""
        closed_at = self._answerer.admission.closed_at
        passed = 0.0 if closed_at is None else time.monotonic() - closed_at
        tasks = [*self._tasks.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=max(0.0, self._answerer.settings.drain_seconds - passed))
        await asyncio.gather(*map(self.stop, [*self._tasks]))
        self.history.close()

    @property
    def settings(self) -> dict[str, Any]:
        """How answers are made, as readers are told."""
        given = self._answerer.settings
        return {
            "model": given.model,
            "planner": given.planner,
            "most searches": given.max_searches,
            "passages of a search": given.snippets_per_search,
            "longest time": f"{given.max_seconds:g} s",
        }

    async def _work(self, run: Run) -> None:
        keeping = asyncio.create_task(self._keep_found(run))
        try:
            with self._metrics.counted(PAGE):
                answer = await self._answerer.answer(run.job, run.hear)
            answer = answer.noting(run.note) if run.note else answer
            await asyncio.to_thread(self.history.finish, run.id, answer)
        except asyncio.CancelledError:
            await self._give_up(run, RunState.STOPPED, STOPPED)
        except Exception as error:
            read = read_error(error)
            if read.code == "defect":
                _LOG.error("answer %s failed", run.id, exc_info=error)
            stopped = read.code == "stopped"
            await self._give_up(run, RunState.STOPPED if stopped else RunState.FAILED, read.message)
        finally:
            keeping.cancel()
            del self._runs[run.id], self._tasks[run.id]
            run.end()

    async def _keep_found(self, run: Run) -> None:
        """Keeps what was found whenever there is more of it."""
        kept = len(run.found)
        async for _ in run.follow():
            if len(run.found) > kept:
                kept = len(run.found)
                with suppress(InputError):  # the end of the run is kept or says why it is not
                    await asyncio.to_thread(self.history.keep_found, run.id, [*run.found.values()])

    async def _give_up(self, run: Run, state: RunState, why: str) -> None:
        try:
            await asyncio.to_thread(self.history.give_up, run.id, state, why, [*run.found.values()])
        except InputError as error:
            _LOG.error("answer %s could not be kept: %s", run.id, error)
