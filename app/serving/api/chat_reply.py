"""An answer as OpenAI clients read it: a chat completion, or its chunks.

In: an `Answer`. Out: JSON values: clean text in `content`, `url_citation` annotations, and under `citerefine` the
answer whole, as `ask --format json` prints it. Not here: sending (chat_routes.py).
"""

import time
import uuid
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from citerefine.refiner.answer import Answer
from citerefine.refiner.bridge.url_citations import url_citations
from citerefine.refiner.report.answer_json import answer_json
from citerefine.refiner.report.markdown_report import render_markdown

VENDOR: Final = "citerefine"
"""Key of what OpenAI has no place for."""
Format = Literal["text", "tags", "markdown"]
UNTIED: Final = "Nothing in this answer is tied to a source.\n\n"
"""Stands before what a model wrote where that is so: chat programs show the content and nothing else."""


class Reply(NamedTuple):
    """What all parts of one reply share."""

    id: str
    created: int
    model: str
    """As it was asked for."""
    format: Format


def new_reply(model: str, format: Format) -> Reply:
    """A reply with an id of its own."""
    return Reply(f"chatcmpl-{uuid.uuid4().hex}", int(time.time()), model, format)


def completion(reply: Reply, answer: Answer) -> dict[str, Any]:
    """The whole reply."""
    message = {"role": "assistant", "content": _content(reply, answer), "refusal": None, **_cited(reply, answer)}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {
        "id": reply.id,
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [choice],
        "usage": _usage(answer),
        VENDOR: answer_json(answer),
    }


def chunks(reply: Reply, answer: Answer, *, usage: bool) -> Iterator[dict[str, Any]]:
    """The reply in pieces: content claim by claim, then annotations and the answer whole, then the end."""
    for piece in _pieces(reply, answer):
        yield chunk(reply, {"content": piece})
    yield {**chunk(reply, _cited(reply, answer)), VENDOR: answer_json(answer)}
    yield chunk(reply, {}, "stop")
    if usage:
        yield {**chunk(reply, {}), "choices": [], "usage": _usage(answer)}


def chunk(reply: Reply, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """One piece."""
    return {
        "id": reply.id,
        "object": "chat.completion.chunk",
        "created": reply.created,
        "model": reply.model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}],
    }


def _content(reply: Reply, answer: Answer) -> str:
    if reply.format == "tags":
        return answer.tagged
    if reply.format == "markdown":
        return render_markdown(answer, "numeric", headed=False)
    return UNTIED + answer.text if _is_untied(answer) else answer.text


def _is_untied(answer: Answer) -> bool:
    """Whether a model wrote something, and cites nothing for it."""
    return answer.usage is not None and not answer.answered and bool(answer.text.strip())


def _cited(reply: Reply, answer: Answer) -> dict[str, Any]:
    """Annotations; their offsets are those of the plain text, so that other forms have none."""
    return {"annotations": url_citations(answer) if reply.format == "text" else []}


def _pieces(reply: Reply, answer: Answer) -> Iterator[str]:
    text = _content(reply, answer)
    ends = [claim.end for claim in answer.claims] if reply.format == "text" and not _is_untied(answer) else []
    start = 0
    for end in [*ends, len(text)]:
        if end > start:
            yield text[start:end]
            start = end


def _usage(answer: Answer) -> dict[str, Any] | None:
    """Tokens of all calls; None where no model was asked, or a server did not say."""
    used = answer.usage
    if used is None or used.prompt_tokens is None or used.completion_tokens is None:
        return None
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
    }
