"""Scores chunks on several cores, in the order of the rows.

In: chunks, settings. Out: what became of each row, chunk by chunk; a few chunks are read ahead, and no more. A worker
that dies ends the run with an error, Ctrl-C and the death of this process end the workers. Not here: what a worker
does (score_chunk.py), several machines (ray_workers.py).
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType
from typing import Final, TypeVar

from citerefine.judges.runs.run_rows import ReadRow
from citerefine.judges.runs.score_chunk import Scored, ScoreSettings, score_chunk
from citerefine.refiner.errors import CiterefineError

AHEAD: Final = 3
"""Chunks under way for each worker: it never waits, and little is held."""

Chunks = Iterable[list[ReadRow]]

Item = TypeVar("Item")
Ticket = TypeVar("Ticket")
Result = TypeVar("Result")


class WorkerError(CiterefineError):
    """A process that scored rows ended before it was done, or could not be started."""

    exit_code = 1


def score_chunks(
    chunks: Chunks, settings: ScoreSettings, workers: int = 1
) -> Generator[list[Scored], None, None]:
    """What became of each row, in order.

    Args:
        chunks: of the run.
        settings: of the scoring.
        workers: processes; 1 scores in this one.

    Raises:
        WorkerError: if a worker dies.
        ModelError: if the judge cannot be loaded; likewise InputError.
    """
    if workers == 1:
        return (score_chunk(chunk, settings) for chunk in chunks)
    return _score_in_processes(chunks, settings, workers)


def in_order(
    submit: Callable[[Item], Ticket], result: Callable[[Ticket], Result], items: Iterable[Item], limit: int
) -> Generator[Result, None, None]:
    """The result of each item, in order, with at most `limit` items under way."""
    waiting = deque[Ticket]()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= limit:
            yield result(waiting.popleft())
    while waiting:
        yield result(waiting.popleft())


def _score_in_processes(
    chunks: Chunks, settings: ScoreSettings, workers: int
) -> Generator[list[Scored], None, None]:
    others = {*multiprocessing.active_children()}
    # A fork would copy threads' locks in whatever state they are; a spawned worker starts clean, on every system.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_start_worker)

    def submit(chunk: list[ReadRow]) -> Future[list[Scored]]:
        with _without_interrupts():
            return pool.submit(score_chunk, chunk, settings)

    done = False
    try:
        yield from in_order(submit, Future.result, chunks, workers * AHEAD)
        done = True
    except BrokenProcessPool as error:
        raise WorkerError(
            "a worker process died while it scored: it was killed, perhaps because the memory was full, or could not "
            "start; try fewer --workers"
        ) from error
    finally:
        if not done:  # nobody wants what they are working on, which may take long
            for child in {*multiprocessing.active_children()} - others:
                child.terminate()
        pool.shutdown(cancel_futures=True)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Holds Ctrl-C back: a process that starts inherits this, and would else be struck while it boots."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows, where a new process hears of no Ctrl-C so early
        yield
        return
    resource_tracker.ensure_running()  # where it starts, it lets Ctrl-C through again when it is done
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _later_interrupt():
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _later_interrupt() -> Iterator[None]:
    """Acts on Ctrl-C at the end of the block: another thread, of a library say, may take a signal that this one blocks,
    and what it calls for would be done here all the same, between starting a process and telling it what to do."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = list[tuple[int, FrameType | None]]()
    handler = signal.signal(signal.SIGINT, lambda number, frame: heard.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if heard and callable(handler):
            handler(*heard[0])


def _start_worker() -> None:
    """Leaves Ctrl-C to the process that reads and writes, and ends with it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
