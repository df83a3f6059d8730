"""Lets Ctrl-C, and the signal by which a cluster takes a machine back, end a run at a good place.

In: what ends the run. Out: a context in which the first signal does that, and the second one stops at once. Not here:
the checkpoint (citerefine.training.grpo).
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(stop: Callable[[], None], tell: Callable[[str], None]) -> Iterator[None]:
    """Calls `stop` at the first signal; raises KeyboardInterrupt at the second. Outside of the main thread, where
    signals cannot be heard, it does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = list[int]()

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise KeyboardInterrupt
        stop()
        tell("stopping: this step is finished and saved first; Ctrl-C again stops at once")

    before = {number: signal.signal(number, hear) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
