"""Events as a file of JSON Lines: only ever added to, by one process at a time.

In: events. Out: the file. Its first line holds the settings; each line its number and a checksum of what it says. A
process that is killed leaves at most a torn last line, which is cut off when the file is opened again; damage anywhere
else is an error, never a gap. Going back to an earlier event is a line too: what came after it stays in the file and
counts no more. Not here: what events change (folding.py).
"""

import errno
import fcntl
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import ValidationError

from citerefine.rubrics.buffer.event_lines import MAX_LINE_BYTES, START, body_of, read_body, write_line
from citerefine.rubrics.buffer.events import Event, dump_event, parse_event
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.errors import RubricError

FORMAT: Final = "citerefine rubric events 1"
_EVENT: Final = b'{"event":'
"""What the line of an event starts with, behind its checksum."""
_NUMBER: Final = re.compile(rb'"n":(\d+)(?:,"rewind":(\d+))?\}\Z')
"""What each line ends with; the keys stand in alphabetical order."""


class EventFile:
    """A log on disk (logs.EventLog); also a context manager."""

    def __init__(self, path: str | os.PathLike[str], settings: BufferSettings | None = None) -> None:
        """Opens or makes the file, and locks it.

        Args:
            path: the file.
            settings: rules of a new file; an existing one must have the same. None takes those of the file.

        Raises:
            RubricError: if it cannot be written, another process writes it, it is no file of events, is damaged
                before its last line, or has other settings; or if it is new and there are none.
        """
        self.path = Path(path)
        with self._explained():
            self._descriptor = _open_locked(self.path)
        try:
            self._repair_end()
            self.settings: Final = self._open_header(settings)
        except BaseException:
            self.close()
            raise

    def append(self, events: Sequence[Event]) -> None:
        """Adds events in one write; a crash keeps a first part of them. Raises RubricError, as on a full disk."""
        first = self._n_lines + 1
        lines = [write_line({"n": n, "event": dump_event(event)}) for n, event in enumerate(events, first)]
        self._write(b"".join(lines))
        self._n_lines += len(lines)

    def rewind(self, n_events: int) -> None:
        """From now on only the first `n_events` of those that count do; the others stay in the file."""
        self._write(write_line({"n": self._n_lines + 1, "rewind": n_events}))
        self._n_lines += 1

    def events(self) -> Iterator[Event]:
        """The events that count, in order. Raises RubricError at a line that is damaged."""
        counting = self._counting_lines()
        wanted = next(counting, None)
        for number, body in self._read():
            if number == wanted:
                wanted = next(counting, None)
                yield self._event(body, number)

    def _counting_lines(self) -> Iterator[int]:
        """Numbers of the lines whose events count; held as numbers, since events are large."""
        lines = list[int]()
        for number, body in self._read():
            if body.startswith(_EVENT):
                lines.append(number)
            elif (to := _rewind_of(body)) is not None:
                if to > len(lines):
                    raise self._damaged(number)
                del lines[to:]
        return iter(lines)

    def sync(self) -> None:
        """Returns when the file outlives a power cut."""
        with self._explained():
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Unlocks and closes the file; closing twice does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_header(self, settings: BufferSettings | None) -> BufferSettings:
        first = next(self._read(), None)
        if first is None:
            if settings is None:
                raise RubricError(f"{self.path} is new, and a new file of events needs settings; give BufferSettings")
            told = {"format": FORMAT, "settings": settings.model_dump(mode="json")}
            self._write(write_line({"n": 1, "header": told}))
            self._n_lines = 1
            return settings
        header = read_body(first[1]).get("header")
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise self._foreign()
        try:
            found = BufferSettings.model_validate(header.get("settings"))
        except ValidationError:
            raise self._damaged(1) from None
        if settings not in (None, found):
            other = [name for name, value in found if value != getattr(settings, name)]
            raise RubricError(
                f"{self.path} was made with other settings ({', '.join(other)}); use these, or a new file"
            )
        return found

    def _repair_end(self) -> None:
        """Cuts a torn last line off; gives one that lacks nothing but its end that end."""
        size = whole = self._n_lines = 0
        last = b""
        with open(self.path, "rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), 1):
                if len(line) > MAX_LINE_BYTES or (number == 1 and line[: len(START)] != START[: len(line)]):
                    raise self._foreign()
                size += len(line)
                if line.endswith(b"\n"):
                    whole, self._n_lines = size, number
                else:
                    last = line
        if last and body_of(last) is not None:
            self._write(b"\n")
            self._n_lines += 1
        elif last:
            with self._explained():
                os.ftruncate(self._descriptor, whole)

    def _read(self) -> Iterator[tuple[int, bytes]]:
        """Number and body of each line. Raises RubricError at one that is damaged."""
        with self._explained(), open(self.path, "rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), 1):
                body = body_of(line) if line.endswith(b"\n") else None
                said = _NUMBER.search(body[-60:]) if body else None
                if body is None or said is None or int(said[1]) != number:
                    raise self._damaged(number)
                yield number, body

    def _event(self, body: bytes, number: int) -> Event:
        try:
            return parse_event(body[len(_EVENT) : body.rindex(b',"n":')])
        except ValueError:
            raise self._damaged(number) from None

    def _write(self, lines: bytes) -> None:
        with self._explained():
            size = os.fstat(self._descriptor).st_size
            if os.write(self._descriptor, lines) < len(lines):
                os.ftruncate(self._descriptor, size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _damaged(self, number: int) -> RubricError:
        return RubricError(f"{self.path}, line {number}, is damaged; take a copy of the file, or begin a new one")

    def _foreign(self) -> RubricError:
        return RubricError(f"{self.path} is no file of rubric events, or of another version; name another file")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BlockingIOError as error:
            raise RubricError(f"another process writes {self.path}; wait for it, or name another file") from error
        except OSError as error:
            raise RubricError(f"{self.path} cannot be used: {error.strerror}; name another file") from error


def _open_locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _rewind_of(body: bytes) -> int | None:
    """To how many events a line goes back; None if it says nothing of the kind."""
    said = _NUMBER.search(body[-60:])
    return int(said[2]) if said and said[2] else None
