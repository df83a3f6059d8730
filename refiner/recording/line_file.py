"""A file of whole lines that is only ever appended to, by one process at a time.

In: lines. Out: the file, in which each line was written in one step. A process that is killed leaves at most a torn
last line, which the next one to open the file repairs. A second writer is kept out for as long as the first one
lives. Not here: what the lines say (trace.py, batch/journal.py).
"""

import errno
import fcntl
import json
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from citerefine.refiner.errors import InputError


def json_line(values: dict[str, Any]) -> bytes:
    """`values` as a line of JSON, without its end."""
    try:
        return json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character, as servers give for a token: only an escape can carry it
        return json.dumps(values).encode()


class LineFile:
    """An open file of lines; also a context manager. Its methods may be called from any thread."""

    def __init__(self, path: str | os.PathLike[str], mode: int = 0o666) -> None:
        """Opens or makes the file, and locks it.

        Args:
            path: the file; a link leads to its target.
            mode: permissions of a new file, less what the umask takes.

        Raises:
            InputError: if it is no file, cannot be written, or another process writes it.
        """
        self.path = Path(path)
        with self._explained():
            self.descriptor = _open_locked(self.path, mode)
        self._lock = threading.Lock()

    def append(self, line: bytes) -> None:
        """Writes one line, given without its end: all of it or nothing. Raises InputError, as on a full disk."""
        whole = line + b"\n"
        with self._lock, self._explained():
            size = os.fstat(self.descriptor).st_size
            if os.write(self.descriptor, whole) < len(whole):
                os.ftruncate(self.descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def cut(self, size: int) -> None:
        """Takes away what lies behind the first `size` bytes."""
        with self._explained():
            os.ftruncate(self.descriptor, size)

    def move(self, target: Path) -> None:
        """Takes the place of the file `target`, in one step; stays open and locked. Raises InputError."""
        with self._explained():
            os.replace(self.path, target)
        self.path = target

    def close(self) -> None:
        """Unlocks and closes the file; closing twice does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError as error:
            raise InputError(f"another process is writing {self.path}; wait for it, or name another file") from error
        except OSError as error:
            raise InputError(f"{self.path} cannot be written: {error.strerror}; name another file") from error


def _open_locked(path: Path, mode: int) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, mode)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether `path` names the open file: while we waited for the lock another process may have put a new one there."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
