"""Reads rows of JSON Lines, whatever a file holds: a bad row is told from the good ones around it.

In: a binary file of any size. Out: for each line that is not blank its number, and the object in it or the reason why
there is none. Memory is that of one line, and lines have a limit. Not here: what the objects mean (requests.py).
"""

import codecs
import json
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, NamedTuple, NoReturn

from citerefine.refiner.errors import InputError

MAX_ROW_BYTES: Final = 64 * 2**20
MAX_DEPTH: Final = 100
"""How deep objects and lists of a row may nest; Python reads about ten times as much, and cannot always write it."""

BAD_ROWS: Final[dict[str, str]] = {
    "too_long": f"the line is longer than {MAX_ROW_BYTES >> 20} MB",
    "invalid_utf8": "the line is not UTF-8",
    "invalid_json": "the line is not JSON, or holds NaN, an infinite or an overlong number",
    "too_deep": f"objects and lists nest more than {MAX_DEPTH} deep",
    "no_object": "the line is JSON, but no object with named fields",
    "bad_id": "the id is neither text nor a whole number",
    "duplicate_id": "an earlier row has the same id",
    "no_question": "the question is missing, blank, or no text",
    "bad_snippets": "there are neither snippets nor tool output, both, or some that cannot be cited",
    "bad_field": "reasoning or mode have a value that they cannot have",
}
"""What keeps a row from being asked: code → meaning."""


class BadRow(Exception):
    """A row that cannot be asked. `code` is one of `BAD_ROWS`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Row(NamedTuple):
    """A row as it was read."""

    line: int
    """From 1."""
    end: int
    """Offset behind the row in its file, in bytes."""
    values: dict[str, Any] | BadRow


@contextmanager
def opened_rows(path: str | os.PathLike[str], rows: str = "rows") -> Iterator[BinaryIO]:
    """The file of rows, open within the context.

    Raises InputError if it cannot be read; `rows` is what the message calls them.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; name a file of {rows}") from error
    try:
        yield file
    except BaseException:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()  # but not a pipe: a thread that still waits for it would hold us up
        raise
    file.close()


def read_rows(file: BinaryIO) -> Iterator[Row]:
    """The rows of a file of JSON Lines; blank lines are passed over.

    Raises:
        InputError: if the first line shows that the file is something else.
    """
    number = end = 0
    while line := file.readline(MAX_ROW_BYTES + 1):
        number, end = number + 1, end + len(line)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
            _refuse_other_files(line)
        if len(line) > MAX_ROW_BYTES:
            end += _skip_rest_of(line, file)
            yield Row(number, end, BadRow("too_long", BAD_ROWS["too_long"]))
        elif line and not line.isspace():
            yield Row(number, end, _values_or_reason(line))


def _refuse_other_files(first: bytes) -> None:
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError("the rows are UTF-16, and must be UTF-8; save the file as UTF-8")
    if first.strip() in (b"[", b"{") or first.lstrip().startswith(b"[{"):
        raise InputError("the rows are JSON, but not one object a line; make them so, as `jq -c` does")


def _skip_rest_of(line: bytes, file: BinaryIO) -> int:
    """How many bytes of the line were left."""
    skipped = 0
    while line and not line.endswith(b"\n"):
        line = file.readline(1 << 20)
        skipped += len(line)
    return skipped


def _values_or_reason(line: bytes) -> dict[str, Any] | BadRow:
    try:
        return read_values(line)
    except BadRow as reason:
        return reason


def read_values(line: bytes) -> dict[str, Any]:
    """The object that a line holds. Raises BadRow."""
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise BadRow("invalid_utf8", f"not UTF-8 at byte {error.start + 1} of the line") from None
    try:
        values = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise BadRow("invalid_json", f"not JSON: {error.msg} at character {error.colno}") from None
    except RecursionError:
        raise BadRow("too_deep", BAD_ROWS["too_deep"]) from None
    except ValueError as error:  # a whole number of more digits than Python converts
        raise BadRow("invalid_json", f"not read: {error}") from None
    if not isinstance(values, dict):
        raise BadRow("no_object", BAD_ROWS["no_object"])
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _is_deep(values):
        raise BadRow("too_deep", BAD_ROWS["too_deep"])
    return values


def _refuse_constant(name: str) -> NoReturn:
    raise BadRow("invalid_json", f"not JSON: {name} is no number there; write null")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadRow("invalid_json", f"not read: {text[:40]} is too large a number")
    return number


def _is_deep(values: object) -> bool:
    level, depth = [values], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return True
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
            if isinstance(inner, dict | list)
        ]
    return False
