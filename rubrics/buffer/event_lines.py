"""One line of a file of events: JSON that carries its own checksum.

In: values, or a line. Out: the line, or what it says if it is whole. The checksum is over the bytes as they stand, so
that a line can be checked without being read. Not here: the file (event_file.py).
"""

import json
import zlib
from typing import Any, Final

from citerefine.rubrics.buffer.events import canonical
from citerefine.rubrics.errors import RubricError

MAX_LINE_BYTES: Final = 8 * 2**20
START: Final = b'{"crc":"'
"""What every line starts with; eight hex digits follow, a quote and a comma."""
_HEAD: Final = len(START) + 8 + 2


def write_line(values: dict[str, Any]) -> bytes:
    """The values as a line, with its end. Raises RubricError if it is too long."""
    body = canonical(values)
    line = b'%s%08x",%s\n' % (START, zlib.crc32(body), body[1:])
    if len(line) > MAX_LINE_BYTES:
        raise RubricError(f"an event of {len(line):,} bytes is too large; shorten the criterion")
    return line


def body_of(line: bytes) -> bytes | None:
    """The JSON of a line without its checksum; None if the line is not whole or was changed. Its end may be missing."""
    body = b"{" + line.removesuffix(b"\n")[_HEAD:]
    return body if line[:_HEAD] == b'%s%08x",' % (START, zlib.crc32(body)) else None


def read_body(body: bytes) -> dict[str, Any]:
    """What a whole line says: what `write_line` was given. Raises ValueError if a program of ours did not write it."""
    values: dict[str, Any] = json.loads(body)
    return values
