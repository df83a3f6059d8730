"""Has one chat model answer the questions of one call, and does what can be done where it fails.

In: questions that fit one call, and how they are put. Out: what was said to each; where the model said nothing that
counts, the reason. The ways out of a failure, in order: without log-probabilities, if the server may have refused
these; once more with another seed, if the reply cannot be read; in halves, down to single questions, if a smaller call
may succeed. All of them together are few calls, so that whoever writes what a model chokes on cannot make them many. A
model that keeps replies is told of those that cannot be read, or it would give them again for ever. What the client
itself has tried again (refiner/chat/) is not tried again here. Not here: several calls, another model (panel.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from citerefine.judges.strips.odds import TOP, Odds, read_odds
from citerefine.judges.strips.strip import Item, read_strip, strip_grammar
from citerefine.refiner.chat.call import ChatCall, ChatReply, Finish, Message, Sampling
from citerefine.refiner.errors import CallError
from citerefine.refiner.protocols import ChatModel, Rejects
from citerefine.refiner.records import Usage

Q = TypeVar("Q")

ATTEMPTS: Final = 2
"""How often the same call is made at most; each has a seed of its own."""
TOKENS_A_LINE: Final = 16
"""Most tokens of a verdict line."""
AGAIN_TEMPERATURE: Final = 0.3
"""Least temperature of a second attempt: at 0 another seed would change nothing."""
MOST_CALLS: Final = 20
"""Most calls about the questions of one call: enough to tell two of 24 apart that spoil it."""
MOST_SPOILT: Final = 3
"""After so many single questions without one readable reply, a model is taken for one that gives none."""

_FATAL: Final = ("unauthorized", "no_such_model", "budget")
"""After these, no call will succeed."""
_TOO_MUCH: Final = ("context_exceeded", "bad_request", "too_large", "unparsable", "truncated", "refusal")
"""After these, a call with fewer questions may succeed."""
_UNREADABLE: Final = ("unparsable", "truncated", "refusal")
"""After these, the same call may succeed with another seed."""
_ENDINGS: Final[dict[Finish, tuple[str, str]]] = {
    "length": ("truncated", "the reply was cut at its token limit"),
    "refusal": ("refusal", "the model, or a filter before it, declined"),
    "tool_calls": ("unparsable", "the model called a function"),
}


class Posed(NamedTuple):
    """Questions as a model is asked them."""

    messages: tuple[Message, ...]
    items: tuple[Item, ...]
    """What may be said to each."""


class Verdict(NamedTuple):
    """What a model said to a question."""

    word: str
    pointer: int | None
    odds: Odds | None
    backup: str = ""
    """The backup model that said it; empty if it was the first one."""


class NoVerdict(NamedTuple):
    """Why nothing was said to a question."""

    code: str
    """A key of `errors.CALL_FAILURES`, `unparsable`, `truncated` or `refusal`."""
    what: str


Outcome = Verdict | NoVerdict


@dataclass(slots=True)
class _Batch:
    """What all calls about the questions of one call share."""

    sampling: Sampling
    bill: list[Usage]
    keeps: bool
    calls: int = 0
    """That were made."""


class Examiner(Generic[Q]):
    """One chat model as a judge."""

    def __init__(
        self, model: ChatModel, pose: Callable[[Sequence[Q]], Posed], *, thinking_tokens: int, alike: bool
    ) -> None:
        """An examiner.

        Args:
            model: who is asked.
            pose: writes the prompt of a call.
            thinking_tokens: how long the model may think.
            alike: whether questions are short beside what all share, so that where half of them do not fit the
                context none does, and where both halves of them are refused it is for what they share.
        """
        self._model = model
        self._pose = pose
        self._thinking_tokens = thinking_tokens
        self._alike = alike
        self._has_replied = False
        self._has_judged = False
        self._spoilt = 0
        """Single questions that it gave no readable reply to."""
        self._gives_odds = True

    @property
    def model_name(self) -> str:
        """The model string."""
        return self._model.name

    async def examine(
        self, asked: Sequence[Q], sampling: Sampling, bill: list[Usage], *, keeps: bool = False
    ) -> list[Outcome]:
        """What was said to each question, in order.

        Args:
            asked: the questions.
            sampling: of the first attempt.
            bill: what the replies consumed is added to it.
            keeps: whether a budget that ends is a reason like another, so that what was said before is kept.

        Raises:
            CallError: if no call to this model will succeed.
        """
        return await self._examine(asked, _Batch(sampling, bill, keeps), ATTEMPTS)

    async def _examine(self, asked: Sequence[Q], batch: _Batch, attempts: int) -> list[Outcome]:
        outcome: list[Outcome] | NoVerdict = NoVerdict("", "")
        for attempt in range(attempts):
            outcome = await self._ask(self._pose(asked), _seeded(batch.sampling, attempt), batch)
            if not isinstance(outcome, NoVerdict) or outcome.code not in _UNREADABLE:
                break
        return await self._settle(asked, outcome, batch)

    async def _settle(self, asked: Sequence[Q], outcome: list[Outcome] | NoVerdict, batch: _Batch) -> list[Outcome]:
        """What was said to each question, where this came of asking all of them at once."""
        if not isinstance(outcome, NoVerdict):
            return outcome
        if len(asked) > 1 and outcome.code in _TOO_MUCH and (self._has_judged or self._spoilt < MOST_SPOILT):
            if self._alike and outcome.code == "refusal":
                return await self._refused_halves(asked, batch, outcome)
            return await self._halves(asked, batch, outcome)
        self._spoilt += len(asked) == 1 and outcome.code in _UNREADABLE
        return [outcome] * len(asked)

    async def _halves(self, asked: Sequence[Q], batch: _Batch, whole: NoVerdict) -> list[Outcome]:
        """One after the other, so that a call counts as one however it is cut; and once, since halves are many."""
        middle, found = len(asked) // 2, list[Outcome]()
        for half in (asked[:middle], asked[middle:]):
            if self._alike and found and all(_is(one, "context_exceeded") for one in found):
                return [*found, *found[:1] * len(half)]
            spent = batch.calls >= MOST_CALLS
            found += [whole] * len(half) if spent else await self._examine(half, batch, 1)
        return found

    async def _refused_halves(self, asked: Sequence[Q], batch: _Batch, whole: NoVerdict) -> list[Outcome]:
        """Both are asked before either is cut, so that an answer that is refused is found out in few calls."""
        if batch.calls + 2 > MOST_CALLS:
            return [whole] * len(asked)
        middle = len(asked) // 2
        halves = asked[:middle], asked[middle:]
        outcomes = [await self._ask(self._pose(half), batch.sampling, batch) for half in halves]
        if all(isinstance(one, NoVerdict) and _is(one, "refusal") for one in outcomes):
            return [whole] * len(asked)
        settled = [await self._settle(half, one, batch) for half, one in zip(halves, outcomes, strict=True)]
        return [*settled[0], *settled[1]]

    async def _ask(self, posed: Posed, sampling: Sampling, batch: _Batch) -> list[Outcome] | NoVerdict:
        batch.calls += 1
        try:
            call, reply = await self._reply(posed, sampling)
        except CallError as error:
            # A model that has never replied refuses us, not this question.
            never = error.code == "bad_request" and len(posed.items) == 1 and not self._has_replied
            if never or (error.code in _FATAL and not (batch.keeps and error.code == "budget")):
                raise
            return NoVerdict(error.code, str(error))
        self._has_replied = True
        batch.bill.append(reply.usage)
        found = self._read(reply, posed.items)
        if isinstance(found, NoVerdict) and found.code == "unparsable" and isinstance(self._model, Rejects):
            self._model.reject(call)
        return found

    async def _reply(self, posed: Posed, sampling: Sampling) -> tuple[ChatCall, ChatReply]:
        call = self._call(posed, sampling, with_odds=self._gives_odds)
        try:
            return call, await self._model.complete(call)
        except CallError as error:
            if error.code != "bad_request" or not self._gives_odds:
                raise
        call = self._call(posed, sampling, with_odds=False)
        reply = await self._model.complete(call)
        self._gives_odds = False  # it took the same question without
        return call, reply

    def _call(self, posed: Posed, sampling: Sampling, *, with_odds: bool) -> ChatCall:
        tokens = TOKENS_A_LINE * (len(posed.items) + 1) + self._thinking_tokens
        return ChatCall(
            messages=posed.messages,
            sampling=sampling.model_copy(update={"max_tokens": tokens, "top_logprobs": TOP if with_odds else None}),
            grammar=strip_grammar(posed.items),
            thinking=self._thinking_tokens > 0,
        )

    def _read(self, reply: ChatReply, items: Sequence[Item]) -> list[Outcome] | NoVerdict:
        if reply.finish != "stop":
            return NoVerdict(*_ENDINGS[reply.finish])
        thinks = self._thinking_tokens > 0
        try:
            said = read_strip(reply.text, items, thinks=thinks)
        except ValueError as error:
            return NoVerdict("unparsable", f"the reply is not the {len(items)} verdicts that were asked for: {error}")
        self._has_judged = True
        odds = read_odds(reply, items, thinks=thinks)
        return [Verdict(one.word, one.pointer, p) for one, p in zip(said, odds, strict=True)]


def _is(outcome: Outcome, code: str) -> bool:
    return isinstance(outcome, NoVerdict) and outcome.code == code


def _seeded(first: Sampling, attempt: int) -> Sampling:
    """How a call is sampled the first time, and the times after."""
    if not attempt:
        return first
    seed = None if first.seed is None else first.seed + attempt
    return first.model_copy(update={"temperature": max(first.temperature, AGAIN_TEMPERATURE), "seed": seed})
