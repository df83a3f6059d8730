"""Has one chat model judge the queries of one call, and does what can be done where it fails.

In: queries that fit one call. Out: a verdict for each; without a label, and with the reason, where the model came to
none. The ways out of a failure, in order: without log-probabilities, if the server may have refused these; once more
with another seed, if the reply cannot be read; in halves, down to single claims, if a smaller question may succeed.
What the client itself has tried again (refiner/chat/) is not tried again here. Not here: another model
(chat_judge.py).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.judges.chat.judge_prompt import judge_messages
from citerefine.judges.chat.label_odds import TOP, read_odds
from citerefine.judges.chat.verdict_lines import read_verdicts, verdict_grammar
from citerefine.judges.verdict import SupportQuery, Verdict, not_judged
from citerefine.refiner.chat.call import ChatCall, ChatReply, Finish, Sampling
from citerefine.refiner.errors import CallError
from citerefine.refiner.protocols import ChatModel

TOKENS_A_LINE: Final = 16
"""Most tokens of a verdict line."""
AGAIN_TEMPERATURE: Final = 0.3
"""Least temperature of a second attempt: at 0 another seed would change nothing."""
MOST_SPOILT: Final = 3
"""After so many single claims without one readable reply, a model is taken for one that gives none."""

_FATAL: Final = ("unauthorized", "no_such_model", "budget")
"""After these, no call will succeed."""
_TOO_MUCH: Final = ("context_exceeded", "bad_request", "too_large", "unparsable", "truncated", "refusal")
"""After these, a call about fewer claims may succeed."""
_UNREADABLE: Final = ("unparsable", "truncated", "refusal")
"""After these, the same question may succeed with another seed."""
_ENDINGS: Final[dict[Finish, tuple[str, str]]] = {
    "length": ("truncated", "the reply was cut at its token limit"),
    "refusal": ("refusal", "the model, or a filter before it, declined"),
    "tool_calls": ("unparsable", "the model called a function"),
}


class _Failed(NamedTuple):
    code: str
    what: str


class Examiner:
    """One chat model as a judge."""

    def __init__(self, model: ChatModel, judge: str, sampling: Sampling, thinking_tokens: int) -> None:
        """The model, the name that verdicts bear, how it is sampled, how long it may think."""
        self._model = model
        self._judge = judge
        self._sampling = sampling
        self._thinking_tokens = thinking_tokens
        self._has_replied = False
        self._has_judged = False
        self._spoilt = 0
        """Single claims that it gave no readable reply about."""
        self._gives_odds = True

    @property
    def model_name(self) -> str:
        """The model string."""
        return self._model.name

    async def examine(self, queries: Sequence[SupportQuery], *, attempts: int = 2) -> list[Verdict]:
        """A verdict for each query, in order.

        Raises:
            CallError: if no call to this model will succeed.
        """
        outcome = await self._ask(queries, 0)
        if attempts > 1 and isinstance(outcome, _Failed) and outcome.code in _UNREADABLE:
            outcome = await self._ask(queries, 1)
        if not isinstance(outcome, _Failed):
            return outcome
        if len(queries) > 1 and outcome.code in _TOO_MUCH and (self._has_judged or self._spoilt < MOST_SPOILT):
            middle = len(queries) // 2
            # One after the other, so that a call counts as one however it is cut; and once, since halves are many.
            return [
                *await self.examine(queries[:middle], attempts=1),
                *await self.examine(queries[middle:], attempts=1),
            ]
        self._spoilt += len(queries) == 1 and outcome.code in _UNREADABLE
        return [not_judged(self._judge, *outcome)] * len(queries)

    async def _ask(self, queries: Sequence[SupportQuery], attempt: int) -> list[Verdict] | _Failed:
        try:
            reply = await self._reply(queries, attempt)
        except CallError as error:
            # A model that has never replied refuses us, not these claims.
            never = error.code == "bad_request" and len(queries) == 1 and not self._has_replied
            if error.code in _FATAL or never:
                raise
            return _Failed(error.code, str(error))
        self._has_replied = True
        return self._read(reply, len(queries))

    async def _reply(self, queries: Sequence[SupportQuery], attempt: int) -> ChatReply:
        call = self._call(queries, attempt, with_odds=self._gives_odds)
        try:
            return await self._model.complete(call)
        except CallError as error:
            if error.code != "bad_request" or not self._gives_odds:
                raise
        reply = await self._model.complete(self._call(queries, attempt, with_odds=False))
        self._gives_odds = False  # it took the same question without
        return reply

    def _call(self, queries: Sequence[SupportQuery], attempt: int, *, with_odds: bool) -> ChatCall:
        first = self._sampling
        sampling = Sampling(
            max_tokens=TOKENS_A_LINE * (len(queries) + 1) + self._thinking_tokens,
            temperature=max(first.temperature, AGAIN_TEMPERATURE) if attempt else first.temperature,
            seed=None if first.seed is None else first.seed + attempt,
            top_logprobs=TOP if with_odds else None,
        )
        return ChatCall(
            messages=judge_messages(queries),
            sampling=sampling,
            grammar=verdict_grammar(len(queries)),
            thinking=self._thinking_tokens > 0,
        )

    def _read(self, reply: ChatReply, count: int) -> list[Verdict] | _Failed:
        if reply.finish != "stop":
            return _Failed(*_ENDINGS[reply.finish])
        thinks = self._thinking_tokens > 0
        try:
            labels = read_verdicts(reply.text, count, thinks=thinks)
        except ValueError as error:
            return _Failed("unparsable", f"the reply is not the {count} verdicts that were asked for: {error}")
        self._has_judged = True
        odds = read_odds(reply, count, thinks=thinks)
        return [Verdict(label=label, p_supported=p, judge=self._judge) for label, p in zip(labels, odds, strict=True)]
