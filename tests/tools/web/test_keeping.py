"""What is left of what the client asked: in a cache, in a recording, in messages and logs; never a key."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from pydantic import SecretStr
from tests.faulty_server import Behaviour, hang, html, rate_limited, redirect, status
from tests.tools.service import Service, json_reply
from tests.tools.web.asking import KEY, OK, ask, read, request_to, run

from citerefine.refiner.errors import InputError, ReplayError
from citerefine.tools.web.client import WebClient
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.reply import Asked
from citerefine.tools.web.request import Auth
from citerefine.tools.web.store import StoreMode, WebStore


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


def test_a_key_that_the_service_repeats_is_masked_in_what_is_read_kept_and_said(tmp_path: Path) -> None:
    key = "ab+cd/ef=="
    auth = Auth(params=(("api_key", SecretStr(key)),))
    repeated = f"{key} {quote(key, safe='')} {quote_plus(key).lower()}"
    with Service([json_reply({"text": repeated}), status(400, repeated)]) as service:
        with WebStore(tmp_path / "run.db", StoreMode.RECORD) as store:
            asked = run(lambda web: web.ask(request_to(service), read, auth=auth), store)
            with pytest.raises(WebFailure) as caught:
                run(lambda web: web.ask(request_to(service, version=2), read, auth=auth), store)
        stored = (tmp_path / "run.db").read_bytes()
    assert service.asked[0].param("api_key") == key
    assert asked.value == "[key] [key] [key]"
    assert "[key] [key] [key]" in str(caught.value)
    assert not [form for form in repeated.split() if form.encode() in stored]


def test_no_log_record_of_the_http_library_holds_a_key(caplog: pytest.LogCaptureFixture) -> None:
    auth = Auth(headers=(("x-api-key", SecretStr(KEY)),), params=(("api_key", SecretStr(KEY)),))
    with (
        Service(redirect(f"/elsewhere?api_key={KEY}")) as service,
        caplog.at_level(logging.DEBUG),
        pytest.raises(WebFailure),
    ):
        run(lambda web: web.ask(request_to(service), read, auth=auth))
    said = [record for record in caplog.records if record.name.startswith("http")]
    assert {record.name for record in said} >= {"httpx2", "httpcore2.http11"}
    assert not [record for record in said if KEY in record.getMessage() or KEY in str(record.args)]


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


@pytest.mark.parametrize("script", [[hang()], [OK, hang()]], ids=["first", "again"])
def test_a_request_whose_reply_nobody_waited_for_can_be_replayed(script: list[Behaviour], tmp_path: Path) -> None:
    async def cut_off(web: WebClient) -> None:
        for number, _ in enumerate(script):
            asking = asyncio.create_task(web.ask(request_to(service), read))
            while len(service.asked) <= number:
                await asyncio.sleep(0.01)
            if number == len(script) - 1:
                asking.cancel()
            await asyncio.wait([asking])

    with Service(script) as service, WebStore(tmp_path / "run.db", StoreMode.RECORD) as store:
        run(cut_off, store)
    with WebStore(tmp_path / "run.db", StoreMode.REPLAY) as store:
        if OK in script:
            assert ask(service, store).value == "Perch doubled."
        else:
            with pytest.raises(WebFailure, match="was not waited for any longer") as caught:
                ask(service, store)
            assert caught.value.code == "deadline"


def test_a_cache_that_somebody_else_writes_to_costs_no_reply(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with Service(OK) as service, WebStore(path, StoreMode.CACHE) as store:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert ask(service, store).value == "Perch doubled."
        assert ask(service, store).cached is False
        assert ask(service, store).cached is True


def test_a_recording_waits_for_others_who_write_and_the_loop_goes_on_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "run.db"

    async def let_wait(web: WebClient) -> Asked:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            asking = asyncio.create_task(web.ask(request_to(service), read))
            await asyncio.wait([asking], timeout=0.5)
            assert not asking.done()
        return await asking

    with Service(OK) as service, WebStore(path, StoreMode.RECORD) as store:
        assert run(let_wait, store).value == "Perch doubled."


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
