"""How long a call keeps the processor busy, for tests that a cost grows in line with the length of the input.

The least of a few tries counts, with the garbage collector off: what other programs and tests cost stays out."""

import gc
import time
from collections.abc import Callable

TRIES = 3


def cpu_seconds(call: Callable[[], object], *, enough: float = 0.0) -> float:
    """Processor seconds of the fastest of three calls; a try of at most `enough` seconds ends it early."""
    least = float("inf")
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(TRIES):
            started = time.process_time()
            call()
            least = min(least, time.process_time() - started)
            if least <= enough:
                break
    finally:
        if collecting:
            gc.enable()
    return least
