"""Shows how far a long run is: a bar where somebody watches, else a line now and then.

In: what is done, and words for it. Out: standard error. Not here: the words.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from citerefine.app.messages import say
from citerefine.refiner.report.terminal_text import sanitise

LINE_SECONDS: Final = 10.0
"""How often a line is written where nobody watches."""
DRAW_SECONDS: Final = 0.1
"""How often a bar is told of progress."""


class StatusLine:
    """Progress of one run; a context manager."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._told = time.monotonic()
        self._words: Callable[[], str] = str  # nothing yet
        self._done = 0
        self._size: int | None = None

    def __enter__(self) -> Self:
        if sys.stderr is not None and sys.stderr.isatty():
            columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=None)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._draw()
            self._bar.stop()

    def show(self, words: Callable[[], str], done: int, size: int | None) -> None:
        """Says how far the run is, when it is time.

        Args:
            words: gives the line; asked for only when it is shown.
            done: of `size`.
            size: None where nobody knows.
        """
        self._words, self._done, self._size = words, done, size
        if time.monotonic() - self._told < (LINE_SECONDS if self._bar is None else DRAW_SECONDS):
            return
        self._told = time.monotonic()
        if self._bar is None:
            say(words())
        else:
            self._draw()

    def _draw(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, total=self._size, description=self._words())

    def say(self, message: str) -> None:
        """Writes one line, above the bar if there is one."""
        if self._bar is None:
            say(message)
        else:
            self._bar.console.print(Text(sanitise(message)), soft_wrap=True)


def size_of(source: Path) -> int | None:
    """Bytes of a file; None of standard input, and of what is no plain file."""
    return source.stat().st_size if str(source) != "-" and source.is_file() else None
