"""Scores chunks on the machines of a Ray cluster, in the order of the rows.

In: chunks, settings, the address of a cluster. Out: what became of each row, chunk by chunk. citerefine must be
installed on each machine, and a table of labels be a file there. Not here: what a worker does (score_chunk.py); one
machine without Ray (workers.py).
"""

from collections.abc import Generator
from typing import Any, Final

from citerefine.judges.runs.run_rows import ReadRow
from citerefine.judges.runs.score_chunk import Scored, ScoreSettings, score_chunk
from citerefine.judges.runs.workers import AHEAD, Chunks, WorkerError, in_order
from citerefine.refiner.errors import InputError

LOCAL: Final = "local"
"""The address that starts a cluster of this machine alone."""


def score_on_ray(
    chunks: Chunks, settings: ScoreSettings, address: str = LOCAL
) -> Generator[list[Scored], None, None]:
    """What became of each row, in order.

    Args:
        chunks: of the run.
        settings: of the scoring.
        address: `local` starts Ray on this machine, `auto` finds the cluster that this machine belongs to, and
            `HOST:PORT` or `ray://HOST:PORT` name one.

    Raises:
        InputError: if Ray is not installed.
        WorkerError: if the cluster cannot be reached, or loses what it was given.
    """
    ray = _load_ray()
    mine = not ray.is_initialized()  # or whoever embeds us has a cluster of their own open
    if mine:
        _connect(ray, address)
    remote = ray.remote(score_chunk)
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))

    def submit(chunk: list[ReadRow]) -> Any:
        return remote.remote(chunk, settings)

    def result(ticket: Any) -> list[Scored]:
        try:
            scored: list[Scored] = ray.get(ticket)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None  # as if it had been raised here
        except ray.exceptions.RayError as error:
            raise WorkerError(f"Ray lost rows that it was to score: {str(error)[:300]}; look at the cluster") from error
        return scored

    try:
        yield from in_order(submit, result, chunks, cores * AHEAD)
    finally:
        if mine:
            ray.shutdown()


def _load_ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError:
        raise InputError("Ray is not installed; install it with: pip install 'citerefine[ray]'") from None
    return ray


def _connect(ray: Any, address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise WorkerError(
            f"no Ray cluster at {address!r}: {str(error)[:300]}; start one with `ray start --head`, or give {LOCAL!r}"
        ) from error
