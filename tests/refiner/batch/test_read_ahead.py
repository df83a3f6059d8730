"""Reading ahead: bounded, in order, and never in the way of the end."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator

import pytest

from citerefine.refiner.batch.read_ahead import ReadAhead


def test_items_come_in_order_to_any_number_of_tasks() -> None:
    async def take() -> list[int]:
        taken = list[int]()

        async def work(ahead: ReadAhead[int]) -> None:
            async for item in ahead:
                taken.append(item)
                await asyncio.sleep(0)

        with ReadAhead(iter(range(500)), 4) as ahead:
            await asyncio.gather(*(work(ahead) for _ in range(7)))
        return taken

    assert asyncio.run(take()) == [*range(500)]


def test_no_more_is_read_than_the_limit_allows() -> None:
    read = list[int]()

    def items() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    async def take() -> None:
        with ReadAhead(items(), 3) as ahead:
            for taken in range(1, 4):
                await anext(ahead)
                await asyncio.sleep(0.02)
                assert len(read) <= taken + 3 + 1

    asyncio.run(take())
    assert len(read) <= 3 + 3 + 1


def test_an_error_of_the_iterator_is_raised_where_items_are_taken() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the disk is gone")

    async def take() -> list[int]:
        with ReadAhead(items(), 3) as ahead:
            return [item async for item in ahead]

    with pytest.raises(ValueError, match="the disk is gone"):
        asyncio.run(take())


def test_the_end_does_not_wait_for_a_reader_that_waits() -> None:
    reading, writing = os.pipe()

    def items() -> Iterator[bytes]:
        with os.fdopen(reading, "rb") as pipe:
            yield from pipe

    async def take() -> None:
        with ReadAhead(items(), 3) as ahead, pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(ahead), 0.05)

    began = time.monotonic()
    asyncio.run(take())
    assert time.monotonic() - began < 5
    os.close(writing)
    for thread in threading.enumerate():
        if thread.name == "citerefine rows":
            thread.join(5)
            assert not thread.is_alive()
