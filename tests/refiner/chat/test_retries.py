"""A call is tried again when that may help, not too often, and never past its deadline."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.chat.failures import Failure, bad_response, read_retry_after, refused, unreachable
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.chat.retries import Retries

WHERE = "http://h/v1/chat/completions"


def overloaded(retry_after: str | None = None) -> Failure:
    return refused(WHERE, 503, {"retry-after": retry_after} if retry_after else {}, "", "")


def pauses(failures: list[Failure], **limits: float) -> list[float]:
    """How long is waited after each failure; raises the one after which it is given up."""

    async def run() -> list[float]:
        retries = Retries(ClientLimits.model_validate(limits), WHERE)
        return [retries.pause_after(failure) for failure in failures]

    return asyncio.run(run())


def test_pauses_are_drawn_below_a_bound_that_doubles() -> None:
    many = [pauses([overloaded()] * 4, attempts=5, backoff=1.0) for _ in range(200)]
    for attempt, bound in enumerate((1, 2, 4, 8)):
        drawn = [waits[attempt] for waits in many]
        assert max(drawn) <= bound
        assert max(drawn) > 0.8 * bound
        assert min(drawn) < 0.2 * bound


def test_no_pause_is_longer_than_twenty_seconds_unless_the_server_asks_for_it() -> None:
    assert max(pauses([overloaded()] * 29, attempts=30, backoff=10.0, deadline=9999)) <= 20
    assert pauses([overloaded("90")], deadline=9999) == [90]


def test_attempts_are_bounded() -> None:
    with pytest.raises(Failure, match="given up after 3 attempts"):
        pauses([overloaded()] * 3, attempts=3, backoff=0)


def test_a_single_attempt_is_not_called_given_up() -> None:
    with pytest.raises(Failure) as caught:
        pauses([overloaded()], attempts=1)
    assert "given up" not in str(caught.value)


def test_mangled_replies_are_tried_once_more_however_many_attempts_there_are() -> None:
    assert len(pauses([bad_response(WHERE, "x")], attempts=9)) == 1
    with pytest.raises(Failure):
        pauses([bad_response(WHERE, "x"), unreachable(WHERE, "y"), bad_response(WHERE, "x")], attempts=9)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422, 501])
def test_what_would_fail_again_is_not_tried_again(status: int) -> None:
    failure = refused(WHERE, status, {}, "", "")
    with pytest.raises(Failure) as caught:
        pauses([failure])
    assert caught.value is failure


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert pauses([refused(WHERE, status, {}, "", "")])


def test_a_pause_that_would_pass_the_deadline_is_not_begun() -> None:
    assert pauses([overloaded("1")], deadline=5) == [1]
    with pytest.raises(Failure, match="waiting 6 s would pass the deadline of 5 s"):
        pauses([overloaded("6")], deadline=5)


@given(st.floats(min_value=0, max_value=1e6))
def test_seconds_are_read_as_they_are_written(seconds: float) -> None:
    assert read_retry_after({"retry-after": f"{seconds:.3f}"}) == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize("write", [lambda when: format_datetime(when, usegmt=True), format_datetime, datetime.ctime])
def test_a_date_is_read_as_the_time_until_then(write: Callable[[datetime], str]) -> None:
    seconds = read_retry_after({"retry-after": write(datetime.now(UTC) + timedelta(seconds=60))})
    assert seconds is not None
    assert 57 < seconds <= 60


def test_a_date_in_the_past_is_no_wait() -> None:
    assert read_retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0


def test_milliseconds_win_over_seconds() -> None:
    assert read_retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25


@pytest.mark.parametrize("text", ["", " ", "soon", "-1", "1e9", "nan", "99999999999999", "Wed, 99 Foo", "٣"])
def test_what_is_no_wait_is_ignored(text: str) -> None:
    assert read_retry_after({"retry-after": text}) is None


def test_a_deadline_stops_what_hangs() -> None:
    async def run() -> None:
        retries = Retries(ClientLimits(deadline=0.05), WHERE)
        async with retries.deadline():
            await asyncio.sleep(5)

    with pytest.raises(Failure) as caught:
        asyncio.run(run())
    assert caught.value.code == "deadline"


def test_another_timeout_is_not_taken_for_the_deadline() -> None:
    async def run() -> None:
        async with Retries(ClientLimits(), WHERE).deadline():
            raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        asyncio.run(run())
