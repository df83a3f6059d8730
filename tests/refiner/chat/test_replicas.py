"""Several endpoints of one model: the work is shared, what fails goes to another one, what is down is left alone."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler
from typing import TypeVar

import pytest
from tests.faulty_server import (
    Behaviour,
    FaultyServer,
    Line,
    Request,
    chunks,
    event,
    gzip_bomb,
    hang,
    html,
    rate_limited,
    reset_mid_body,
    says,
    status,
)
from tests.refiner.chat.asking import SWIFT, call_of

from citerefine.refiner.chat.call import ChatReply
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.course import Course
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.failures import Failure
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.chat.replicas import Replicas
from citerefine.refiner.chat.retries import Retries
from citerefine.refiner.chat.seat import Visit
from citerefine.refiner.errors import CallError, ModelError
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import ChatModel

T = TypeVar("T")
CONTEXT = status(400, "This model's maximum context length is 2048 tokens.")


def joined(servers: Sequence[FaultyServer]) -> str:
    return f"openai:tiny@{','.join(server.base_url for server in servers)}"


def asking(
    scripts: Sequence[Behaviour | Sequence[Behaviour]],
    work: Callable[[Replicas, Sequence[FaultyServer]], Awaitable[T]],
    limits: ClientLimits = SWIFT,
) -> T:
    """What `work` gives with endpoints that do what the scripts say."""

    async def run(servers: Sequence[FaultyServer]) -> T:
        model = load_chat_model(joined(servers), limits)
        assert isinstance(model, Replicas)
        try:
            return await work(model, servers)
        finally:
            await model.aclose()

    with ExitStack() as stack:
        return asyncio.run(run([stack.enter_context(FaultyServer(script)) for script in scripts]))


async def many(model: ChatModel, count: int) -> list[ChatReply | BaseException]:
    calls = (model.complete(call_of(f"Say {number}.")) for number in range(count))
    return await asyncio.gather(*calls, return_exceptions=True)


async def text_of(model: ChatModel, prompt: str, streamed: bool = False) -> str:
    if not streamed:
        return (await model.complete(call_of(prompt))).text
    (text,) = [item.text async for item in model.stream(call_of(prompt)) if isinstance(item, ChatReply)]
    return text


def asked(servers: Sequence[FaultyServer]) -> list[int]:
    return [len(server.chats) for server in servers]


def test_addresses_with_commas_are_one_model_and_one_address_is_what_it_was() -> None:
    name = "openai:a,b@http://x/v1,http://y:8000/v1"
    model = load_chat_model(name)
    assert isinstance(model, ChatModel)
    assert (type(model), model.name) == (Replicas, name)
    single = load_chat_model("openai:a,b@http://x/v1")
    assert (type(single), single.name) == (ChatClient, "openai:a,b@http://x/v1")


@pytest.mark.parametrize("rest", ["http://x/v1,http://x/v1/", "http://x/v1,http://u:pw@y/v1", "http://x/v1,http://"])
def test_addresses_that_cannot_be_used_are_refused_without_repeating_a_password(rest: str) -> None:
    with pytest.raises(ModelError) as caught:
        load_chat_model(f"openai:m@{rest}")
    assert "pw" not in str(caught.value)


def test_the_work_is_shared_by_room_and_not_by_turns() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> list[int]:
        pending = iter(range(60))

        async def worker() -> None:
            for number in pending:
                await model.complete(call_of(f"Say {number}."))

        await asyncio.gather(*(worker() for _ in range(6)))
        return asked(servers)

    slow, fast = asking([says("Hello.", after=0.2), says("Hello.", after=0.005)], work)
    assert slow + fast == 60
    assert slow < 20 < fast


@pytest.mark.parametrize("fault", [status(500), reset_mid_body(), html(), rate_limited("30"), status(503)])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_that_fails_at_one_endpoint_goes_to_another_at_once(fault: Behaviour, streamed: bool) -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> list[str]:
        begin, texts = time.perf_counter(), list[str]()
        for number in range(4):
            if streamed:
                texts += [item.text async for item in model.stream(call_of(f"{number}")) if not isinstance(item, str)]
            else:
                texts.append((await model.complete(call_of(f"{number}"))).text)
        assert time.perf_counter() - begin < 2
        return texts

    assert asking([fault, says("Hello.")], work) == ["Hello."] * 4


@pytest.mark.parametrize("streamed", [False, True])
def test_an_endpoint_that_hangs_leaves_time_for_another_and_is_asked_less(streamed: bool) -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        begin = time.perf_counter()
        texts = await asyncio.gather(*(text_of(model, f"{number}", streamed) for number in range(2)))
        assert time.perf_counter() - begin < 2 + 1
        assert texts == ["Hello."] * 2
        assert [(one.state, one.active) for one in await model.health()] == [("closed", 0)] * 2
        for number in range(4):
            await text_of(model, f"later {number}", streamed)
        assert asked(servers) == [1, 6]

    asking([hang(), says("Hello.")], work, ClientLimits(deadline=2, attempts=2, backoff=0.01))


@pytest.mark.parametrize("streamed", [False, True])
def test_a_slow_reply_is_not_lost_because_there_is_a_second_endpoint(streamed: bool) -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        texts = await asyncio.gather(*(text_of(model, f"{number}", streamed) for number in range(6)))
        assert texts == ["Hello."] * 6
        assert [(one.state, one.reason, one.active) for one in await model.health()] == [("closed", "", 0)] * 2

    asking([says("Hello.", after=1.2)] * 2, work, ClientLimits(deadline=2, attempts=2, backoff=0.01))


def test_a_second_endpoint_that_would_be_too_slow_is_not_paid_as_well() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> int:
        await asyncio.gather(text_of(model, "one"), text_of(model, "two"))
        before = sum(asked(servers))
        await text_of(model, "three")
        return sum(asked(servers)) - before

    assert asking([says("Hello.", after=0.9)] * 2, work, ClientLimits(deadline=1.5)) == 1


def test_time_in_which_a_request_waits_for_its_place_is_not_the_endpoint_s() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        await asyncio.gather(*(text_of(model, f"{number}") for number in range(3)))
        assert asked(servers) == [2, 1]  # the third is sent at 0.8 s: it has taken long at 1.4 s, and not at 1 s

    asking([says("Hello.", after=0.8), says("Hello.", after=0.9)], work, ClientLimits(deadline=2, concurrency=1))


def test_an_endpoint_without_room_is_not_asked_as_well() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        course, (first, second) = Course(model._seats, Retries(SWIFT, "there")), model._seats
        course.take(first)
        second.active = second.client.limit
        assert course.spare(whole=True) is None
        second.active -= 1
        assert course.spare(whole=True) is second
        second.active = 0

    asking([says("Hello.")] * 2, work)


def test_what_was_asked_as_well_may_fail_and_a_third_one_reply() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> str:
        return await text_of(model, "one")

    assert asking([hang(), status(500), says("Hello.")], work, ClientLimits(deadline=1)) == "Hello."


def test_what_was_asked_as_well_is_waited_for_when_the_first_fails() -> None:
    def fails_late(request: Request, line: Line) -> None:
        line.wait(0.7)
        status(500)(request, line)

    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        assert await text_of(model, "one") == "Hello."
        assert asked(servers) == [1, 1]

    asking([fails_late, says("Hello.", after=0.3)], work, ClientLimits(deadline=1))


def test_a_call_that_is_cancelled_while_it_is_asked_twice_leaves_nothing_behind() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        task = asyncio.create_task(text_of(model, "one"))
        while asked(servers) != [1, 1] and not task.done():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert [(one.state, one.active) for one in await model.health()] == [("closed", 0)] * 2

    asking([hang(), hang()], work, ClientLimits(deadline=3))


@pytest.mark.parametrize(("fault", "code"), [(status(400), "bad_request"), (CONTEXT, "context_exceeded")])
def test_what_would_fail_anywhere_is_asked_once(fault: Behaviour, code: str) -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> int:
        with pytest.raises(CallError) as caught:
            await model.complete(call_of())
        assert caught.value.code == code
        return sum(asked(servers))

    assert asking([fault, fault], work) == 1


def test_a_refusal_of_the_model_is_a_reply_and_not_a_failure() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> tuple[str, int]:
        return (await model.complete(call_of())).finish, sum(asked(servers))

    assert asking([says("", refusal="No.")] * 2, work) == ("refusal", 1)


@pytest.mark.parametrize(("fault", "code"), [(status(401), "unauthorized"), (status(404), "no_such_model")])
def test_an_endpoint_that_refuses_the_key_or_lacks_the_model_is_out_and_says_so(fault: Behaviour, code: str) -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        for number in range(6):
            assert (await model.complete(call_of(f"{number}"))).text == "Hello."
        assert asked(servers)[0] == 1
        out, fine = await model.health()
        assert (out.state, out.url, fine.state, fine.reason) == ("out", servers[0].base_url, "closed", "")
        assert out.reason.startswith(code)

    asking([fault, says("Hello.")], work)


def test_where_all_are_out_the_call_says_why_for_each() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> CallError:
        with pytest.raises(CallError) as caught:
            await model.complete(call_of())
        return caught.value

    error = asking([status(401), status(404)], work)
    assert (error.code, error.retryable) == ("unauthorized", False)
    assert "401" in str(error)
    assert "404" in str(error)


def test_where_all_are_down_calls_end_as_soon_as_those_of_one_endpoint_and_name_each() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        await many(model, 12)
        before, begin = sum(asked(servers)), time.perf_counter()
        errors = await many(model, 50)
        assert time.perf_counter() - begin < 3
        assert sum(asked(servers)) - before < 50 * 3  # what one endpoint alone would be asked
        for error in errors:
            assert isinstance(error, CallError)
            assert error.retryable
            assert all(server.base_url in str(error) for server in servers)
            assert "server_error" in str(error)
        assert [health.state for health in await model.health()] == ["open", "open"]

    asking([status(500), status(500)], work, ClientLimits(deadline=60, attempts=3, backoff=0.05))


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_outage_loses_no_call_however_many_endpoints_there_are(count: int) -> None:
    down = threading.Event()

    def behave(request: Request, line: Line) -> None:
        (status(503) if down.is_set() else says("Hello.", after=0.02))(request, line)

    async def work(servers: Sequence[FaultyServer]) -> None:
        model, numbers, texts = load_chat_model(joined(servers), limits), iter(range(200)), list[str]()

        async def worker() -> None:
            for number in numbers:
                texts.append(await text_of(model, f"Say {number}."))

        await text_of(model, "before")
        down.set()
        asyncio.get_running_loop().call_later(0.6, down.clear)
        await asyncio.gather(*(worker() for _ in range(16)))
        assert texts == ["Hello."] * 200
        assert isinstance(model, ChatClient | Replicas)
        await model.aclose()

    limits = ClientLimits(deadline=30, attempts=8, backoff=0.1)
    with ExitStack() as stack:
        asyncio.run(work([stack.enter_context(FaultyServer(behave)) for _ in range(count)]))


def test_calls_behind_one_that_tries_wait_for_what_comes_of_it() -> None:
    down = threading.Event()
    down.set()

    def behave(request: Request, line: Line) -> None:
        (status(503) if down.is_set() else says("Hello.", after=0.3))(request, line)

    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        await many(model, 16)
        assert {one.state for one in await model.health()} == {"open"}
        down.clear()
        replies = await many(model, 16)
        assert all(isinstance(reply, ChatReply) for reply in replies)

    asking([behave, behave], work, ClientLimits(deadline=20, attempts=1))


def test_a_call_waits_behind_one_that_hangs_for_a_part_of_its_time_only() -> None:
    down, hangs = threading.Event(), iter([hang(), hang()])
    down.set()

    def behave(request: Request, line: Line) -> None:
        (status(500) if down.is_set() else next(hangs, says("Hello.")))(request, line)

    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        await many(model, 16)
        assert {one.state for one in await model.health()} == {"open"}
        down.clear()
        replies = await many(model, 3)
        assert any(isinstance(reply, ChatReply) for reply in replies)

    asking([behave, behave], work, ClientLimits(deadline=2, attempts=1))


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("fault", [rate_limited("100"), status(429, "no quota", code="insufficient_quota"), html()])
def test_one_that_will_not_serve_does_not_keep_a_call_from_trying_the_other_again(
    fault: Behaviour, swapped: bool
) -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> str:
        return await text_of(model, "one")

    scripts = [[fault], [status(500), says("Hello.")]]
    assert asking(scripts[::-1] if swapped else scripts, work) == "Hello."


def test_an_endpoint_that_asks_to_be_left_alone_is_left_alone() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> list[int]:
        for number in range(6):
            assert await text_of(model, f"{number}") == "Hello."
        return asked(servers)

    assert asking([[rate_limited("30"), says("Hello.")], says("Hello.")], work) == [1, 6]


def test_a_reply_that_was_coming_in_when_the_time_was_up_says_nothing_about_its_endpoint() -> None:
    def begins(request: Request, line: Line) -> None:
        line.send(line.head(headers={"Content-Type": "text/event-stream"}))
        line.send(event(list(chunks(request, "Hello."))[1]))
        line.wait(5)

    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        for number in range(10):
            with pytest.raises(CallError) as caught:
                await text_of(model, f"{number}", streamed=True)
            assert caught.value.code == "deadline"
        assert {one.state for one in await model.health()} == {"closed"}

    asking([begins, begins], work, ClientLimits(deadline=0.1))


@pytest.mark.parametrize(("part", "state"), [(0.3, "closed"), (0.9, "open")])
def test_a_deadline_counts_against_an_endpoint_that_had_most_of_the_time(part: float, state: str) -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> str:
        seat = model._seats[0]
        for _ in range(9):
            visit = Visit()
            visit.began -= part * SWIFT.deadline
            with suppress(Failure):
                async with seat.taken(visit):
                    raise Failure("the time is up", "deadline", retryable=True)
        return seat.breaker.state

    assert asking([hang(), hang()], work) == state


def test_an_endpoint_that_hangs_when_asked_to_count_is_not_asked_again() -> None:
    class HangsToCount(FaultyServer):
        def _serve(self, request: Request, handler: BaseHTTPRequestHandler) -> None:
            if request.path == "/tokenize":
                self.requests.append(request)
                self._closing.wait(30)
            super()._serve(request, handler)

    async def work(model: Replicas) -> None:
        begin = time.perf_counter()
        for _ in range(4):
            assert await model.count_tokens(["one two"]) == [2]
        assert time.perf_counter() - begin < 2
        await model.aclose()

    with (
        HangsToCount(says("Hello."), persona="vllm") as first,
        FaultyServer(says("Hello."), persona="vllm") as second,
    ):
        model = Replicas([Endpoint.parse(first.model), Endpoint.parse(second.model)], SWIFT)
        asyncio.run(work(model))
        assert [request.path for request in first.requests].count("/tokenize") == 1


def test_an_endpoint_that_is_down_is_tried_again_later_by_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    fails = threading.Event()
    fails.set()

    def behave(request: Request, line: Line) -> None:
        (status(500) if fails.is_set() else says("Hello."))(request, line)

    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        await many(model, 30)
        down = asked(servers)[0]
        assert (await model.health())[0].state == "open"
        fails.clear()
        for seat in model._seats:
            monkeypatch.setattr(seat.breaker, "_clock", lambda: time.monotonic() + 10)
        replies = await many(model, 40)
        assert all(isinstance(reply, ChatReply) for reply in replies)
        assert [health.state for health in await model.health()] == ["closed", "closed"]
        await many(model, 40)
        assert asked(servers)[0] > down + 1

    asking([behave, says("Hello.")], work)


def test_equal_calls_at_once_are_made_once_over_all_endpoints() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> tuple[list[int], int]:
        replies = await asyncio.gather(*(model.complete(call_of()) for _ in range(8)))
        return sorted(reply.usage.calls for reply in replies), sum(asked(servers))

    assert asking([says("Hello.", after=0.05)] * 2, work) == ([0] * 7 + [1], 1)


def test_the_deadline_is_one_for_all_endpoints() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        begin = time.perf_counter()
        with pytest.raises(CallError) as caught:
            await model.complete(call_of())
        assert time.perf_counter() - begin < 1.2 * 0.6 + 1
        assert caught.value.code == "deadline"

    asking([hang(), hang(), hang()], work, ClientLimits(deadline=0.6, attempts=9, backoff=0.01))


def test_what_they_can_do_is_what_all_of_them_can() -> None:
    async def work(servers: Sequence[FaultyServer]) -> None:
        model = Replicas([Endpoint.parse(server.model) for server in servers])
        can = await model.capabilities()
        assert (can.grammar, can.context_tokens, can.model) == (False, 4096, "tiny")
        assert can.server is not None
        assert "vLLM" in can.server
        assert "llama.cpp" in can.server
        await model.aclose()

    with (
        FaultyServer(says("Hello."), persona="vllm") as first,
        FaultyServer(says("Hello."), persona="llama.cpp", honours_grammar=False) as second,
    ):
        asyncio.run(work([first, second]))


def test_one_that_cannot_be_reached_does_not_hide_what_the_others_can() -> None:
    async def work(model: Replicas) -> None:
        assert (await model.capabilities()).model == "tiny"
        assert await model.count_tokens(["one two"])
        await model.aclose()

    with FaultyServer(says("Hello.")) as gone:
        pass
    with FaultyServer(says("Hello.")) as server:
        asyncio.run(work(Replicas([Endpoint.parse(gone.model), Endpoint.parse(server.model)], SWIFT)))


def test_one_that_hangs_is_not_waited_for_when_another_has_told_what_it_can() -> None:
    class HangsToTell(FaultyServer):
        def _serve(self, request: Request, handler: BaseHTTPRequestHandler) -> None:
            self._closing.wait(30)

    async def work(model: Replicas) -> None:
        begin = time.perf_counter()
        assert (await model.capabilities()).model == "tiny"
        assert time.perf_counter() - begin < 2
        assert [one.active for one in await model.health()] == [0, 0]
        await model.aclose()

    with HangsToTell(says("Hello.")) as first, FaultyServer(says("Hello.")) as second:
        asyncio.run(work(Replicas([Endpoint.parse(first.model), Endpoint.parse(second.model)], SWIFT)))


def test_a_cancelled_call_says_nothing_about_its_endpoint() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        tasks = [asyncio.create_task(model.complete(call_of(f"{number}"))) for number in range(20)]
        await asyncio.sleep(0.2)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert {(one.state, one.active) for one in await model.health()} == {("closed", 0)}

    asking([hang(), hang()], work)


def test_a_body_that_never_ends_is_not_asked_for_elsewhere() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> int:
        with pytest.raises(CallError, match="longer than"):
            await model.complete(call_of())
        return sum(asked(servers))

    assert asking([gzip_bomb(5_000_000)] * 2, work) == 1
