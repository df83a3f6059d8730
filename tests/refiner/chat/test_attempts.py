"""Each request is told when it begins and when it ends, with what it used where the server said so."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.faulty_server import (
    Behaviour,
    FaultyServer,
    edited,
    hang,
    html,
    huge,
    raw,
    reset_mid_body,
    says,
    status,
    truncated,
)
from tests.refiner.chat.asking import call_of

from citerefine.refiner.chat.attempts import FREE, Attempt, Watchable, most_used
from citerefine.refiner.chat.budget import Budget, BudgetedModel
from citerefine.refiner.chat.call import ChatReply
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.records import Usage

ROOMY = ClientLimits(deadline=30, attempts=3, backoff=0.01)
SHORT = ClientLimits(deadline=0.4, attempts=3, backoff=0.01)
TOLD = Usage(prompt_tokens=2, completion_tokens=1)


class Watcher:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.begun: list[Attempt] = []
        self.ended: list[tuple[Attempt, str, Usage | None, ChatReply | None]] = []

    async def begin(self, attempt: Attempt) -> None:
        self.begun.append(attempt)

    async def end(self, attempt: Attempt, outcome: str, usage: Usage | None, reply: ChatReply | None) -> None:
        self.ended.append((attempt, outcome, usage, reply))

    @property
    def outcomes(self) -> list[tuple[str, Usage | None]]:
        return [(outcome, usage) for _, outcome, usage, _ in self.ended]


def watched(
    server: FaultyServer, work: Callable[[ChatClient], Awaitable[object]], limits: ClientLimits = ROOMY
) -> Watcher:
    watcher = Watcher()

    async def run() -> None:
        client = ChatClient(Endpoint.parse(server.model), limits)
        assert client.watch(watcher)
        try:
            await work(client)
        except CallError:
            pass
        finally:
            await client.aclose()

    asyncio.run(run())
    assert watcher.begun == [attempt for attempt, *_ in watcher.ended]
    assert len({attempt.id for attempt in watcher.begun}) == len(watcher.begun)
    return watcher


async def ask(client: ChatClient) -> None:
    await client.complete(call_of())


async def read(client: ChatClient) -> None:
    async for _ in client.stream(call_of()):
        pass


def without_choices(value: dict[str, Any]) -> None:
    value["choices"] = []


def unfinished(value: dict[str, Any]) -> None:
    value["choices"][0]["finish_reason"] = None


OUTCOMES: list[tuple[Behaviour, list[tuple[str, Usage | None]]]] = [
    (says("Hello."), [("stop", TOLD)]),
    (says("Hello.", finish="length"), [("length", TOLD)]),
    (says("", refusal="No."), [("refusal", TOLD.model_copy(update={"completion_tokens": 0}))]),
    (edited(lambda value: value.pop("usage")), [("stop", None)]),
    (status(400), [("bad_request", FREE)]),
    (status(401), [("unauthorized", FREE)]),
    (status(429), [("rate_limited", FREE)] * 3),
    (status(500), [("server_error", None)] * 3),
    (reset_mid_body(), [("unreachable", None)] * 3),
    (truncated(), [("bad_response", None)] * 2),
    (html(), [("bad_response", None)] * 2),
    (edited(without_choices), [("bad_response", TOLD)] * 2),
    (edited(unfinished), [("bad_response", TOLD)] * 2),
    (raw(b'{"choices": 7, "usage": {"prompt_tokens": 2, "completion_tokens": 1}}'), [("bad_response", TOLD)] * 2),
    (huge(5_000_000), [("too_large", None)]),
]


@pytest.mark.parametrize(("behaviour", "outcomes"), OUTCOMES)
def test_each_request_is_told_with_what_it_used(behaviour: Behaviour, outcomes: list[tuple[str, Usage | None]]) -> None:
    with FaultyServer(behaviour) as server:
        watcher = watched(server, ask)
        assert watcher.outcomes == outcomes
        assert [chat.headers["x-request-id"] for chat in server.chats] == [attempt.id for attempt in watcher.begun]
        assert {attempt.endpoint for attempt in watcher.begun} == {server.base_url}
        assert {attempt.key for attempt in watcher.begun} == {call_of().key}


@pytest.mark.parametrize(
    ("behaviour", "outcomes"),
    [
        (says("Hello."), [("stop", TOLD)]),
        (status(500), [("server_error", None)] * 3),
        (reset_mid_body(), [("unreachable", None)] * 3),
    ],
)
def test_streams_are_told_too(behaviour: Behaviour, outcomes: list[tuple[str, Usage | None]]) -> None:
    with FaultyServer(behaviour) as server:
        assert watched(server, read).outcomes == outcomes


def test_a_reply_comes_along() -> None:
    with FaultyServer(says("Hello.")) as server:
        ((_, _, _, reply),) = watched(server, ask).ended
    assert reply is not None
    assert reply.text == "Hello."


def test_a_server_that_was_not_reached_charges_nothing() -> None:
    with FaultyServer(says("Hello.")) as server:
        client = ChatClient(Endpoint.parse(server.model), ROOMY)
        watcher = Watcher()
        client.watch(watcher)
        asyncio.run(_ask_and_close(client))
    with pytest.raises(CallError):
        asyncio.run(_ask_and_close(client))
    assert watcher.outcomes == [("stop", TOLD), *[("unreachable", FREE)] * 3]


async def _ask_and_close(client: ChatClient) -> None:
    try:
        await client.complete(call_of())
    finally:
        await client.aclose()


def test_a_request_over_its_deadline_is_told_as_cancelled() -> None:
    with FaultyServer(hang()) as server:
        assert watched(server, ask, SHORT).outcomes == [("cancelled", None)]


@pytest.mark.parametrize("how", ["cancelled", "left"])
def test_a_request_that_nobody_waits_for_is_told_once(how: str) -> None:
    async def stop(client: ChatClient) -> None:
        if how == "left":
            items = client.stream(call_of())
            await anext(items)
            await items.aclose()
            return
        task = asyncio.create_task(client.complete(call_of("Hang.")))
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with FaultyServer(hang() if how == "cancelled" else says("Hello there.")) as server:
        assert watched(server, stop).outcomes == [("cancelled", None)]


def test_a_field_that_is_refused_makes_two_requests_of_one_call() -> None:
    with FaultyServer(says("Hello."), refuses=["max_tokens"]) as server:
        watcher = watched(server, ask)
    assert watcher.outcomes == [("bad_request", FREE), ("stop", TOLD)]


def test_a_watcher_that_fails_stops_the_call_before_it_is_sent() -> None:
    class Full(Watcher):
        async def begin(self, attempt: Attempt) -> None:
            raise InputError("the disk is full")

    async def run(server: FaultyServer) -> None:
        client = ChatClient(Endpoint.parse(server.model), ROOMY)
        client.watch(Full())
        with pytest.raises(InputError, match="the disk is full"):
            await client.complete(call_of())
        await client.aclose()

    with FaultyServer(says("Hello.")) as server:
        asyncio.run(run(server))
        assert not server.chats


def test_a_request_waits_until_its_begin_is_told_and_a_reply_until_its_end_is() -> None:
    told: list[str] = []

    class Slow(Watcher):
        async def begin(self, attempt: Attempt) -> None:
            await asyncio.sleep(0.1)
            told.append(f"begun, {len(server.chats)} at the server")

        async def end(self, attempt: Attempt, outcome: str, usage: Usage | None, reply: ChatReply | None) -> None:
            await asyncio.sleep(0.1)
            told.append(outcome)

    async def run() -> None:
        client = ChatClient(Endpoint.parse(server.model), ROOMY)
        client.watch(Slow())
        await client.complete(call_of())
        told.append("handed on")
        await client.aclose()

    with FaultyServer(says("Hello.")) as server:
        asyncio.run(run())
    assert told == ["begun, 0 at the server", "stop", "handed on"]


def test_what_a_request_uses_at_most_is_no_less_than_what_it_uses() -> None:
    with FaultyServer(says("Hello.")) as server:
        watcher = watched(server, lambda client: client.complete(call_of("one two three " * 50, max_tokens=7)))
        ((attempt, _, used, _),) = watcher.ended
    assert used is not None
    assert (attempt.most.prompt_tokens or 0) >= (used.prompt_tokens or 0)
    assert attempt.most.completion_tokens == 7
    assert most_used(call_of(max_tokens=7)).completion_tokens == 7


def test_a_budget_passes_the_watcher_on() -> None:
    client = ChatClient(Endpoint.parse("openai:m@http://127.0.0.1:9/v1"))
    assert isinstance(BudgetedModel(client, Budget()), Watchable)
    assert BudgetedModel(client, Budget()).watch(Watcher())
    assert not BudgetedModel(BudgetedModel(_Silent(), Budget()), Budget()).watch(Watcher())  # type: ignore[arg-type]


class _Silent:
    """A model that tells nothing."""

    name = "silent"
