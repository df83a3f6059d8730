"""An endpoint that fails again and again is left alone, and tried by one call when its time has come."""

import pytest

from citerefine.refiner.chat.breaker import FAILURES, Breaker
from citerefine.refiner.errors import CALL_FAILURES


class Clock:
    """A clock that the test moves."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def breaker(clock: Clock, most: int = 3) -> Breaker:
    return Breaker(most, 10.0, clock)


def opened(clock: Clock) -> Breaker:
    found = breaker(clock)
    for _ in range(3):
        found.enter()
        found.fail("server_error", "server_error: 500")
    return found


@pytest.mark.parametrize("code", FAILURES)
def test_it_opens_after_so_many_failures_in_a_row(code: str) -> None:
    found = breaker(Clock())
    for _ in range(2):
        found.enter()
        found.fail(code, f"{code}: it fails")
        assert found.admits
    found.enter()
    found.fail(code, f"{code}: it fails")
    assert (found.state, found.admits, found.reason) == ("open", False, f"{code}: it fails")


@pytest.mark.parametrize("code", sorted({*CALL_FAILURES} - {*FAILURES}))
def test_what_says_that_a_server_lives_does_not_open_it(code: str) -> None:
    found = breaker(Clock())
    for _ in range(9):
        found.enter()
        found.fail(code, code)
    assert found.state == "closed"


def test_a_success_between_failures_starts_the_count_anew() -> None:
    found = breaker(Clock())
    for _ in range(9):
        found.enter()
        found.fail("server_error", "x")
        found.enter()
        found.succeed()
    assert (found.state, found.failures, found.reason) == ("closed", 0, "")


def test_after_its_cool_down_one_call_tries_and_no_other() -> None:
    clock = Clock()
    found = opened(clock)
    clock.now += 7.4
    assert not found.admits
    clock.now += 5.2
    assert (found.state, found.admits) == ("half-open", True)
    found.enter()
    assert (found.state, found.admits) == ("half-open", False)
    found.succeed()
    assert (found.state, found.admits) == ("closed", True)


def test_a_try_that_fails_doubles_the_cool_down_up_to_a_minute() -> None:
    clock = Clock()
    found = opened(clock)
    for least in (20, 40, 60, 60):
        clock.now += found.wait
        assert found.admits
        found.enter()
        found.fail("unreachable", "x")
        assert 0.74 * least < found.wait < 1.26 * least


def test_a_try_that_was_cancelled_leaves_the_place_to_another() -> None:
    clock = Clock()
    found = opened(clock)
    clock.now += 20
    found.enter()
    found.leave()
    assert found.admits


def test_failures_of_calls_that_were_under_way_do_not_prolong_it() -> None:
    clock = Clock()
    found = opened(clock)
    until = found.wait
    for _ in range(50):
        found.fail("server_error", "x")
    assert found.wait == until


def test_one_that_is_out_stays_out() -> None:
    clock = Clock()
    found = breaker(clock)
    found.eject("unauthorized: no")
    found.succeed()
    clock.now += 1e6
    assert (found.state, found.admits, found.reason) == ("out", False, "unauthorized: no")
