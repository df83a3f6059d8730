"""Notices replies that were meant for another request.

In: what was asked for, and the id and model of each reply. Out: what is wrong with it, or nothing. A server or proxy
that mixes up replies can be caught only where it gives something to compare:

- Once a server has put our request id into a reply's id (vLLM does), it must be in every later one.
- An id long enough to be unique must not come back with another call.
- vLLM names in a reply one of the models that it lists.
- All chunks of a stream have one id.

A mixed-up reply of a server that offers none of these, with a plausible text, cannot be told from a right one; for
answers, the validator still admits known ids only. Not here: what happens next (client.py asks once more).
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from citerefine.refiner.chat.replies import Wire

_UNIQUE_LENGTH: Final = 24
"""Ids of OpenAI, vLLM and llama.cpp have 38 characters and more; shorter ones are counters and short random numbers."""
_REMEMBERED: Final = 4096


class MixupGuard:
    """What one endpoint's replies have shown so far."""

    def __init__(self) -> None:
        self._echoes = False
        self._calls: OrderedDict[str, str] = OrderedDict()

    def complaint(self, wire: Wire, request_id: str, call_key: str, models: Collection[str]) -> str | None:
        """What shows that a reply answers another request; None if nothing does.

        Args:
            wire: the reply, or the first chunk of it.
            request_id: what was sent along with the request.
            call_key: of the call that was asked.
            models: names that a reply can bear; none if any can.
        """
        reply_id = wire.id
        if models and wire.model and wire.model not in models:
            return f"it is of the model {wire.model[:60]!r}, which the server does not list"
        if request_id in reply_id:
            self._echoes = True
        elif self._echoes:
            return f"its id {reply_id[:60]!r} is not that of this request, so it answers another one"
        if len(reply_id) < _UNIQUE_LENGTH:
            return None
        known = self._calls.setdefault(reply_id, call_key)
        if len(self._calls) > _REMEMBERED:
            self._calls.popitem(last=False)
        return None if known == call_key else f"its id {reply_id[:60]!r} is that of an earlier reply to another call"
