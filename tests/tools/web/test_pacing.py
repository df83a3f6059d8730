"""The way to one host: what it asks for holds for those, too, who are already on their way."""

import asyncio

import pytest

from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.pacing import Lane, Pace


def now() -> float:
    return asyncio.get_running_loop().time()


async def leave(lane: Lane, seconds: float) -> float:
    async with lane.turn(now() + seconds):
        return now()


def test_a_wish_to_be_left_alone_holds_for_requests_that_have_their_turn_already() -> None:
    async def held() -> tuple[float, list[float]]:
        lane = Lane("lake", Pace(per_second=5, at_once=4))
        await leave(lane, 10)
        others = [asyncio.create_task(leave(lane, 10)) for _ in range(3)]
        await asyncio.sleep(0)
        lane.hold(0.7)
        return now() + 0.7, await asyncio.gather(*others)

    until, left = asyncio.run(held())
    assert left[0] >= until - 0.01
    assert left[1] - left[0] >= 0.19
    assert left[2] - left[1] >= 0.19


def test_who_would_be_held_up_too_long_is_told() -> None:
    async def held() -> float:
        lane = Lane("lake", Pace(per_second=20, at_once=2))
        await leave(lane, 5)
        other = asyncio.create_task(leave(lane, 5))
        await asyncio.sleep(0)
        lane.hold(60)
        return await other

    with pytest.raises(WebFailure, match="lake may be asked again in") as caught:
        asyncio.run(held())
    assert caught.value.code == "rate_limited"
    assert caught.value.retry_after == pytest.approx(60, abs=5)


def test_a_place_that_does_not_become_free_in_time_is_no_fault_of_the_host() -> None:
    async def crowded() -> None:
        lane = Lane("lake", Pace(at_once=1))
        async with lane.turn(now() + 5):
            await leave(lane, 0.1)

    with pytest.raises(WebFailure, match=r"nothing was asked of lake: its turn did not come within 0\.1 s") as caught:
        asyncio.run(crowded())
    assert caught.value.code == "rate_limited"
