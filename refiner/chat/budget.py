"""What several calls together may use: reserved before each request, settled after it.

In: the bounds; calls on their way to any chat model. Out: the model's replies, or CallError `budget` before a request
that might exceed a bound. Shared by tasks and threads: what is reserved counts as used until it is settled, so that
requests made at once cannot exceed a bound together. Requests are counted one by one, those that are sent again too,
if the model tells of them; else calls. What finds out what a server can do (its grammar, its tokenizer) is outside.
Not here: bounds of one call (limits.py, Sampling.max_tokens), what one call has reserved (paying.py).
"""

import asyncio
import json
import math
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from citerefine.refiner.chat.attempts import PAID, Attempt, AttemptWatcher, Keyed, Watchable, usage_of_failure
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.chat.paying import CallAccount, used_by
from citerefine.refiner.chat.single_flight import SingleFlight
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.protocols import Capabilities, ChatModel, Rejects
from citerefine.refiner.records import Usage

_TEMPLATE_TOKENS: Final = 8
"""What a chat template puts around a message, at most."""
_COUNT_SECONDS: Final = 1.0
"""Longest time for a server's tokenizer; one that takes longer is not asked again."""
_SOFT: Final = 0.9


class Amount(NamedTuple):
    """What calls use."""

    calls: int = 0
    """Requests, where the model tells of them."""
    tokens: int = 0
    """Of prompts and replies."""
    dollars: float = 0.0


class Budget:
    """Bounds over several calls, and what is left of them."""

    def __init__(
        self,
        *,
        calls: int | None = None,
        tokens: int | None = None,
        dollars: float | None = None,
        prices: Prices | None = None,
        seconds: float | None = None,
        soft: float = _SOFT,
    ) -> None:
        """Bounds; None sets none.

        Args:
            calls: most calls; one that is sent again counts again.
            tokens: most tokens of prompts and replies together.
            dollars: most US dollars.
            prices: what tokens cost, which a bound in dollars needs.
            seconds: after the first call, no further request begins later than that.
            soft: share of a bound after which the budget is tight: callers who can should ask for less.

        Raises:
            InputError: if dollars are bounded and no prices are known, or a bound is below 0 or no number.
        """
        for name, most in {"calls": calls, "tokens": tokens, "dollars": dollars, "seconds": seconds}.items():
            if most is not None and not 0 <= most < math.inf:
                raise InputError(f"a budget of {most} {name} is none; give a number from 0 on, or leave it out")
        if not 0 < soft <= 1:
            raise InputError(f"a budget cannot be tight from {soft} of it on; give a share above 0 and at most 1")
        if dollars is not None and prices is None:
            raise InputError(f"a budget of {dollars} dollars needs prices; set CITEREFINE_PRICES, as in 0.15,0.60")
        self._most = {"calls": calls, "tokens": tokens, "dollars": dollars, "seconds": seconds}
        self._soft = soft
        self._prices = prices
        self._begin: float | None = None
        self._used = Amount()
        self._lock = threading.Lock()

    @property
    def used(self) -> Amount:
        """What was used, and what requests under way, or of unknown use, may have used at most."""
        return self._used

    @property
    def is_tight(self) -> bool:
        """Whether the soft share of any bound is used or reserved."""
        return any(most is not None and self._used_of(bound) >= self._soft * most for bound, most in self._most.items())

    def left(self, bound: str) -> float | None:
        """What is left of `calls`, `tokens`, `dollars` or `seconds`; None if that is not bounded."""
        most = self._most[bound]
        return None if most is None else max(0, most - self._used_of(bound))

    def _used_of(self, bound: str) -> float:
        if bound == "seconds":
            return 0.0 if self._begin is None else time.monotonic() - self._begin
        used: float = getattr(self._used, bound)
        return used

    def reserve(self, prompt_tokens: int, reply_tokens: int) -> Amount:
        """Sets aside what a request uses at most. Raises CallError `budget` if that is more than is left."""
        amount = self._most_of(prompt_tokens, reply_tokens)
        self.hold(amount)
        return amount

    def hold(self, amount: Amount) -> Amount:
        """Sets an amount aside. Raises as `reserve`."""
        with self._lock:
            self._begin = time.monotonic() if self._begin is None else self._begin
            self.check_time()
            for bound, wanted in amount._asdict().items():
                left = self.left(bound)
                if left is not None and wanted > left:
                    raise CallError(
                        f"the call may use {wanted:g} {bound}, and {left:g} of {self._most[bound]:g} are left; raise "
                        "the budget or ask for less",
                        "budget",
                    )
            self._add(amount, 1)
        return amount

    def check_time(self) -> None:
        """Raises CallError `budget` if nothing more may begin."""
        if self.left("seconds") == 0:
            raise CallError(
                f"the {self._most['seconds']:g} s of the budget are over; raise the budget or ask for less", "budget"
            )

    def fits(self, prompt_tokens: int, reply_tokens: int) -> bool:
        """Whether that much could be reserved now."""
        amount = self._most_of(prompt_tokens, reply_tokens)._asdict()
        return all(left is None or amount[bound] <= left for bound in amount for left in [self.left(bound)])

    def _most_of(self, prompt_tokens: int, reply_tokens: int) -> Amount:
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=reply_tokens)
        dollars = (self._prices.cost(usage) or 0.0) if self._prices else 0.0
        return Amount(1, prompt_tokens + reply_tokens, dollars)

    def settle(self, reserved: Amount, usage: Usage | None) -> None:
        """Replaces what was reserved by what was used; None keeps it, as where nobody knows what was used."""
        if usage is None:
            return
        used = self._amount(reserved, usage)
        with self._lock:
            self._add(reserved, -1)
            self._add(used, 1)

    def _amount(self, reserved: Amount, usage: Usage) -> Amount:
        counted = usage.prompt_tokens is not None and usage.completion_tokens is not None
        tokens = (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) if counted else reserved.tokens
        cost = usage.cost if usage.cost is not None or self._prices is None else self._prices.cost(usage)
        return Amount(usage.calls, tokens, reserved.dollars if cost is None else cost)

    def _add(self, amount: Amount, sign: int) -> None:
        calls, tokens, dollars = self._used
        self._used = Amount(calls + sign * amount.calls, tokens + sign * amount.tokens, dollars + sign * amount.dollars)


class BudgetedModel:
    """A chat model whose requests count towards a budget (protocols.ChatModel, protocols.Rejects)."""

    def __init__(self, model: ChatModel, budget: Budget) -> None:
        """Watches the requests of `model`, in the place of whoever watched them; see `watch`."""
        self._model = model
        self._budget = budget
        self._watcher: AttemptWatcher | None = None
        self._begun = dict[str, CallAccount | None]()
        self._flights = WeakKeyDictionary[asyncio.AbstractEventLoop, SingleFlight[ChatReply]]()
        self._counts = True
        self._told = isinstance(model, Watchable) and model.watch(self)

    @property
    def name(self) -> str:
        """The model string."""
        return self._model.name

    def watch(self, watcher: AttemptWatcher) -> bool:
        """Tells this watcher of each request that the budget lets through, if the model tells of them."""
        self._watcher = watcher
        return self._told

    async def begin(self, attempt: Attempt) -> None:
        """Reserves what a request may use (attempts.AttemptWatcher). Raises CallError `budget`: it is not sent."""
        account = CallAccount.current()
        if account:
            account.begin(attempt)
        self._begun[attempt.id] = account
        try:
            if self._watcher:
                await self._watcher.begin(attempt)
        except BaseException:
            self._settle(attempt.id, PAID)
            raise

    async def end(self, attempt: Attempt, outcome: str, usage: Usage | None, reply: ChatReply | None) -> None:
        """Settles a request (attempts.AttemptWatcher); one that was let through, and others are nobody's."""
        if attempt.id not in self._begun:
            return
        self._settle(attempt.id, used_by(outcome, usage))
        if self._watcher:
            await self._watcher.end(attempt, outcome, usage, reply)

    def _settle(self, attempt_id: str, usage: Usage | None) -> None:
        account = self._begun.pop(attempt_id)
        if account:
            account.end(attempt_id, usage)

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError, `budget` where the call might exceed it.

        Equal deterministic calls at once are made once, and reserved once.
        """
        if call.sampling.temperature > 0 and call.sampling.seed is None:
            return await self._complete(call)
        # Here and not in the model alone: who counts tokens first may come when the equal call is just over.
        flights = self._flights.setdefault(asyncio.get_running_loop(), SingleFlight())
        shared = await flights.run(call.key, partial(self._complete, call))
        return shared.value.model_copy(update={"usage": PAID}) if shared.taken else shared.value

    async def _complete(self, call: ChatCall) -> ChatReply:
        account = await self._open(call)
        try:
            with account.pays():
                reply = await self._model.complete(call)
        except BaseException as error:
            account.close(self._usage_of(error))
            raise
        account.close(reply.usage)
        return reply

    async def stream(self, call: ChatCall) -> AsyncGenerator[str | ChatReply, None]:
        """The reply's text in pieces, and last the whole reply. Raises CallError, as `complete`."""
        account = await self._open(call)
        try:
            async with aclosing(account.pays_for(self._model.stream(call))) as items:
                async for item in items:
                    if isinstance(item, ChatReply):
                        account.close(item.usage)
                    yield item
        except BaseException as error:
            account.close(self._usage_of(error))
            raise

    async def _open(self, call: ChatCall) -> CallAccount:
        texts = [message.content for message in call.messages]
        texts += [tool.arguments for message in call.messages for tool in message.tool_calls]
        texts += [json.dumps(tool.model_dump(mode="json")) for tool in call.tools]
        around, reply = _TEMPLATE_TOKENS * len(texts), call.sampling.max_tokens
        tokens = sum(map(estimate_tokens, texts)) + around
        # Counting asks the server, and takes time that no deadline of the call holds: only where it may decide.
        if self._counts and not self._budget.fits(tokens, reply) and self._budget.fits(around, reply):
            tokens = min(tokens, await self._count(texts) + around)
        return CallAccount(self._budget, call.key, self._budget.reserve(tokens, reply))

    async def _count(self, texts: Sequence[str]) -> int:
        try:
            async with asyncio.timeout(_COUNT_SECONDS):
                return sum(await self._model.count_tokens(texts))
        except TimeoutError:
            self._counts = False
            return sum(map(estimate_tokens, texts))

    def _usage_of(self, error: BaseException) -> Usage | None:
        """What a call that failed used, of which no request was told."""
        if self._told:
            return PAID  # so none was sent
        return usage_of_failure(error) if isinstance(error, CallError) else None

    def request_keys(self, call: ChatCall) -> tuple[str, ...]:
        """Keys of the requests that would ask this call now (attempts.Keyed)."""
        return self._model.request_keys(call) if isinstance(self._model, Keyed) else (call.key,)

    async def find_keys(self, call: ChatCall) -> tuple[str, ...]:
        """The same, after asking the server; costs nothing of the budget. Raises CallError if it cannot be asked."""
        return await self._model.find_keys(call) if isinstance(self._model, Keyed) else (call.key,)

    def reject(self, call: ChatCall) -> None:
        """Says that the last reply to a call was of no use, to a model that keeps replies (protocols.Rejects)."""
        if isinstance(self._model, Rejects):
            self._model.reject(call)

    async def capabilities(self) -> Capabilities:
        """What the model can do; costs nothing of the budget. Raises CallError if it cannot be reached."""
        return await self._model.capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, as the model counts them."""
        return await self._model.count_tokens(texts)

    async def aclose(self) -> None:
        """Gives back what the model holds."""
        await self._model.aclose()
