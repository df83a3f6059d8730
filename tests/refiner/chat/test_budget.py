"""A budget holds exactly: for calls one after another and at once, that succeed or fail."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from citerefine.refiner.chat.budget import Amount, Budget, BudgetedModel
from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling, ToolCall, ToolSpec
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.chat.failures import bad_response, unreachable
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Usage

PRICES = Prices(prompt=1_000_000, completion=2_000_000)
"""A dollar a prompt token, two a completion token."""
CALL = ChatCall(messages=(Message(role="user", content="one two three"),), sampling=Sampling(max_tokens=10))
WORST = 3 + 8 + 10
"""Words of the prompt, what the template adds, the reply's most tokens."""


class Echo:
    """Replies with ten tokens less than it may, after a moment; or fails."""

    name = "echo"

    def __init__(self, usage: Usage | None = None, fails: str | None = None) -> None:
        self.calls = 0
        self._usage = usage or Usage(prompt_tokens=4, completion_tokens=1)
        self._fails = fails

    async def complete(self, call: ChatCall) -> ChatReply:
        self.calls += 1
        await asyncio.sleep(0.005)
        if self._fails:
            raise CallError("it fails", self._fails)
        return ChatReply(text="Hi.", usage=self._usage)

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        reply = await self.complete(call)
        yield reply.text
        yield reply

    async def capabilities(self) -> Capabilities:
        return Capabilities(grammar=True)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    async def aclose(self) -> None:
        self.calls = 0


async def read(items: AsyncIterator[str | ChatReply]) -> list[str | ChatReply]:
    return [item async for item in items]


def test_a_model_with_a_budget_is_a_chat_model() -> None:
    model = BudgetedModel(Echo(), Budget())
    assert isinstance(model, ChatModel)
    assert model.name == "echo"
    assert asyncio.run(model.capabilities()).grammar
    assert asyncio.run(model.count_tokens(["a b"])) == [2]


def test_what_was_reserved_is_replaced_by_what_was_used() -> None:
    budget = Budget(tokens=100)
    model = BudgetedModel(Echo(), budget)

    async def run() -> Amount:
        task = asyncio.create_task(model.complete(CALL))
        await asyncio.sleep(0.002)
        during = budget.used
        await task
        return during

    assert asyncio.run(run()) == Amount(1, WORST)
    assert budget.used == Amount(1, 5)
    assert budget.left("tokens") == 95


@pytest.mark.parametrize(("tokens", "made"), [(WORST - 1, 0), (WORST, 1)])
def test_a_call_is_made_only_if_its_worst_case_fits(tokens: int, made: int) -> None:
    echo = Echo()
    model = BudgetedModel(echo, Budget(tokens=tokens))
    if made:
        asyncio.run(model.complete(CALL))
    else:
        with pytest.raises(CallError, match=f"{WORST} tokens, and {tokens} of {tokens} are left") as caught:
            asyncio.run(model.complete(CALL))
        assert caught.value.code == "budget"
    assert echo.calls == made


def test_calls_at_once_cannot_exceed_it_together() -> None:
    echo, budget = Echo(), Budget(tokens=3 * WORST + 1)

    async def run() -> list[object]:
        model = BudgetedModel(echo, budget)
        return await asyncio.gather(*(model.complete(CALL) for _ in range(10)), return_exceptions=True)

    results = asyncio.run(run())
    assert sum(isinstance(result, ChatReply) for result in results) == 3 == echo.calls
    assert budget.used == Amount(3, 15)


def test_calls_are_counted_whether_they_succeed_or_not() -> None:
    budget = Budget(calls=2)
    asyncio.run(BudgetedModel(Echo(), budget).complete(CALL))
    with pytest.raises(CallError, match="it fails"):
        asyncio.run(BudgetedModel(Echo(fails="server_error"), budget).complete(CALL))
    with pytest.raises(CallError, match="1 calls, and 0 of 2 are left"):
        asyncio.run(BudgetedModel(Echo(), budget).complete(CALL))


@pytest.mark.parametrize(
    ("code", "tokens"), [("bad_request", 0), ("rate_limited", 0), ("deadline", WORST), ("bad_response", WORST)]
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_failed_call_gives_back_its_tokens_only_if_none_can_have_been_used(
    code: str, tokens: int, streamed: bool
) -> None:
    budget = Budget(tokens=100)
    model = BudgetedModel(Echo(fails=code), budget)
    with pytest.raises(CallError, match="it fails"):
        asyncio.run(read(model.stream(CALL)) if streamed else _listed(model))
    assert budget.used == Amount(1, tokens)


async def _listed(model: ChatModel) -> list[str | ChatReply]:
    return [await model.complete(CALL)]


def test_a_stream_is_settled_with_its_reply_and_keeps_its_reservation_if_left_early() -> None:
    budget = Budget(tokens=100)
    model = BudgetedModel(Echo(), budget)
    assert asyncio.run(read(model.stream(CALL)))[0] == "Hi."
    assert budget.used == Amount(1, 5)

    async def leave() -> None:
        items = model.stream(CALL)
        await anext(items)
        await items.aclose()

    asyncio.run(leave())
    assert budget.used == Amount(2, 5 + WORST)


def test_usage_that_the_server_does_not_tell_counts_as_the_worst_case() -> None:
    budget = Budget(tokens=100)
    asyncio.run(BudgetedModel(Echo(Usage()), budget).complete(CALL))
    assert budget.used == Amount(1, WORST)


def test_dollars_are_bounded_by_prices_and_settled_with_the_servers_cost() -> None:
    budget = Budget(dollars=40, prices=PRICES)
    model = BudgetedModel(Echo(Usage(prompt_tokens=4, completion_tokens=1, cost=2.5)), budget)
    asyncio.run(model.complete(CALL))
    assert budget.used == Amount(1, 5, 2.5)
    asyncio.run(BudgetedModel(Echo(), budget).complete(CALL))
    assert budget.used.dollars == pytest.approx(2.5 + 4 + 2)
    with pytest.raises(CallError, match="31 dollars"):
        asyncio.run(BudgetedModel(Echo(), Budget(dollars=30, prices=PRICES)).complete(CALL))


def test_dollars_without_prices_are_refused() -> None:
    with pytest.raises(InputError, match="CITEREFINE_PRICES"):
        Budget(dollars=1)


def test_tools_and_their_arguments_count() -> None:
    spec = ToolSpec(name="search", description="Finds what there is.", parameters={})
    earlier = Message(role="assistant", content="", tool_calls=(ToolCall(id="1", name="search", arguments="{}"),))
    call = CALL.model_copy(update={"tools": (spec,), "messages": (*CALL.messages, earlier)})
    budget = Budget()
    asyncio.run(BudgetedModel(Echo(Usage()), budget).complete(call))
    assert budget.used.tokens > WORST + 8


def test_time_is_bounded_from_the_first_call_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("citerefine.refiner.chat.budget.time.monotonic", lambda: now)
    budget = Budget(seconds=10)
    now += 1000
    assert budget.left("seconds") == 10
    first = budget.reserve(1, 1)
    now += 9.5
    budget.reserve(1, 1)
    assert budget.left("seconds") == 0.5
    now += 0.5
    with pytest.raises(CallError, match="the 10 s of the budget are over") as caught:
        budget.reserve(1, 1)
    assert caught.value.code == "budget"
    budget.settle(first, Usage(prompt_tokens=1, completion_tokens=0))
    assert budget.used == Amount(2, 3)


@pytest.mark.parametrize("bounds", [{"calls": 10}, {"tokens": 200}, {"dollars": 300, "prices": PRICES}])
def test_it_is_tight_from_a_share_of_any_bound_on(bounds: dict[str, Any]) -> None:
    budget = Budget(**bounds, soft=0.5)
    for _ in range(4):
        budget.reserve(10, 10)
    assert not budget.is_tight
    budget.reserve(10, 10)
    assert budget.is_tight


def test_time_makes_it_tight_too_and_no_bound_never_does(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("citerefine.refiner.chat.budget.time.monotonic", lambda: now)
    timed, free = Budget(seconds=10), Budget()
    for budget in (timed, free):
        budget.reserve(10**9, 10**9)
        assert not budget.is_tight
    now = 9.0
    assert timed.is_tight
    assert not free.is_tight


@pytest.mark.parametrize(
    "bounds", [{"calls": -1}, {"tokens": -5}, {"seconds": float("nan")}, {"soft": 0}, {"soft": 1.5}]
)
def test_bounds_that_are_none_are_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="give a"):
        Budget(**bounds)


def test_a_reply_that_could_not_be_used_is_settled_with_what_it_said_it_used() -> None:
    failure = bad_response("http://h", "it is mangled")
    failure.usage = Usage(prompt_tokens=3, completion_tokens=2)
    gone = unreachable("http://h", "refused")
    gone.unsent = True
    for error, tokens in ((failure, 5), (gone, 0), (unreachable("http://h", "reset"), WORST)):
        budget = Budget()
        with pytest.raises(CallError):
            asyncio.run(BudgetedModel(Failing(error), budget).complete(CALL))
        assert budget.used == Amount(1, tokens)


class Failing(Echo):
    """Fails with one error."""

    def __init__(self, error: CallError) -> None:
        super().__init__()
        self._error = error

    async def complete(self, call: ChatCall) -> ChatReply:
        raise self._error
