"""Server-sent events are read however the network cuts them."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.chat.events import read_events


def read(pieces: list[bytes]) -> list[bytes]:
    async def run() -> list[bytes]:
        async def body() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        return [data async for data in read_events(body())]

    return asyncio.run(run())


@given(
    st.lists(st.from_regex(rb"[ -~]{1,20}", fullmatch=True), max_size=6), st.lists(st.integers(0, 200)), st.booleans()
)
def test_the_same_events_come_out_wherever_the_body_is_cut(events: list[bytes], cuts: list[int], crlf: bool) -> None:
    end = b"\r\n" if crlf else b"\n"
    body = b"".join(b"data: " + data + end * 2 for data in events)
    places = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    assert read([body[a:b] for a, b in pairwise(places)]) == events


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": ping\n\ndata: a\n\n: ping\n\n", [b"a"]),
        (b"event: x\nid: 7\nretry: 9\ndata:a\n\n", [b"a"]),
        (b"data:  two blanks\n\n", [b" two blanks"]),
        (b"data: without end", [b"without end"]),
        (b"\n\n\n", []),
        (b"<html>", []),
        (b"database: x\n\n", []),
    ],
)
def test_only_data_counts(body: bytes, events: list[bytes]) -> None:
    assert read([body]) == events


def test_a_line_in_very_many_pieces_is_joined_once() -> None:
    assert read([b"data: ", *[b"x"] * 100_000, b"\n\n"]) == [b"x" * 100_000]
