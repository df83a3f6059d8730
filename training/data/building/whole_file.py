"""Writes a file of lines that others see whole or not at all.

In: rows, one after the other. Out: the file, in the place of an old one, once all rows are written; an error before
leaves the old one. Not here: files that grow over several runs (stage_file.py).
"""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from citerefine.refiner.errors import InputError
from citerefine.refiner.recording.line_file import json_line

Write = Callable[[Mapping[str, Any]], None]


@contextmanager
def whole_file(path: Path) -> Iterator[Write]:
    """What writes a row into the file. Raises InputError if it cannot be written."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:

            def write(values: Mapping[str, Any]) -> None:
                try:
                    file.write(json_line(dict(values)) + b"\n")
                except OSError as error:
                    raise _unwritable(path, error) from error

            yield write
        os.chmod(name, stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644)
        os.replace(name, path)
    except OSError as error:
        os.unlink(name)
        raise _unwritable(path, error) from error
    except BaseException:
        os.unlink(name)
        raise


def write_whole(path: Path, text: str) -> None:
    """The same for a text. Raises InputError if it cannot be written."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be written: {error.strerror}; name another place")
