"""Keeps a run of the agent on disk until its answer is there, so that it can be interrupted and go on.

In: a question, what tells its run apart from others, search tools, a context. Out: the answer. Each run has one
SQLite file in the cache folder, readable by its owner only, written by LangGraph's checkpointer after every step; it
goes when the answer is there, or when it is old. Not here: the steps (refiner/agent/), the graph (refiner/graph.py).
"""

import fcntl
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from citerefine.app.corpora import cache_folder
from citerefine.app.messages import say
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.events import Event
from citerefine.refiner.answer import Answer
from citerefine.refiner.graph import GraphInput, build_graph
from citerefine.refiner.protocols import SearchTool

KEPT_DAYS: Final = 7
"""How long an interrupted run can be gone on with."""
_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")


def thread_id(question: str, context: RefinerContext, searched: Sequence[str]) -> str:
    """What tells one run from another: the question, all settings, the state of what is searched, and this version.

    How long it may take does not: a run that was too slow goes on when it is given more time.
    """
    settings = context.as_json() | {"max_seconds": None}
    settings["settings"] = settings["settings"] | {"deadline": None}
    values = [version("citerefine"), question, settings, [*searched]]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


class Thread:
    """One run that is kept."""

    def __init__(self, saver: AsyncSqliteSaver, id: str) -> None:
        self._saver = saver
        self._config: RunnableConfig = {"configurable": {"thread_id": id}}
        self.is_done = False
        """Whether the answer is there, so that nothing has to be kept."""

    async def answer(
        self, question: str, search: Sequence[SearchTool], context: RefinerContext, emit: Callable[[Event], None]
    ) -> Answer:
        """The answer, from where the run stopped if it was begun before. Raises what the refiner raises."""
        graph = build_graph(search, checkpointer=self._saver)
        given: GraphInput | None = {"question": question}
        output: Mapping[str, Any] = {}
        if await self._saver.aget_tuple(self._config) is not None:
            say("going on with the interrupted run of this question; --fresh starts anew")
            state = await graph.aget_state(self._config)
            given, output = None, {} if state.next else state.values
        if not output:
            parts = graph.astream(
                given, self._config, context=context, stream_mode=["custom", "values"], version="v2", durability="sync"
            )
            async for part in parts:
                if part["type"] == "custom":
                    emit(part["data"])
                elif part["type"] == "values":
                    output = part["data"]
        answer = Answer.model_validate(output["answer"])
        self.is_done = True
        return answer


@asynccontextmanager
async def open_thread(id: str, fresh: bool) -> AsyncIterator[Thread | None]:
    """The run of this id, begun anew if `fresh`; None where it cannot be kept, which standard error says."""
    folder = cache_folder() / "runs"
    path = folder / f"{id}.db"
    try:
        for one in (folder.parent, folder):  # of the folders above, the mode is not that of the last
            one.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_old(folder)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        say(f"the run cannot be kept in {folder} ({error.strerror}); if it is interrupted, it starts anew")
        yield None
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        say("another process is answering the same question; this run is not kept")
        yield None
        return
    try:
        if fresh or (path.exists() and not _is_readable(path)):
            _remove(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
            thread = Thread(saver, id)
            yield thread
        if thread.is_done:
            _remove(path)
            path.with_suffix(".lock").unlink(missing_ok=True)
    finally:
        os.close(lock)


def _is_readable(path: Path) -> bool:
    """Whether the file can be gone on with; one that is damaged cannot, and is only a cache."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.DatabaseError:
        return False
    return True


def _remove(path: Path) -> None:
    for suffix in _SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _remove_old(folder: Path) -> None:
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > KEPT_DAYS * 24 * 3600:
            path.unlink(missing_ok=True)
