"""Server-sent events: from the pieces of a body to the data of each event.

In: bytes, cut anywhere. Out: the `data` of one event after another. Not here: bounds (bounded_body.py), JSON.
"""

from collections.abc import AsyncIterator

DONE = b"[DONE]"
"""Data of the event that ends a chat completion."""


async def read_events(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The data of each event, its lines joined; other fields and comments are left out."""
    data: list[bytes] = []
    async for line in _lines(pieces):
        if not line:
            if data:
                yield b"\n".join(data)
            data = []
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
    if data:
        yield b"\n".join(data)


async def _lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    begun: list[bytes] = []  # of a line whose end has not come; joined once, however many pieces it takes
    async for piece in pieces:
        *ended, rest = piece.split(b"\n")
        for line in ended:
            yield b"".join([*begun, line]).removesuffix(b"\r")
            begun = []
        if rest:
            begun.append(rest)
    if begun:
        yield b"".join(begun).removesuffix(b"\r")
