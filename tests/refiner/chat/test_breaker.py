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
        found.fail(found.enter(), "server_error", "server_error: 500")
    return found


@pytest.mark.parametrize("code", FAILURES)
def test_it_opens_after_so_many_failures_in_a_row(code: str) -> None:
    found = breaker(Clock())
    for _ in range(2):
        found.fail(found.enter(), code, f"{code}: it fails")
        assert found.admits
    found.fail(found.enter(), code, f"{code}: it fails")
    assert (found.state, found.admits, found.reason) == ("open", False, f"{code}: it fails")


@pytest.mark.parametrize("code", sorted({*CALL_FAILURES} - {*FAILURES}))
def test_what_says_that_a_server_lives_does_not_open_it(code: str) -> None:
    found = breaker(Clock())
    for _ in range(9):
        found.fail(found.enter(), code, code)
    assert found.state == "closed"


def test_a_success_between_failures_starts_the_count_anew() -> None:
    found = breaker(Clock())
    for _ in range(9):
        found.fail(found.enter(), "server_error", "x")
        found.succeed(found.enter())
    assert (found.state, found.failures, found.reason) == ("closed", 0, "")


def test_after_its_cool_down_one_call_tries_and_no_other() -> None:
    clock = Clock()
    found = opened(clock)
    clock.now += 7.4
    assert not found.admits
    clock.now += 5.2
    assert (found.state, found.admits) == ("half-open", True)
    entry = found.enter()
    assert (found.state, found.admits) == ("half-open", False)
    found.succeed(entry)
    assert (found.state, found.admits) == ("closed", True)


def test_a_try_that_fails_doubles_the_cool_down_up_to_a_minute() -> None:
    clock = Clock()
    found = opened(clock)
    for least in (20, 40, 60, 60):
        clock.now += found.wait
        assert found.admits
        found.fail(found.enter(), "unreachable", "x")
        assert 0.74 * least < found.wait < 1.26 * least


def test_a_try_that_was_cancelled_leaves_the_place_to_another() -> None:
    clock = Clock()
    found = opened(clock)
    clock.now += 20
    found.leave(found.enter())
    assert found.admits


def test_what_becomes_of_calls_that_began_before_it_opened_is_no_news() -> None:
    clock = Clock()
    found = breaker(clock)
    old = [found.enter() for _ in range(9)]
    for entry in old[:3]:
        found.fail(entry, "server_error", "x")
    until = found.wait
    found.fail(old[3], "server_error", "x")
    found.succeed(old[4])
    assert (found.state, found.wait) == ("open", until)
    clock.now += until
    trying = found.enter()
    found.leave(old[5])
    found.fail(old[6], "server_error", "x")
    found.succeed(old[7])
    assert (found.state, found.admits, found.wait) == ("half-open", False, 0)
    found.succeed(trying)
    found.fail(old[8], "server_error", "x")
    assert (found.state, found.failures) == ("closed", 0)


def test_a_try_before_its_time_closes_it_or_changes_nothing() -> None:
    clock = Clock()
    found = opened(clock)
    until = found.wait
    early = found.enter()
    assert (found.state, found.admits) == ("half-open", False)
    found.fail(early, "unreachable", "x")
    assert (found.state, found.wait, found.failed_tries) == ("open", until, 1)
    found.succeed(found.enter())
    assert (found.state, found.admits) == ("closed", True)


def test_one_that_is_out_stays_out() -> None:
    clock = Clock()
    found = breaker(clock)
    entry = found.enter()
    found.eject("unauthorized: no")
    found.succeed(entry)
    clock.now += 1e6
    assert (found.state, found.admits, found.reason) == ("out", False, "unauthorized: no")
