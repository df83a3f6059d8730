"""Places: in the order of coming, never more than there are, and a clear word to those for whom there is none."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from citerefine.app.serving.admission import Admission, Busy


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(work(), 10))


def test_no_more_are_in_than_there_are_places_and_they_come_in_order() -> None:
    async def work() -> tuple[list[int], int]:
        admission, order, busiest = Admission(2, 100), list[int](), 0

        async def one(number: int) -> None:
            nonlocal busiest
            async with admission.place():
                order.append(number)
                busiest = max(busiest, admission.active)
                await asyncio.sleep(0.001)

        await asyncio.gather(*map(one, range(20)))
        assert (admission.active, admission.waiting) == (0, 0)
        return order, busiest

    assert run(work) == ([*range(20)], 2)


def test_who_finds_the_queue_full_is_told_when_to_come_back() -> None:
    async def work() -> Busy:
        admission = Admission(1, 1)
        async with admission.place():
            waiting = asyncio.create_task(_enter(admission))
            await asyncio.sleep(0)
            with pytest.raises(Busy) as caught:
                await _enter(admission)
        await waiting
        await _enter(admission)
        return caught.value

    busy = run(work)
    assert str(busy) == "no place is free: 1 in use, 1 waiting; ask again"
    assert busy.retry_after >= 1


def test_who_goes_away_while_waiting_gives_the_place_to_the_next() -> None:
    async def work() -> None:
        admission = Admission(1, 5)
        async with admission.place():
            gone, next_one = (asyncio.create_task(_enter(admission)) for _ in range(2))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.sleep(0)
            assert admission.waiting == 1
        await next_one
        assert (admission.active, admission.waiting) == (0, 0)

    run(work)


def test_once_it_is_closed_nobody_gets_in_and_who_waits_goes_on() -> None:
    async def work() -> None:
        admission = Admission(1, 5)
        async with admission.place():
            waiting = asyncio.create_task(_enter(admission))
            await asyncio.sleep(0)
            admission.close()
            assert not admission.is_open
            with pytest.raises(Busy, match="the server is stopping"):
                await _enter(admission)
            assert (admission.active, admission.waiting) == (1, 1)
        await waiting
        assert (admission.active, admission.waiting) == (0, 0)

    run(work)


def test_an_error_inside_gives_the_place_back() -> None:
    async def work() -> None:
        admission = Admission(1, 0)
        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                async with admission.place():
                    raise ValueError("no")
        assert (admission.active, admission.waiting) == (0, 0)

    run(work)


async def _enter(admission: Admission) -> None:
    async with admission.place():
        pass
