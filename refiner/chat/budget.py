"""What several calls together may use: reserved before each call, settled after it.

In: the bounds; calls on their way to any chat model. Out: the model's replies, or CallError `budget` before a call
that might exceed a bound. Shared by tasks and threads: what is reserved counts as used until it is settled, so that
calls made at once cannot exceed a bound together. Not here: bounds of one call (limits.py, Sampling.max_tokens).
"""

import json
import math
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Final, NamedTuple

from citerefine.refiner.chat.attempts import AttemptWatcher, Watchable, usage_of_failure
from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.protocols import Capabilities, ChatModel
from citerefine.refiner.records import Usage

_TEMPLATE_TOKENS: Final = 8
"""What a chat template puts around a message, at most."""
_SOFT: Final = 0.9


class Amount(NamedTuple):
    """What calls use."""

    calls: int = 0
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
            calls: most calls.
            tokens: most tokens of prompts and replies together.
            dollars: most US dollars.
            prices: what tokens cost, which a bound in dollars needs.
            seconds: after the first call, no further one begins later than that.
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
        """What was used, and what calls under way may use at most."""
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
        """Sets aside what a call uses at most. Raises CallError `budget` if that is more than is left."""
        amount = Amount(1, prompt_tokens + reply_tokens, self._dollars(prompt_tokens, reply_tokens))
        with self._lock:
            self._begin = time.monotonic() if self._begin is None else self._begin
            if self.left("seconds") == 0:
                raise CallError(
                    f"the {self._most['seconds']:g} s of the budget are over; raise the budget or ask for less",
                    "budget",
                )
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

    def _dollars(self, prompt_tokens: int, reply_tokens: int) -> float:
        usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=reply_tokens)
        return (self._prices.cost(usage) or 0.0) if self._prices else 0.0


class BudgetedModel:
    """A chat model whose calls count towards a budget (protocols.ChatModel)."""

    def __init__(self, model: ChatModel, budget: Budget) -> None:
        self._model = model
        self._budget = budget

    @property
    def name(self) -> str:
        """The model string."""
        return self._model.name

    def watch(self, watcher: AttemptWatcher) -> bool:
        """Tells this watcher of each request, if the model can."""
        return isinstance(self._model, Watchable) and self._model.watch(watcher)

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError, `budget` where the call might exceed it."""
        reserved = await self._reserve(call)
        try:
            reply = await self._model.complete(call)
        except CallError as error:
            self._give_back(reserved, error)
            raise
        self._budget.settle(reserved, reply.usage)
        return reply

    async def stream(self, call: ChatCall) -> AsyncGenerator[str | ChatReply, None]:
        """The reply's text in pieces, and last the whole reply. Raises CallError, as `complete`."""
        reserved = await self._reserve(call)
        try:
            async for item in self._model.stream(call):
                if isinstance(item, ChatReply):
                    self._budget.settle(reserved, item.usage)
                yield item
        except CallError as error:
            self._give_back(reserved, error)
            raise

    async def _reserve(self, call: ChatCall) -> Amount:
        texts = [message.content for message in call.messages]
        texts += [tool.arguments for message in call.messages for tool in message.tool_calls]
        texts += [json.dumps(tool.model_dump(mode="json")) for tool in call.tools]
        tokens = sum(await self._model.count_tokens(texts)) + _TEMPLATE_TOKENS * len(texts)
        return self._budget.reserve(tokens, call.sampling.max_tokens)

    def _give_back(self, reserved: Amount, error: CallError) -> None:
        self._budget.settle(reserved, usage_of_failure(error))

    async def capabilities(self) -> Capabilities:
        """What the model can do; costs nothing of the budget. Raises CallError if it cannot be reached."""
        return await self._model.capabilities()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, as the model counts them."""
        return await self._model.count_tokens(texts)

    async def aclose(self) -> None:
        """Gives back what the model holds."""
        await self._model.aclose()
