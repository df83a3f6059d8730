"""A budget holds exactly: for requests one after another and at once, that succeed, fail, or are never sent."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.faulty_server import Behaviour, FaultyServer, reset_mid_body, says, status, truncated
from tests.refiner.chat.asking import call_of

from citerefine.refiner.chat.attempts import Attempt
from citerefine.refiner.chat.budget import Amount, Budget, BudgetedModel
from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling, ToolCall, ToolSpec
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint, Prices
from citerefine.refiner.chat.failures import bad_response, unreachable
from citerefine.refiner.chat.journal import JournaledModel
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Usage

PRICES = Prices(prompt=1_000_000, completion=2_000_000)
"""A dollar a prompt token, two a completion token."""
CALL = ChatCall(messages=(Message(role="user", content="one two three"),), sampling=Sampling(max_tokens=10))
EXACT = 3 + 8 + 10
"""Tokens of the prompt as Echo counts them, what the template adds, the reply's most tokens."""
WORST = 5 + 8 + 10
"""The same with the prompt's tokens as they are estimated, which is what is reserved while it fits."""
SWIFT = ClientLimits(deadline=20, attempts=3, backoff=0.01)


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


@pytest.mark.parametrize(("tokens", "made"), [(EXACT - 1, 0), (EXACT, 1)])
def test_a_call_is_made_only_if_its_worst_case_fits_and_tokens_are_counted_where_that_decides(
    tokens: int, made: int
) -> None:
    echo = Echo()
    model = BudgetedModel(echo, Budget(tokens=tokens))
    if made:
        asyncio.run(model.complete(CALL))
    else:
        with pytest.raises(CallError, match=f"{EXACT} tokens, and {tokens} of {tokens} are left") as caught:
            asyncio.run(model.complete(CALL))
        assert caught.value.code == "budget"
    assert echo.calls == made


def test_calls_at_once_cannot_exceed_it_together() -> None:
    echo, budget = Echo(), Budget(tokens=3 * WORST + 1)

    async def run() -> list[object]:
        model = BudgetedModel(echo, budget)
        calls = [CALL.model_copy(update={"sampling": Sampling(max_tokens=10, seed=seed)}) for seed in range(10)]
        return await asyncio.gather(*map(model.complete, calls), return_exceptions=True)

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


def of_client(server: FaultyServer, budget: Budget, limits: ClientLimits = SWIFT) -> BudgetedModel:
    return BudgetedModel(ChatClient(Endpoint.parse(server.model), limits), budget)


def running(model: ChatModel, work: Callable[[ChatModel], Awaitable[object]]) -> list[str]:
    """Codes of the calls that failed."""

    async def run() -> list[str]:
        try:
            await model.capabilities()
            done = await work(model)
        except CallError as error:
            return [error.code]
        finally:
            await model.aclose()
        return [one.code for one in done if isinstance(one, CallError)] if isinstance(done, list) else []

    return asyncio.run(run())


def many(count: int) -> Callable[[ChatModel], Awaitable[object]]:
    async def work(model: ChatModel) -> object:
        calls = [model.complete(call_of(f"Say {number}.", max_tokens=9)) for number in range(count)]
        return await asyncio.gather(*calls, return_exceptions=True)

    return work


@pytest.mark.parametrize("fault", [status(500), truncated(), reset_mid_body()])
def test_requests_that_are_sent_again_are_reserved_again(fault: Behaviour) -> None:
    budget = Budget(calls=7)
    with FaultyServer(fault) as server:
        codes = running(of_client(server, budget), many(6))
        assert len(server.chats) <= 7
        assert budget.used.calls == len(server.chats)
    assert "budget" in codes


def test_a_stream_that_is_begun_again_is_reserved_again() -> None:
    budget = Budget(calls=2)
    with FaultyServer(status(500)) as server:
        codes = running(of_client(server, budget), lambda model: read(model.stream(call_of())))
        assert len(server.chats) == 2
    assert codes == ["budget"]
    budget = Budget(calls=2)
    with FaultyServer([status(500), says("Hello.")]) as server:
        assert running(of_client(server, budget), lambda model: read(model.stream(call_of()))) == []
    assert budget.used.calls == 2


def test_each_failed_request_counts_what_it_may_have_used() -> None:
    most = reserved_for(call_of(max_tokens=9))
    for fault, tokens in ((status(429), 0), (status(503), most), (truncated(), most)):
        budget = Budget()
        with FaultyServer([fault, says("Hello.")]) as server:
            codes = running(of_client(server, budget), lambda model: model.complete(call_of(max_tokens=9)))
        assert codes == []
        assert budget.used == Amount(2, tokens + 3)  # the second one: two words of the prompt, one of the reply


def reserved_for(call: ChatCall) -> int:
    budget = Budget()
    with suppress(CallError):
        asyncio.run(BudgetedModel(Echo(fails="server_error"), budget).complete(call))
    return budget.used.tokens


def test_what_was_never_sent_gives_all_back() -> None:
    budget = Budget(calls=5, tokens=10_000)

    async def run() -> None:
        with FaultyServer(says("Hello.")) as server:
            model = of_client(server, budget)
            await model.capabilities()
        with pytest.raises(CallError):
            await model.complete(call_of())
        await model.aclose()

    asyncio.run(run())
    assert budget.used == Amount()


def test_cancelled_calls_that_were_never_sent_give_all_back() -> None:
    budget = Budget(calls=10)
    with FaultyServer(says("Hello.", after=5)) as server:
        model = of_client(server, budget, SWIFT.model_copy(update={"concurrency": 2}))

        async def work(model: ChatModel) -> None:
            tasks = [asyncio.create_task(model.complete(call_of(f"Say {n}."))) for n in range(10)]
            while len(server.chats) < 2:
                await asyncio.sleep(0.01)
            assert budget.used.calls == 10
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0.05)

        running(model, work)
        assert len(server.chats) == 2
    assert budget.used.calls == 2
    assert budget.used.tokens > 0


def test_no_request_begins_when_the_time_is_over_though_its_call_began_before() -> None:
    budget = Budget(seconds=0.5)
    with FaultyServer(says("Hello.", after=0.6)) as server:
        model = of_client(server, budget, SWIFT.model_copy(update={"concurrency": 1}))
        codes = running(model, many(5))
        assert len(server.chats) == 1
    assert codes == ["budget"] * 4
    assert budget.used.calls == 1


def test_equal_calls_are_paid_once_though_counting_takes_longer_than_asking(tmp_path: Path) -> None:
    call = call_of("Say hello, say hello. " * 10, max_tokens=5)

    async def slowly(texts: Sequence[str]) -> list[int]:
        await asyncio.sleep(0.3)
        return [1 for _ in texts]

    with FaultyServer(says("Hello.", after=0.1)) as server:
        client = ChatClient(Endpoint.parse(server.model), SWIFT)
        client.count_tokens = slowly  # type: ignore[method-assign]
        model = JournaledModel(BudgetedModel(client, Budget(tokens=2 * (1 + 8 + 5))), tmp_path / "calls.db")

        async def later(model: ChatModel) -> ChatReply:
            await asyncio.sleep(0.2)  # its own counting would end when the other reply is there
            return await model.complete(call)

        async def work(model: ChatModel) -> None:
            first, second = await asyncio.gather(model.complete(call), later(model))
            assert (first.usage.calls, second.usage.calls) == (1, 0)

        assert running(model, work) == []
        assert len(server.chats) == 1


class Hanging(Echo):
    """Its tokenizer says nothing."""

    counted = 0

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self.counted += 1
        await asyncio.sleep(60)
        return []


def test_tokens_are_not_counted_where_an_estimate_fits() -> None:
    model = Hanging()
    for budget in (Budget(calls=9), Budget(tokens=WORST), Budget(dollars=100, prices=PRICES)):
        asyncio.run(asyncio.wait_for(BudgetedModel(model, budget).complete(CALL), 5))
    with pytest.raises(CallError):  # and not where no count could help
        asyncio.run(asyncio.wait_for(BudgetedModel(model, Budget(calls=0)).complete(CALL), 5))
    assert model.counted == 0


def test_a_tokenizer_that_hangs_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citerefine.refiner.chat.budget._COUNT_SECONDS", 0.05)
    echo = Hanging()
    model = BudgetedModel(echo, Budget(tokens=WORST - 1))
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(CallError, match=f"{WORST} tokens"):
            asyncio.run(model.complete(CALL))
    assert echo.counted == 1
    assert time.monotonic() - began < 5


def test_budgets_that_share_a_model_pay_for_their_own_requests_and_nested_ones_for_all() -> None:
    budgets = [Budget(), Budget()]
    around = Budget()
    with FaultyServer([status(500), says("Hello.")]) as server:
        client = ChatClient(Endpoint.parse(server.model), SWIFT)
        models = [BudgetedModel(BudgetedModel(client, budget), around) for budget in budgets]

        async def work(_: ChatModel) -> None:
            for number, model in enumerate(models):
                await asyncio.gather(*(model.complete(call_of(f"{number} {n}")) for n in range(1 + number)))

        assert running(client, work) == []
        assert len(server.chats) == 4
    assert [budget.used.calls for budget in budgets] == [2, 2]
    assert around.used.calls == 4


def test_what_is_refused_is_told_to_nobody() -> None:
    told = list[str]()

    class Watcher:
        async def begin(self, attempt: Attempt) -> None:
            told.append("begun")

        async def end(self, attempt: Attempt, outcome: str, usage: Usage | None, reply: ChatReply | None) -> None:
            told.append(outcome)

    with FaultyServer(status(500)) as server:
        model = of_client(server, Budget(calls=2))
        assert model.watch(Watcher())
        running(model, lambda model: model.complete(call_of()))
    assert told.count("server_error") == 2
    assert told.count("begun") == len(told) / 2


def test_a_request_that_could_not_be_written_down_is_not_sent_and_gives_all_back() -> None:
    class Full:
        async def begin(self, attempt: Attempt) -> None:
            raise InputError("the disk is full")

        async def end(self, attempt: Attempt, outcome: str, usage: Usage | None, reply: ChatReply | None) -> None:
            raise AssertionError

    budget = Budget(calls=2)
    with FaultyServer(says("Hello.")) as server:
        model = of_client(server, budget)
        model.watch(Full())
        with pytest.raises(InputError, match="disk"):
            running(model, lambda model: model.complete(call_of()))
        assert not server.chats
    assert budget.used == Amount()


def test_a_rejection_reaches_a_model_that_keeps_replies_and_is_nothing_to_others(tmp_path: Path) -> None:
    async def work(server: FaultyServer) -> list[str]:
        journaled = JournaledModel(ChatClient(Endpoint.parse(server.model), SWIFT), tmp_path / "j.db")
        model = BudgetedModel(journaled, Budget(calls=9))
        texts = [(await model.complete(CALL)).text]
        model.reject(CALL)
        texts += [(await model.complete(CALL)).text for _ in range(2)]
        await model.aclose()
        return texts

    with FaultyServer([says("Hm."), says("Yes.")]) as server:
        assert asyncio.run(work(server)) == ["Hm.", "Yes.", "Yes."]
    BudgetedModel(Echo(), Budget(calls=9)).reject(CALL)


def test_finding_out_what_a_server_can_do_is_outside() -> None:
    budget = Budget(calls=1)
    with FaultyServer(says("Hello."), persona="vllm") as server:
        call = call_of(grammar='root ::= "Hello."')
        assert running(of_client(server, budget), lambda model: model.complete(call)) == []
    assert budget.used.calls == 1
