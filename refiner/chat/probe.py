"""The long look at a model that `doctor` takes: each ability is tried, none is believed.

In: a chat model. Out: one `Trait` after another. It costs about six short calls. Not here: what every call needs to
know (capabilities.py), how findings are shown.
"""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple

from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.errors import CallError
from citerefine.refiner.protocols import Capabilities, ChatModel

REACHABLE: Final = "reachable"
"""Name of the first trait, without which there are no others."""
_COUNTER: Final = r"^vllm:prefix_cache_{}_total(?:\{{[^}}]*\}})? ([0-9.eE+]+)$"
_LONG: Final = " ".join(f"{number} is followed by {number + 1}." for number in range(40))
"""Longer than the blocks in which servers cache prompts, short enough for a small context."""


class Trait(NamedTuple):
    """One thing that a model can or cannot do."""

    name: str
    ok: bool
    detail: str


class _Cached(NamedTuple):
    """Prompt tokens since the server started."""

    hits: float
    queries: float


async def probe(model: ChatModel) -> AsyncIterator[Trait]:
    """What was found, in a fixed order; after a model that cannot be reached comes nothing more."""
    begin = time.perf_counter()
    try:
        can = await model.capabilities()
        reply = await model.complete(_call("Say hello."))
    except CallError as error:
        yield Trait(REACHABLE, False, str(error))
        return
    yield Trait(REACHABLE, True, f"{can.server or 'it'} replied after {time.perf_counter() - begin:.2f} s")
    yield _name(can, reply, model.name)
    yield _context(can)
    yield _grammar(can)
    yield await _tried("logprobs", lambda: _logprobs(model))
    yield await _tried("streaming", lambda: _streaming(model))
    yield await _tried("prefix cache", lambda: _prefix_cache(model))


def _call(text: str, top_logprobs: int | None = None) -> ChatCall:
    sampling = Sampling(max_tokens=16, top_logprobs=top_logprobs)
    return ChatCall(messages=(Message(role="user", content=text),), sampling=sampling)


def _name(can: Capabilities, reply: ChatReply, asked: str) -> Trait:
    name = can.model or reply.model
    if name is None:
        return Trait("model name", False, "the server does not say")
    differs = asked.startswith("openai:") and not asked.startswith(f"openai:{name}@")
    return Trait("model name", True, f"{name} (asked for as {asked.partition(':')[2]})" if differs else name)


def _context(can: Capabilities) -> Trait:
    if can.context_tokens is None:
        return Trait("context length", False, "the server does not say; settings decide how long prompts are")
    return Trait("context length", True, f"{can.context_tokens:,} tokens")


def _grammar(can: Capabilities) -> Trait:
    if can.grammar:
        return Trait("grammar", True, f"kept to, sent as {can.grammar_field}")
    return Trait("grammar", False, "not kept to; unknown ids are caught when the answer is checked")


async def _tried(name: str, check: Callable[[], Awaitable[Trait]]) -> Trait:
    try:
        return await check()
    except CallError as error:
        return Trait(name, False, str(error))


async def _logprobs(model: ChatModel) -> Trait:
    reply = await model.complete(_call("Say hello.", top_logprobs=0))
    count = len(reply.logprobs)
    return Trait("logprobs", count > 0, f"for {count} tokens" if count else "the reply has none")


async def _streaming(model: ChatModel) -> Trait:
    pieces = [item async for item in model.stream(_call("Count from one to nine.")) if isinstance(item, str)]
    if len(pieces) > 1:
        return Trait("streaming", True, f"{len(pieces)} pieces")
    return Trait("streaming", False, "the whole reply came at once" if pieces else "no text came")


async def _prefix_cache(model: ChatModel) -> Trait:
    before = await _cached(model)
    await model.complete(_call(_LONG))
    reply = await model.complete(_call(_LONG))
    after = await _cached(model)
    if before and after and after.queries > before.queries:
        hits, queries = after.hits - before.hits, after.queries - before.queries
        return Trait("prefix cache", hits > 0, f"{hits:g} of {queries:g} prompt tokens of two equal calls were cached")
    cached = reply.usage.cached_tokens
    if cached is None:
        return Trait("prefix cache", False, "the server does not say")
    return Trait("prefix cache", cached > 0, f"{cached} of {reply.usage.prompt_tokens} prompt tokens were cached")


async def _cached(model: ChatModel) -> _Cached | None:
    """The counters that vLLM exports; None if the server has none."""
    if not isinstance(model, ChatClient):
        return None
    try:
        metrics = await model.fetch("/metrics")
    except CallError:
        return None
    hits, queries = (re.findall(_COUNTER.format(name), metrics, re.MULTILINE) for name in ("hits", "queries"))
    return _Cached(sum(map(float, hits)), sum(map(float, queries))) if queries else None
