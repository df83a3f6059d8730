"""Asynchronous work for callers that do not await."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from citerefine.refiner.background import iterate, run


async def three() -> int:
    await asyncio.sleep(0)
    return 3


def test_a_result_and_an_error_come_back() -> None:
    async def fail() -> None:
        raise KeyError("x")

    assert run(three()) == 3
    with pytest.raises(KeyError):
        run(fail())


def test_work_runs_while_the_caller_is_inside_an_event_loop() -> None:
    async def caller() -> int:
        return run(three())

    assert asyncio.run(caller()) == 3


def test_items_come_as_they_are_made_and_leaving_cancels_the_rest() -> None:
    cancelled = asyncio.Event()
    made = list[int]()

    async def items() -> AsyncIterator[int]:
        try:
            for number in range(3):
                made.append(number)
                yield number
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    found = list[int]()
    for number in iterate(items()):
        found.append(number)
        if number == 2:
            break
    assert found == made == [0, 1, 2]

    async def wait() -> bool:
        async with asyncio.timeout(5):
            while not cancelled.is_set():
                await asyncio.sleep(0.01)
        return True

    assert run(wait())


def test_an_iteration_runs_in_one_task_so_that_time_limits_hold() -> None:
    async def items() -> AsyncIterator[int]:
        async with asyncio.timeout(0.05):
            yield 1
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        [*iterate(items())]


def test_an_error_while_iterating_is_raised_behind_the_items() -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        raise ValueError("broken")

    taken = iterate(items())
    assert next(taken) == 1
    with pytest.raises(ValueError, match="broken"):
        next(taken)
