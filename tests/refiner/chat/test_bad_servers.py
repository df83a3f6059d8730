"""Each way in which a server can be bad has one defined outcome, within the deadline and within bounds."""

import asyncio
import logging
import pickle
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from tests.faulty_server import (
    Behaviour,
    FaultyServer,
    Line,
    Request,
    brackets,
    chunks,
    date_in,
    drip,
    edited,
    event,
    gzip_bomb,
    hang,
    html,
    huge,
    rate_limited,
    raw,
    redirect,
    reset_mid_body,
    says,
    status,
    stream_of,
    truncated,
)
from tests.refiner.chat.asking import SWIFT, asking, call_of, complete, failure, stream

from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CALL_FAILURES, CallError

KEY = "planted-key-5bc1"
SHORT = ClientLimits(deadline=0.5, attempts=3, backoff=0.01)
ROOMY = ClientLimits(deadline=30, attempts=3, backoff=0.01)  # for what has another outcome, on a busy machine too
BUSY = 1.0
"""Seconds beyond 1.2 deadlines for opening client and server, on a machine that has other things to do."""
PLENTY = b'{"choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}], "usage": '


def first_choice(**changes: Any) -> Behaviour:
    """A completion whose choice is not what it should be."""
    return edited(lambda value: value["choices"][0].update(changes))


def late_date(request: Request, line: Line) -> None:
    """429 until a date ten minutes ahead of the request, not of the moment at which tests are collected."""
    rate_limited(date_in(600))(request, line)


FAULTS: dict[str, tuple[Behaviour, str, int]] = {
    "401": (status(401, f"Incorrect API key provided: {KEY}"), "unauthorized", 1),
    "403": (status(403), "unauthorized", 1),
    "404": (status(404, "no such model"), "no_such_model", 1),
    "redirect": (redirect("http://127.0.0.1:9/v1?key=x"), "no_such_model", 1),
    "400": (status(400, "temperature must be at most 2"), "bad_request", 1),
    "402": (status(402, "no credits"), "bad_request", 1),
    "422": (status(422), "bad_request", 1),
    "context, vLLM": (status(400, "This model's maximum context length is 2048 tokens."), "context_exceeded", 1),
    "context, llama.cpp": (status(400, "too long", type="exceed_context_size_error"), "context_exceeded", 1),
    "context, OpenAI": (status(400, "too long", code="context_length_exceeded"), "context_exceeded", 1),
    "429 for long": (rate_limited("600"), "rate_limited", 1),
    "429 until a late date": (late_date, "rate_limited", 1),
    "429 for good": (status(429, "pay", code="insufficient_quota"), "rate_limited", 1),
    "429 always": (status(429), "rate_limited", 3),
    "500 always": (status(500), "server_error", 3),
    "503 always": (status(503), "server_error", 3),
    "500 with a page": (raw(b"<html>" * 9999, 500), "server_error", 3),
    "reset": (reset_mid_body(), "unreachable", 3),
    "hang": (hang(), "deadline", 1),
    "drip": (drip(0.01), "deadline", 1),
    "html": (html(), "bad_response", 2),
    "empty body": (raw(b""), "bad_response", 2),
    "truncated": (truncated(), "bad_response", 2),
    "no choices": (raw(b'{"object": "chat.completion"}'), "bad_response", 2),
    "empty choices": (edited(lambda value: value.update(choices=[])), "bad_response", 2),
    "two choices": (edited(lambda value: value["choices"].append(value["choices"][0])), "bad_response", 2),
    "another choice": (first_choice(index=1), "bad_response", 2),
    "another role": (first_choice(message={"role": "user", "content": "x"}), "bad_response", 2),
    "a list": (raw(b"[]"), "bad_response", 2),
    "null": (raw(b"null"), "bad_response", 2),
    "content is a number": (first_choice(message={"content": 7}), "bad_response", 2),
    "no finish reason": (first_choice(finish_reason=None), "bad_response", 2),
    "broken off": (first_choice(finish_reason="abort"), "bad_response", 2),
    "tool without name": (first_choice(message={"tool_calls": [{"function": {}}]}), "bad_response", 2),
    "error with 200": (raw(b'{"error": {"code": 502, "message": "upstream"}}'), "server_error", 3),
    "refused with 200": (raw(b'{"error": {"code": 401, "message": "who?"}}'), "unauthorized", 1),
    "NaN": (raw(PLENTY + b"NaN}"), "bad_response", 2),
    "infinity": (raw(PLENTY + b"1e999}"), "bad_response", 2),
    "an endless number": (raw(PLENTY + b"9" * 9999 + b"}"), "bad_response", 2),
    "brackets": (brackets(100_000), "bad_response", 2),
    "objects": (raw(b'{"a":' * 100_000), "bad_response", 2),
    "no UTF-8": (raw(b"\xff\xfe{}"), "bad_response", 2),
    "unknown packing": (raw(b"x", headers={"Content-Encoding": "br"}), "bad_response", 2),
    "broken packing": (raw(b"x" * 99, headers={"Content-Encoding": "gzip"}), "bad_response", 2),
    "huge": (huge(10_000_000), "too_large", 1),
    "gzip bomb": (gzip_bomb(30_000_000), "too_large", 1),
    "gzip bomb with 500": (gzip_bomb(30_000_000, 500), "server_error", 3),
}
STREAM_FAULTS: dict[str, tuple[Behaviour, str, int]] = {
    "no event": (stream_of([]), "unreachable", 3),
    "done at once": (stream_of([b"data: [DONE]\n\n"]), "unreachable", 3),
    "no JSON": (stream_of([b"data: {\n\n"]), "bad_response", 2),
    "a huge event": (stream_of([b"data: " + b"x" * 5_000_000]), "too_large", 1),
    "an error": (stream_of([event({"error": {"code": 503, "message": "busy"}})]), "server_error", 3),
    "two streams in one": (stream_of([event({"id": id, "choices": []}) for id in "ab"]), "bad_response", 2),
    "another index": (stream_of([event({"choices": [{"index": 3, "delta": {"content": "x"}}]})]), "bad_response", 2),
}


@pytest.fixture(autouse=True)
def _planted_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


# A stream of many small pieces is bounded by its deadline; one huge event stands in STREAM_FAULTS.
WAYS = [(name, streamed) for name in FAULTS for streamed in (False, True) if (name, streamed) != ("huge", True)]


@pytest.mark.parametrize(("name", "streamed"), WAYS)
def test_a_fault_has_one_outcome(name: str, streamed: bool) -> None:
    fault, code, attempts = FAULTS[name]
    limits = SHORT if code == "deadline" else ROOMY
    with FaultyServer(fault) as server:
        begin = time.perf_counter()
        error = failure(server, limits, streamed=streamed)
        took = time.perf_counter() - begin
        assert (error.code, len(server.chats)) == (code, attempts)
    assert error.code in CALL_FAILURES
    assert took < 1.2 * limits.deadline + BUSY
    assert server.base_url in str(error)
    assert len(str(error)) < 900
    assert str(error).isprintable()


@pytest.mark.parametrize("name", STREAM_FAULTS)
def test_a_fault_of_a_stream_has_one_outcome(name: str) -> None:
    fault, code, attempts = STREAM_FAULTS[name]
    with FaultyServer(fault) as server:
        assert failure(server, ROOMY, streamed=True).code == code
        assert len(server.chats) == attempts


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", ["401", "404", "400", "429 for long", "500 always", "html", "reset", "hang", "huge"])
def test_the_key_shows_nowhere(name: str, streamed: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultyServer(FAULTS[name][0]) as server:
        error = failure(server, SHORT if name == "hang" else ROOMY, streamed=streamed)
        assert server.chats[0].headers["authorization"] == f"Bearer {KEY}"
    shown = [str(error), repr(error), "".join(traceback.format_exception(error)), caplog.text]
    behind: BaseException | None = error
    while behind is not None:
        shown += [str(behind), repr(vars(behind)), repr(getattr(getattr(behind, "request", None), "headers", None))]
        behind = behind.__context__ or behind.__cause__
    assert KEY not in "".join(shown)
    assert KEY.encode() not in pickle.dumps(error)


@pytest.mark.parametrize(
    "place",
    [
        lambda value: value.update(id=KEY * 3, choices=7),
        lambda value: value.update(error={"message": KEY}, choices=[]),
        lambda value: value["choices"][0].update(finish_reason=None, message={"content": " " * 1990 + KEY}),
        lambda value: value["choices"][0].update(index=KEY),
    ],
)
def test_a_server_that_sends_the_key_back_cannot_put_it_into_messages(
    place: Callable[[dict[str, Any]], object],
) -> None:
    with FaultyServer(edited(place)) as server:
        assert KEY not in str(failure(server))


def test_a_key_goes_to_the_endpoint_only() -> None:
    with FaultyServer(says("Hello.")) as other, FaultyServer(redirect(other.base_url)) as server:
        assert failure(server).code == "no_such_model"
        assert not other.requests
        assert "307" in str(failure(server))


def test_the_account_of_openai_is_named_to_openai_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-planted")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-planted")
    with FaultyServer(says("Hello.")) as server:
        complete(server)
        assert all("planted" not in str(request.headers).replace(KEY, "") for request in server.requests)
        assert len(server.requests) == 2


def test_a_burst_of_500_is_waited_out() -> None:
    with FaultyServer([status(500), status(502), says("Hello.")]) as server:
        assert complete(server).text == "Hello."
        assert len(server.chats) == 3
    with FaultyServer([status(500), status(502), says("Hello.")]) as server:
        assert stream(server)[1].text == "Hello."
        assert len(server.chats) == 3


@pytest.mark.parametrize("header", ["0.3", "date"])
def test_retry_after_is_honoured(header: str) -> None:
    with FaultyServer([rate_limited(date_in(1.2) if header == "date" else header), says("Hello.")]) as server:
        begin = time.perf_counter()
        assert complete(server).text == "Hello."
        took = time.perf_counter() - begin
    assert 0.15 <= took < 2


def test_a_wait_beyond_the_deadline_fails_at_once_and_says_so() -> None:
    with FaultyServer(rate_limited("600")) as server:
        begin = time.perf_counter()
        error = failure(server)
        assert time.perf_counter() - begin < 1
    assert error.retryable
    assert "600 s would pass the deadline" in str(error)


def test_a_key_that_the_server_repeats_in_its_reply_is_taken_out() -> None:
    with FaultyServer(says(lambda request: f"You sent {request.headers['authorization']}.")) as server:
        assert complete(server).text == "You sent Bearer [key]."


def test_attempts_are_bounded_and_counted() -> None:
    with FaultyServer(status(500)) as server:
        assert "given up after 3 attempts" in str(failure(server, ClientLimits(attempts=3, backoff=0)))


def test_a_deadline_says_what_went_wrong_last() -> None:
    with FaultyServer([status(503, "still loading"), hang()]) as server:
        error = failure(server, SHORT)
    assert error.code == "deadline"
    assert "still loading" in str(error)


def test_a_deadline_holds_for_all_attempts_together() -> None:
    with FaultyServer(says("Hello.", after=0.2)) as fast, FaultyServer(status(500)) as server:
        assert complete(fast, limits=ROOMY).text == "Hello."
        begin = time.perf_counter()
        failure(server, ClientLimits(deadline=0.5, attempts=1000, backoff=0.2))
        assert time.perf_counter() - begin < 1.2 * 0.5 + BUSY


def test_a_deadline_holds_where_the_list_of_models_hangs() -> None:
    with FaultyServer(says("Hello."), models=hang()) as server:
        begin = time.perf_counter()
        assert failure(server, SHORT).code == "deadline"
        assert time.perf_counter() - begin < 1.2 * 0.5 + BUSY


def test_a_slow_reader_of_a_stream_is_not_interrupted_but_gets_no_more() -> None:
    async def read_slowly(client: ChatClient) -> tuple[list[object], CallError]:
        items: list[object] = []
        try:
            async for item in client.stream(call_of()):
                items.append(item)
                await asyncio.sleep(0.3)  # goes beyond the deadline unharmed: it is the reader's own time
        except CallError as error:
            return items, error
        raise AssertionError("the stream outlived its deadline")

    with FaultyServer(drip_stream(0.1)) as server:
        items, error = asking(server, read_slowly, ClientLimits(deadline=1))
    assert 1 < len(items) < 5
    assert error.code == "deadline"


def drip_stream(seconds: float) -> Behaviour:
    """A good stream that takes its time."""

    def behave(request: Request, line: Line) -> None:
        line.send(line.head(headers={"Content-Type": "text/event-stream"}))
        for chunk in chunks(request, "word " * 20):
            if not line.wait(seconds):
                return
            line.send(event(chunk))

    return behave


def broken_stream(how: str) -> Behaviour:
    """A stream that has begun well."""

    def behave(request: Request, line: Line) -> None:
        good = [event(chunk) for chunk in chunks(request, "Hello there.")][:3]
        bad: dict[str, Callable[[], Iterator[bytes]]] = {
            "ends early": lambda: iter(()),
            "is reset": lambda: iter(()),
            "reports an error": lambda: iter([event({"error": {"message": "out of memory"}})]),
            "turns to garbage": lambda: iter([b"data: {]\n\n"]),
            "mixes in another": lambda: iter([event({"id": "chatcmpl-another", "choices": []})]),
        }
        stream_of([*good, *bad[how]()], reset=how == "is reset")(request, line)

    return behave


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("ends early", "unreachable"),
        ("is reset", "unreachable"),
        ("reports an error", "server_error"),
        ("turns to garbage", "bad_response"),
        ("mixes in another", "bad_response"),
    ],
)
def test_a_stream_that_breaks_after_its_first_piece_is_not_begun_anew(how: str, code: str) -> None:
    with FaultyServer([broken_stream(how), says("Hello.")]) as server:
        assert failure(server, streamed=True).code == code
        assert len(server.chats) == 1


def test_a_mangled_reply_is_asked_for_once_more() -> None:
    with FaultyServer([html(), says("Hello.")]) as server:
        assert complete(server).text == "Hello."
    with FaultyServer([html(), says("Hello.")]) as server:
        assert stream(server)[1].text == "Hello."


def test_a_reply_to_another_request_is_noticed_once_the_server_has_shown_its_ids() -> None:
    stray = edited(lambda value: value.update(id="chatcmpl-" + "0" * 32))

    async def ask(client: ChatClient) -> list[str]:
        return [(await client.complete(call_of(f"Say {number}."))).text for number in range(2)]

    with FaultyServer([says("One."), stray, says("Two.")]) as server:
        assert asking(server, ask) == ["One.", "Two."]
        assert len(server.chats) == 3


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_output_that_was_cut_is_a_reply_that_says_so(streamed: bool) -> None:
    with FaultyServer(says("Hello", finish="length")) as server:
        reply = stream(server)[1] if streamed else complete(server)
    assert (reply.text, reply.finish) == ("Hello", "length")


@pytest.mark.parametrize("name", ["huge", "gzip bomb", "gzip bomb with 500", "brackets"])
def test_memory_stays_bounded(name: str) -> None:
    with FaultyServer(FAULTS[name][0]) as server:
        failure(server)  # loads what has to be loaded
        tracemalloc.start()
        begin, _ = tracemalloc.get_traced_memory()
        failure(server)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    # The body of "huge" is made by the server in this very process: its text, JSON and bytes.
    assert peak - begin < SWIFT.reply_bytes * 3 + (50_000_000 if name == "huge" else 0)


def test_an_unreachable_server_is_named() -> None:
    with FaultyServer(says("Hello.")) as server:
        pass
    error = failure(server)
    assert (error.code, error.retryable) == ("unreachable", True)
    assert f"{server.base_url}/" in str(error)


def test_a_broken_request_does_not_harm_those_beside_it() -> None:
    async def ask(client: ChatClient) -> Sequence[object]:
        calls = (client.complete(call_of(f"Say {number}.")) for number in range(6))
        return await asyncio.gather(*calls, return_exceptions=True)

    def behave(request: Request, line: Line) -> None:
        (status(400) if "3" in request.prompt else says("Hello."))(request, line)

    with FaultyServer(behave) as server:
        results = asking(server, ask)
    assert [isinstance(result, CallError) for result in results] == [number == 3 for number in range(6)]
