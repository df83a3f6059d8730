"""What one call has set aside of a budget, request by request.

In: a call with its first reservation, its requests as they begin and end (attempts.py). Out: the budget, in which each
request counts by itself. A request that is sent again is reserved again; where nobody knows what one used, its
reservation stays; what was never sent gives all back. Not here: bounds, and who is told of requests (budget.py).

Several budgets may stand around one model, and several runs may share it: whose call it is that a request belongs to
is known by the context that it is made in, not by who watches the model.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from citerefine.refiner.chat.attempts import FREE, PAID, Attempt
from citerefine.refiner.chat.call import ChatReply
from citerefine.refiner.errors import CallError
from citerefine.refiner.records import Usage

if TYPE_CHECKING:
    from citerefine.refiner.chat.budget import Amount, Budget

_PAYING: Final[ContextVar["CallAccount | None"]] = ContextVar("paying", default=None)


class CallAccount:
    """A call, and what its requests hold of a budget."""

    def __init__(self, budget: "Budget", key: str, reserved: "Amount") -> None:
        """`key`: of the call; `reserved`: for its first request, and as much again for each further one."""
        self._budget, self._key, self._each = budget, key, reserved
        self._first: Amount | None = reserved
        self._outer = _PAYING.get()
        self._held: dict[str, Amount] = {}

    @classmethod
    def current(cls) -> "CallAccount | None":
        """That of the call that is being made in this context."""
        return _PAYING.get()

    @contextmanager
    def pays(self) -> Iterator[None]:
        """Requests that are begun in the block, and in tasks that it makes, are this call's."""
        token = _PAYING.set(self)
        try:
            yield
        finally:
            _PAYING.reset(token)

    async def pays_for(self, items: AsyncIterator[str | ChatReply]) -> AsyncGenerator[str | ChatReply, None]:
        """The items of a stream whose requests are this call's: it runs in the context of whoever takes the next."""
        try:
            while True:
                with self.pays():
                    item = await anext(items, None)
                if item is None:
                    return
                yield item
        finally:
            if isinstance(items, AsyncGenerator):
                await items.aclose()

    def begin(self, attempt: Attempt) -> None:
        """Before a request is sent. Raises CallError `budget` if it must not be: it is too much, or too late.

        Requests of other calls, by which a server is found out about, are not counted.
        """
        if attempt.key != self._key or attempt.id in self._held:
            return
        if self._outer:
            self._outer.begin(attempt)
        try:
            self._held[attempt.id] = self._take()
        except CallError:
            if self._outer:
                self._outer.end(attempt.id, PAID)
            raise

    def _take(self) -> "Amount":
        first = self._first
        if first is None:
            return self._budget.hold(self._each)
        self._budget.check_time()
        self._first = None
        return first

    def end(self, attempt_id: str, usage: Usage | None) -> None:
        """When a request is over; None if nobody knows what it used."""
        reserved = self._held.pop(attempt_id, None)
        if reserved is not None:
            self._budget.settle(reserved, usage)
        if self._outer:
            self._outer.end(attempt_id, usage)

    def close(self, usage: Usage | None) -> None:
        """When the call is over: settles it as a whole, if no request of it was told."""
        first, self._first = self._first, None
        if first is not None:
            self._budget.settle(first, usage)


def used_by(outcome: str, usage: Usage | None) -> Usage | None:
    """What a request that ended so counts: one that never left, not even as a call."""
    return PAID if outcome == "unreachable" and usage == FREE else usage
