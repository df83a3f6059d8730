"""The process in which pages are read: what a page was made to cost ends with it.

In: frames on standard input, how to read and then a body. Out: frames on standard output, an empty one when it can
begin, then the text of each page, or why there is none. It is run as a module. Its memory is bounded where the system
can do that; it ends when nobody speaks to it any more, and where signals exist, also should nobody be left to end it.
Not here: reading (page_text.py), starting and ending it (reader_pool.py).
"""

import os
import signal
import struct
import sys
from contextlib import suppress
from typing import BinaryIO, Final

from pydantic import TypeAdapter

from citerefine.refiner.records import Record
from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.fetching.page_text import PageText, read_page
from citerefine.tools.readers.document import UnreadableFile

LENGTH: Final = struct.Struct(">I")
"""Before each frame: how many bytes it has."""
ANSWER: Final = TypeAdapter[PageText | str](PageText | str)
"""The text of a page, or why it has none."""
_MEMORY: Final = 1_500_000_000
"""Bytes of addresses; the largest page within the limits takes a third of that."""
_GRACE: Final = 5.0
"""Seconds beyond those for a page after which the process ends itself."""


class Task(Record):
    """What comes before a body."""

    kind: str
    """Its content type, without parameters."""
    limits: PageLimits


def main() -> None:
    """Reads pages until standard input ends."""
    tasks, answers = sys.stdin.buffer, _kept_output()
    _bound_memory()
    _import_readers()
    _write(answers, b"")
    while (head := _read(tasks)) is not None and (body := _read(tasks)) is not None:
        task = Task.model_validate_json(head)
        _end_after(task.limits.extraction + _GRACE)
        _write(answers, _answer(task, body))
        _end_after(0)


def _answer(task: Task, body: bytes) -> bytes:
    try:
        return ANSWER.dump_json(read_page(body, task.kind, task.limits))
    except UnreadableFile as error:
        why = str(error)
    except MemoryError:
        why = "its text takes too much memory"
    except Exception as error:  # code of others, on pages that may have been made to break it
        why = f"it broke its reader ({type(error).__name__})"
    return ANSWER.dump_json(why.encode("utf-8", "replace").decode())


def _import_readers() -> None:
    """Once, so that no page waits for it within its time."""
    import pypdf  # noqa: F401
    import trafilatura  # noqa: F401

    import citerefine.tools.readers.web_page  # noqa: F401


def _kept_output() -> BinaryIO:
    """Standard output; what libraries print goes to standard error from now on."""
    kept = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return kept


def _bound_memory() -> None:
    with suppress(ImportError, OSError, ValueError):  # no such module, or a bound that is lower already
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _end_after(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _read(file: BinaryIO) -> bytes | None:
    head = file.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    frame = file.read(length)
    return frame if len(frame) == length else None


def _write(file: BinaryIO, frame: bytes) -> None:
    file.write(LENGTH.pack(len(frame)) + frame)
    file.flush()


if __name__ == "__main__":
    main()
