"""The client of services: one outcome for each request, whatever the service does, and nothing asked in vain."""

import asyncio
import gc
import weakref
from typing import Any

import pytest
from tests.faulty_server import (
    Behaviour,
    Line,
    Request,
    brackets,
    date_in,
    drip,
    gzip_bomb,
    hang,
    html,
    rate_limited,
    raw,
    redirect,
    reset_mid_body,
    status,
)
from tests.tools.service import Service, json_reply
from tests.tools.web.asking import BODY, OK, ask, read, request_to, run

from citerefine.tools.web.client import WebClient
from citerefine.tools.web.failures import FAILURES, WebFailure
from citerefine.tools.web.pacing import Pace


def failure(service: Service, **limits: Any) -> WebFailure:
    with pytest.raises(WebFailure) as caught:
        ask(service, **limits)
    assert caught.value.code in FAILURES
    return caught.value


def test_what_is_sent_is_what_was_asked_and_nothing_becomes_another_parameter() -> None:
    with Service(OK) as service:
        params = (("q", "AT&T & year=1900"), ("é", "a+b#c?d"))
        request = request_to(service, params=params, headers=(("Accept", "x/y"),))
        assert run(lambda web: web.ask(request, read)).value == "Perch doubled."
        post = request_to(service, method="POST", body={"q": "AT&T"})
        run(lambda web: web.ask(post, read))
    first, second = service.asked
    assert (first.method, first.path, first.params) == ("GET", "/search", [*request.params])
    assert first.headers["accept"] == "x/y"
    assert first.headers["user-agent"].startswith("citerefine/")
    assert (second.method, second.body) == ("POST", {"q": "AT&T"})
    assert second.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("behaviour", "code", "n_asked"),
    [
        (status(500), "server_error", 3),
        (status(503), "server_error", 3),
        (status(400), "bad_request", 1),
        (status(401), "unauthorized", 1),
        (status(402), "unauthorized", 1),
        (status(403), "unauthorized", 1),
        (status(404), "not_found", 1),
        (raw(b"", 204), "bad_response", 2),
        (redirect("http://169.254.169.254/latest"), "moved", 1),
        (rate_limited("600"), "rate_limited", 1),
        (reset_mid_body(BODY), "unreachable", 3),
        (html(), "bad_response", 2),
        (raw(b""), "bad_response", 2),
        (raw(b'{"text": "Per'), "bad_response", 2),
        (raw(b'{"text": NaN}'), "bad_response", 2),
        (raw(b'{"text": "a"}{"text": "b"}'), "bad_response", 2),
        (brackets(10_000), "bad_response", 2),
        (json_reply([]), "bad_response", 2),
        (json_reply({}), "bad_response", 2),
        (raw(b"x" * 200_000), "too_large", 1),
        (gzip_bomb(50_000_000), "too_large", 1),
        (raw(b"{}", headers={"Content-Encoding": "gzip"}), "bad_response", 2),
        (raw(b"{}", headers={"Content-Encoding": "br"}), "bad_response", 2),
    ],
)
def test_each_fault_is_one_failure_and_only_what_may_help_is_tried_again(
    behaviour: Behaviour, code: str, n_asked: int
) -> None:
    with Service(behaviour) as service:
        assert failure(service, reply_bytes=100_000).code == code
    assert len(service.asked) == n_asked


def test_a_body_that_lacks_what_is_read_is_no_reply() -> None:
    with Service([raw(b"{}"), OK]) as service:
        assert ask(service).value == "Perch doubled."
    assert len(service.asked) == 2


@pytest.mark.parametrize("behaviour", [drip(0.2, BODY), hang()], ids=["drip", "hang"])
def test_the_deadline_holds_for_all_attempts_together(behaviour: Behaviour) -> None:
    with Service(behaviour) as service:
        late = failure(service, deadline=0.3)
    assert late.code == "deadline"
    assert len(service.asked) == 1
    assert "within 0.3 s" in str(late)


def test_nobody_there_is_unreachable() -> None:
    with Service(OK) as service:
        pass
    assert failure(service).code == "unreachable"


@pytest.mark.parametrize("wish", ["0.05", lambda: date_in(1)], ids=["seconds", "date"])
def test_it_comes_back_when_the_service_says(wish: Any) -> None:
    with Service([rate_limited(wish if isinstance(wish, str) else wish()), OK]) as service:
        assert ask(service).value == "Perch doubled."
    assert len(service.asked) == 2


def test_after_a_wish_to_wait_nobody_asks_the_host_until_then() -> None:
    async def twice(web: WebClient) -> WebFailure:
        with pytest.raises(WebFailure):
            await web.ask(request_to(service), read)
        with pytest.raises(WebFailure) as caught:
            await web.ask(request_to(service, params=(("q", "roach"),)), read)
        return caught.value

    with Service(rate_limited("600")) as service:
        second = run(twice)
    assert second.code == "rate_limited"
    assert second.retry_after == pytest.approx(600, abs=5)
    assert len(service.asked) == 1


def test_a_host_that_keeps_failing_is_left_alone() -> None:
    async def many(web: WebClient) -> list[str]:
        codes = []
        for number in range(4):
            with pytest.raises(WebFailure) as caught:
                await web.ask(request_to(service, params=(("q", str(number)),)), read)
            codes.append(caught.value.code)
        return codes

    with Service(status(500)) as service:
        assert run(many) == ["server_error", "resting", "resting", "resting"]
    assert len(service.asked) == 5


def test_equal_requests_under_way_are_sent_once() -> None:
    async def many(web: WebClient) -> set[str]:
        return {one.value for one in await asyncio.gather(*(web.ask(request_to(service), read) for _ in range(20)))}

    with Service(OK) as service:
        assert run(many) == {"Perch doubled."}
    assert len(service.asked) == 1


def test_a_pace_is_kept_and_no_more_requests_are_under_way_than_it_says() -> None:
    pace = Pace(per_second=20, at_once=2)

    async def many(web: WebClient) -> None:
        requests = (request_to(service, params=(("q", str(number)),)) for number in range(8))
        await asyncio.gather(*(web.ask(request, read, pace=pace) for request in requests))

    with Service(OK) as service:
        run(many)
    came = sorted(asked.at for asked in service.asked)
    assert len(came) == 8
    assert came[-1] - came[0] >= 7 / 20 * 0.95
    assert service.busiest <= 2


def test_who_would_wait_beyond_the_deadline_is_told_at_once() -> None:
    async def many(web: WebClient) -> list[str]:
        requests = (request_to(service, params=(("q", str(number)),)) for number in range(4))
        asked = (web.ask(request, read, pace=Pace(per_second=0.2, at_once=1)) for request in requests)
        pages = await asyncio.gather(*asked, return_exceptions=True)
        return [getattr(page, "code", "ok") for page in pages]

    with Service(OK) as service:
        assert run(many, deadline=3) == ["ok", "rate_limited", "rate_limited", "rate_limited"]
    assert len(service.asked) == 1


def test_requests_that_waited_for_their_turn_in_vain_do_not_count_against_the_host() -> None:
    async def crowd(web: WebClient) -> list[str]:
        requests = [request_to(service, params=(("q", str(number)),)) for number in range(9)]
        asked = (web.ask(request, read, pace=Pace(at_once=1)) for request in requests[:8])
        ended = await asyncio.gather(*asked, return_exceptions=True)
        behaviour.append(OK)
        return [getattr(one, "code", "ok") for one in (*ended, await web.ask(requests[8], read))]

    behaviour = [hang()]  # of those behind it, one may be sent at the last moment
    with Service(route=lambda _: behaviour[-1]) as service:
        first, *others, last = run(crowd, deadline=0.5, attempts=1)
    assert (first, last) == ("deadline", "ok")
    assert set(others) <= {"rate_limited", "deadline"}


def test_a_host_that_was_asked_late_is_not_called_too_slow() -> None:
    def after_a_while(request: Request, line: Line) -> None:
        line.wait(1.2)
        OK(request, line)

    async def crowd(web: WebClient) -> str:
        requests = [request_to(service, params=(("q", str(number)),)) for number in range(11)]
        asked = (web.ask(request, read, pace=Pace(at_once=5)) for request in requests[:10])
        ended = await asyncio.gather(*asked, return_exceptions=True)
        assert [getattr(one, "code", "ok") for one in ended] == [*["ok"] * 5, *["deadline"] * 5]
        return str((await web.ask(requests[10], read)).value)

    with Service([*[after_a_while] * 5, *[hang()] * 5, OK]) as service:
        assert run(crowd, deadline=2, attempts=1) == "Perch doubled."


def test_a_stated_rate_limit_slows_it_down() -> None:
    headers = {"X-Rate-Limit-Limit": "10", "X-Rate-Limit-Interval": "1s"}

    async def many(web: WebClient) -> None:
        for number in range(4):
            await web.ask(request_to(service, params=(("q", str(number)),)), read)

    with Service(json_reply({"text": "x"}, headers=headers)) as service:
        run(many)
    assert service.asked[-1].at - service.asked[1].at >= 0.19


def test_requests_under_way_end_when_it_is_closed_and_nothing_is_asked_afterwards() -> None:
    async def close(web: WebClient) -> list[BaseException]:
        requests = [request_to(service, params=(("q", str(number)),)) for number in range(5)]
        asking = [asyncio.create_task(web.ask(request, read)) for request in requests[:4]]
        while len(service.asked) < 2:
            await asyncio.sleep(0.01)
        await web.aclose()
        ended = await asyncio.gather(*asking, web.ask(requests[4], read), return_exceptions=True)
        return [one for one in ended if isinstance(one, BaseException)]

    with Service(hang()) as service:
        ended = run(close)
        n_asked = len(service.asked)
    assert [getattr(one, "code", one) for one in ended] == ["unreachable"] * 5
    assert str(ended[4]) == f"{service.host} is asked nothing more: the client is closed"
    assert n_asked <= 4


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_event_loop_that_ended_without_closing_is_not_kept() -> None:
    web = WebClient()

    async def ask_there() -> weakref.ref[asyncio.AbstractEventLoop]:
        await web.ask(request_to(service), read)
        return weakref.ref(asyncio.get_running_loop())

    with Service(OK) as service:
        ended = [asyncio.run(ask_there()) for _ in range(3)]
        asyncio.run(web.aclose())
    gc.collect()
    assert [loop() for loop in ended] == [None, None, None]
