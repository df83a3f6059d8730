"""Several endpoints of one model: the work is shared, what fails goes to another one, what is down is left alone."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

import pytest
from tests.faulty_server import (
    Behaviour,
    FaultyServer,
    Line,
    Request,
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
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.chat.replicas import Replicas
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


def test_an_endpoint_that_hangs_leaves_time_for_another() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> list[object]:
        begin = time.perf_counter()
        replies = await many(model, 2)
        assert time.perf_counter() - begin < 1.2 * 2 + 1
        return [*replies]

    replies = asking([hang(), says("Hello.")], work, ClientLimits(deadline=2, attempts=2, backoff=0.01))
    assert [isinstance(reply, ChatReply) for reply in replies] == [True, True]


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


def test_where_all_are_down_calls_fail_fast_and_name_each_endpoint() -> None:
    async def work(model: Replicas, servers: Sequence[FaultyServer]) -> None:
        await many(model, 12)
        before, begin = sum(asked(servers)), time.perf_counter()
        errors = await many(model, 50)
        assert time.perf_counter() - begin < 0.5
        assert sum(asked(servers)) == before
        for error in errors:
            assert isinstance(error, CallError)
            assert error.retryable
            assert all(server.base_url in str(error) for server in servers)
            assert "server_error" in str(error)
        assert [health.state for health in await model.health()] == ["open", "open"]

    asking([status(500), status(500)], work)


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
