"""The client of services: one outcome for each request, whatever the service does, and nothing asked in vain."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.faulty_server import (
    Behaviour,
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

from citerefine.refiner.errors import InputError, ReplayError
from citerefine.tools.sources.wire import json_object
from citerefine.tools.web.client import Asked, WebClient, WebLimits
from citerefine.tools.web.failures import FAILURES, WebFailure
from citerefine.tools.web.pacing import Pace
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import Auth, WebRequest
from citerefine.tools.web.store import StoreMode, WebStore

KEY = "very-secret-key-0123456789"
BODY = b'{"text": "Perch doubled."}'
OK = raw(BODY)


def read(reply: WebReply) -> str:
    text = json_object(reply).get("text")
    if not isinstance(text, str):
        raise ValueError("it has no text")
    return text


def request_to(service: Service, **values: Any) -> WebRequest:
    return WebRequest(**{"source": "lake", "url": f"{service.base_url}/search", **values})


def run(work: Callable[[WebClient], Coroutine[Any, Any, Any]], store: WebStore | None = None, **limits: Any) -> Any:
    async def inner() -> Any:
        async with WebClient(store, WebLimits(**{"deadline": 5, "backoff": 0.01, **limits})) as web:
            return await work(web)

    return asyncio.run(inner())


def ask(service: Service, store: WebStore | None = None, **limits: Any) -> Asked:
    asked: Asked = run(lambda web: web.ask(request_to(service), read), store, **limits)
    return asked


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


def test_a_stated_rate_limit_slows_it_down() -> None:
    headers = {"X-Rate-Limit-Limit": "10", "X-Rate-Limit-Interval": "1s"}

    async def many(web: WebClient) -> None:
        for number in range(4):
            await web.ask(request_to(service, params=(("q", str(number)),)), read)

    with Service(json_reply({"text": "x"}, headers=headers)) as service:
        run(many)
    assert service.asked[-1].at - service.asked[1].at >= 0.19


def test_a_key_goes_along_and_is_in_no_message_and_no_store(tmp_path: Path) -> None:
    auth = Auth(headers=(("x-api-key", SecretStr(KEY)),), params=(("api_key", SecretStr(KEY)),))
    leaky = status(403, f"the key {KEY} is not valid")
    with Service([OK, leaky, redirect(f"http://elsewhere/?api_key={KEY}")]) as service:
        with WebStore(tmp_path / "run.db", StoreMode.RECORD) as store:
            run(lambda web: web.ask(request_to(service), read, auth=auth), store)
            for refused in (request_to(service, params=(("q", query),)) for query in ("denied", "moved")):
                with pytest.raises(WebFailure) as caught:
                    run(partial(WebClient.ask, request=refused, read=read, auth=auth), store)
                assert KEY not in str(caught.value)
        stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert service.asked[0].headers["x-api-key"] == KEY
    assert service.asked[0].param("api_key") == KEY
    assert KEY.encode() not in stored


def test_a_cache_spares_the_service_and_says_so(tmp_path: Path) -> None:
    with Service(OK) as service, WebStore(tmp_path / "cache.db", StoreMode.CACHE) as store:
        first, second = ask(service, store), ask(service, store)
    assert (first.value, first.cached) == (second.value, not second.cached) == ("Perch doubled.", False)
    assert first.fetched_at == second.fetched_at
    assert len(service.asked) == 1


@pytest.mark.parametrize("behaviour", [rate_limited("600"), html(), json_reply({"error": "no"}), status(500)])
def test_a_cache_never_keeps_what_is_no_reply(behaviour: Behaviour, tmp_path: Path) -> None:
    with WebStore(tmp_path / "cache.db", StoreMode.CACHE) as store:
        with Service(behaviour) as service, pytest.raises(WebFailure):
            ask(service, store, attempts=1)
        service_two = Service(OK)
        with service_two:
            assert ask(service_two, store).cached is False


def test_a_recording_is_replayed_without_a_service_failures_too(tmp_path: Path) -> None:
    with Service([OK, status(404, "gone")]) as service, WebStore(tmp_path / "run.db", StoreMode.RECORD) as store:
        recorded = ask(service, store)
        gone = request_to(service, params=(("q", "gone"),))
        with pytest.raises(WebFailure) as first:
            run(lambda web: web.ask(gone, read), store)
    with WebStore(tmp_path / "run.db", StoreMode.REPLAY) as store:
        replayed = ask(service, store)
        with pytest.raises(WebFailure) as second:
            run(lambda web: web.ask(gone, read), store)
    assert (replayed.value, replayed.fetched_at, replayed.cached) == (recorded.value, recorded.fetched_at, True)
    assert (str(first.value), first.value.code) == (str(second.value), second.value.code)


def test_a_replay_miss_names_the_request_and_what_is_nearest(tmp_path: Path) -> None:
    with Service(OK) as service, WebStore(tmp_path / "run.db", StoreMode.RECORD) as store:
        run(lambda web: web.ask(request_to(service, params=(("q", "perch"),)), read), store)
    with WebStore(tmp_path / "run.db", StoreMode.REPLAY) as store, pytest.raises(ReplayError) as caught:
        run(lambda web: web.ask(request_to(service, params=(("q", "roach"),)), read), store)
    assert "does not hold the request: GET" in str(caught.value)
    assert "q='roach'; nearest to it is: GET" in str(caught.value)
    assert "q='perch'" in str(caught.value)


def test_what_cannot_be_a_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database at all, but long enough to be looked into" * 50)
    with pytest.raises(InputError, match="cannot be used as a store"):
        WebStore(tmp_path / "notes.txt", StoreMode.CACHE)
    with pytest.raises(InputError, match="does not exist"):
        WebStore(tmp_path / "none.db", StoreMode.REPLAY)
