"""Fits a request into a prompt of so many tokens, snippet by snippet.

In: a request, a budget, and what counts tokens. Out: `Prompt`: the messages, the evidence that they show, and what was
left out. A prompt that fits by a cautious estimate costs no call of the counter; else snippets are kept by relevance,
whole, in the order in which they were found; one that would take more than half of the room is shown as an excerpt,
its tag whole. Reasoning takes a quarter of the room at most, its end first. Not here: asking a model.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from citerefine.refiner.chat.call import Message
from citerefine.refiner.chat.token_estimate import bound_tokens, estimate_tokens
from citerefine.refiner.errors import CallError
from citerefine.refiner.evidence import Evidence, render_snippet
from citerefine.refiner.prompts.excerpt import CUT, excerpt
from citerefine.refiner.prompts.relevance import by_relevance
from citerefine.refiner.prompts.templates import fill, fill_escaped
from citerefine.refiner.records import Mode, Snippet
from citerefine.refiner.request import RefineRequest

Count = Callable[[Sequence[str]], Awaitable[list[int]]]
"""How many tokens each text has, at most."""

MESSAGE_TOKENS: Final = 12
"""What a chat template adds to a message, at most."""
MIN_EXCERPT: Final = 200
"""Shortest excerpt, in code points, that is worth its place."""
_SHARE_OF_SNIPPET: Final = 0.5
_SHARE_OF_REASONING: Final = 0.25
_SHRINK: Final = 0.8


class Prompt(NamedTuple):
    """What a model is shown, and what it is not."""

    messages: tuple[Message, ...]
    evidence: Evidence
    """The snippets shown, in the order found: the only ones that an answer can cite."""
    names: Mapping[str, str]
    """Id of each snippet shown → its name in the prompt."""
    left_out: tuple[Snippet, ...]
    """Snippets that did not fit, in the order found."""
    shortened: tuple[Snippet, ...]
    """Snippets of which an excerpt is shown."""
    reasoning: str
    """What is shown of it: all, its end, or nothing."""
    reasoning_cut: bool
    tokens: int
    """Length, at most; how far below that it is depends on how closely it had to be measured."""


class _Shown(NamedTuple):
    """The text of each snippet that fits: None where it is shown whole."""

    texts: dict[str, str | None]
    tokens: int


async def fit_prompt(
    request: RefineRequest,
    max_tokens: int,
    count: Count,
    ids: Literal["alias", "native"] = "alias",
    names: Mapping[str, str] | None = None,
) -> Prompt:
    """The prompt for a request in at most `max_tokens` tokens.

    Args:
        request: what is asked.
        max_tokens: room for all messages.
        count: counts tokens; called only where the estimate says that something has to go.
        ids: how snippets are named, unless `names` says it.
        names: names that snippets have already, from an earlier prompt of the same conversation.

    Raises:
        CallError: `context_exceeded`, if not even the question fits.
    """
    snippets = request.evidence.snippets
    whole = _Shown({snippet.id: None for snippet in snippets}, 0)
    prompt = _lay_out(request, whole, request.reasoning, ids, names)
    for measure in (_bound_messages, estimate_messages):
        tokens = measure(prompt.messages)
        if tokens <= max_tokens:
            return prompt._replace(tokens=tokens)
    bare = _lay_out(request, _Shown({}, 0), "", ids, names)
    (fixed,) = await count(["\n".join(message.content for message in bare.messages)])
    room = max_tokens - fixed - 2 * MESSAGE_TOKENS
    if room <= 0:
        raise CallError(
            f"the question needs a prompt of {fixed + 2 * MESSAGE_TOKENS} tokens without any evidence, and there is "
            f"room for {max_tokens}; shorten the question, or allow more tokens for prompts",
            "context_exceeded",
        )
    reasoning, reasoning_tokens = await _fit_reasoning(request.reasoning, int(room * _SHARE_OF_REASONING), count)
    shown = await _fit_snippets(request, room - reasoning_tokens, count)
    fitted = _lay_out(request, shown, reasoning, ids, names)
    return fitted._replace(tokens=fixed + reasoning_tokens + shown.tokens + 2 * MESSAGE_TOKENS)


def _lay_out(
    request: RefineRequest,
    shown: _Shown,
    reasoning: str,
    ids: Literal["alias", "native"],
    names: Mapping[str, str] | None,
) -> Prompt:
    kept = [snippet for snippet in request.evidence.snippets if snippet.id in shown.texts]
    evidence = request.evidence if len(kept) == len(request.evidence) else Evidence(kept)
    names = names or evidence.names(ids)
    blocks = [render_snippet(snippet, names[snippet.id], shown.texts[snippet.id]) for snippet in kept]
    parts = [fill("evidence", evidence="\n".join(blocks)) if blocks else fill("no_evidence")]
    if reasoning.strip():
        parts.append(fill_escaped("reasoning", reasoning=reasoning))
    parts.append(fill_escaped("question", question=request.question))
    messages = (
        Message(role="system", content=f"{fill('system')}\n\n{fill(Mode(request.mode).value)}"),
        Message(role="user", content="\n\n".join(parts)),
    )
    return Prompt(
        messages=messages,
        evidence=evidence,
        names=names,
        left_out=tuple(snippet for snippet in request.evidence.snippets if snippet.id not in shown.texts),
        shortened=tuple(snippet for snippet in kept if shown.texts[snippet.id] is not None),
        reasoning=reasoning,
        reasoning_cut=reasoning != request.reasoning,
        tokens=0,
    )


def estimate_messages(messages: Sequence[Message]) -> int:
    """How many tokens messages have, at most."""
    return sum(estimate_tokens(message.content) + MESSAGE_TOKENS for message in messages)


def _bound_messages(messages: Sequence[Message]) -> int:
    """The same, looser and in little time."""
    return sum(bound_tokens(message.content) + MESSAGE_TOKENS for message in messages)


async def _fit_reasoning(reasoning: str, room: int, count: Count) -> tuple[str, int]:
    """The end of the reasoning that fits, and its tokens; the whole if it fits."""
    if not reasoning.strip():
        return reasoning, 0
    frame = estimate_tokens(fill("reasoning", reasoning=""))
    text, kept = reasoning, len(reasoning)
    while True:
        (tokens,) = await count([fill_escaped("reasoning", reasoning=text)])
        if tokens <= room:
            return text, tokens + 2
        if room <= frame or kept <= 1:
            return "", 0
        kept = int(kept * min(_SHRINK, room / tokens))
        tail = reasoning[-kept:] if kept else ""
        _, line_end, rest = tail.partition("\n")
        text = f"{CUT} {(rest if line_end and rest.strip() else tail).strip()}"


async def _fit_snippets(request: RefineRequest, room: int, count: Count) -> _Shown:
    """The most relevant snippets that fit, each whole or as an excerpt."""
    ranked = by_relevance(request.question, request.evidence.snippets)
    names = {snippet.id: max(request.evidence.alias(snippet.id), snippet.id, key=len) for snippet in ranked}
    sizes = await count([render_snippet(snippet, names[snippet.id]) for snippet in ranked])
    most = int(room * _SHARE_OF_SNIPPET) if len(ranked) > 1 else room
    texts, used = dict[str, str | None](), 0
    for snippet, size in zip(ranked, sizes, strict=True):
        text, limit = None, min(most, room - used)
        if most < size and limit > 0:
            text, size = await _fit_excerpt(request.question, snippet, names[snippet.id], size, limit, count)
        if size + 1 <= room - used:  # 1: the line end between two blocks
            texts[snippet.id] = text
            used += size + 1
    return _Shown(texts, used)


async def _fit_excerpt(
    question: str, snippet: Snippet, name: str, size: int, limit: int, count: Count
) -> tuple[str | None, int]:
    """A part of the snippet's text whose block has at most `limit` tokens, and how many it has."""
    max_chars = int(len(snippet.text) * limit / size)
    while max_chars >= MIN_EXCERPT:
        text = excerpt(question, snippet.text, max_chars)
        (tokens,) = await count([render_snippet(snippet, name, text)])
        if tokens <= limit:
            return text, tokens
        max_chars = int(max_chars * _SHRINK)
    return None, size
