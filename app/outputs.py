"""Writes what `--out` names, and nothing that must not be overwritten.

In: a path and text. Out: the whole file or the old one. Refused: an index or any other SQLite file, and places
among the files that are searched, since an answer there would be found as evidence the next time. Not here: what
is written.
"""

import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from citerefine.refiner.errors import InputError

_SQLITE = b"SQLite format 3\0"


def check_output(out: Path, searched: Sequence[Path], *, may_be_database: bool = False) -> None:
    """Raises InputError if nothing may be written to `out`; `searched` is what `--corpus` names."""
    target = out.resolve()
    if not target.parent.is_dir():
        raise InputError(f"the folder {out.parent} does not exist; make it, or name another file")
    if target.is_dir():
        raise InputError(f"{out} is a folder; name a file in it")
    if not may_be_database and target.is_file() and is_database(target):
        raise InputError(f"{out} is a database, perhaps an index; name another file")
    for path in searched:
        if target.is_relative_to(path.resolve()):
            raise InputError(
                f"{out} lies in what is searched ({path}), where it would be found as evidence; name another file"
            )


def is_database(path: Path) -> bool:
    """Whether a file is of SQLite."""
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def write_output(out: Path, text: str) -> None:
    """Writes the whole file, or nothing: whoever reads it sees the old text or the new one.

    A link leads to its target; a device or pipe is written to; the mode of an existing file stays. Raises
    InputError if it cannot be written.
    """
    try:
        target = out.resolve()
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
        else:
            _replace(target, text)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}; name another file") from error


def _replace(target: Path, text: str) -> None:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:40]}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask
