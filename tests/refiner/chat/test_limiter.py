"""As many requests are on the way as a server bears: complaints halve the number, success raises it."""

import asyncio
from types import NoneType

import pytest

from citerefine.refiner.chat.failures import Failure, refused
from citerefine.refiner.chat.limiter import Limiter


async def succeed(limiter: Limiter) -> None:
    async with limiter.place():
        await asyncio.sleep(0)


async def fail(limiter: Limiter, status: int) -> None:
    await fail_together(limiter, status, 1)


async def fail_together(limiter: Limiter, status: int, count: int) -> None:
    gate = asyncio.Event()

    async def one() -> None:
        async with limiter.place():
            await gate.wait()
            raise refused("http://h", status, {}, "", "")

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, Failure) for result in results)


def test_it_starts_slowly_and_doubles_with_each_round() -> None:
    async def run() -> list[int]:
        limiter = Limiter(100)
        limits = [limiter.limit]
        for _ in range(3):
            await asyncio.gather(*(succeed(limiter) for _ in range(limiter.limit)))
            limits.append(limiter.limit)
        return limits

    assert asyncio.run(run()) == [16, 32, 64, 100]


@pytest.mark.parametrize(("status", "limit"), [(429, 8), (503, 8), (529, 8), (500, 16), (400, 16), (401, 16)])
def test_only_complaints_about_load_shrink_it(status: int, limit: int) -> None:
    async def run() -> int:
        limiter = Limiter(16)
        await fail(limiter, status)
        return limiter.limit

    assert asyncio.run(run()) == limit


def test_requests_that_were_refused_together_are_one_complaint() -> None:
    async def run() -> int:
        limiter = Limiter(16)
        await fail_together(limiter, 429, 16)
        return limiter.limit

    assert asyncio.run(run()) == 8


def test_after_a_complaint_it_grows_by_one_a_round_and_never_falls_below_one() -> None:
    async def run() -> tuple[int, int]:
        limiter = Limiter(16)
        for _ in range(10):
            await fail(limiter, 429)
        lowest = limiter.limit
        for _ in range(3):
            await succeed(limiter)
        return lowest, limiter.limit

    lowest, grown = asyncio.run(run())
    assert lowest == 1
    assert 2 <= grown <= 3


def test_never_more_at_once_than_the_limit_and_all_get_their_turn_in_order() -> None:
    async def run() -> tuple[int, list[int]]:
        limiter, active, busiest, order = Limiter(4), 0, 0, list[int]()

        async def work(number: int) -> None:
            nonlocal active, busiest
            async with limiter.place():
                order.append(number)
                active += 1
                busiest = max(busiest, active)
                await asyncio.sleep(0.001)
                active -= 1

        await asyncio.gather(*(work(number) for number in range(40)))
        return busiest, order

    busiest, order = asyncio.run(run())
    assert busiest == 4
    assert order == [*range(40)]


def test_cancelled_waiters_leave_no_place_taken() -> None:
    async def run() -> None:
        limiter = Limiter(1)
        gate = asyncio.Event()

        async def hold() -> None:
            async with limiter.place():
                await gate.wait()
            waiters[1].cancel()  # it has been admitted, and has not yet woken up

        holder = asyncio.create_task(hold())
        await asyncio.sleep(0)
        waiters = [asyncio.create_task(succeed(limiter)) for _ in range(3)]
        await asyncio.sleep(0)
        waiters[0].cancel()
        gate.set()
        await holder
        outcomes = await asyncio.gather(*waiters, return_exceptions=True)
        await asyncio.wait_for(succeed(limiter), 1)  # or else waits for a place that nobody holds
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, asyncio.CancelledError, NoneType]

    asyncio.run(run())
