"""From a call to the fields of a chat completion request.

In: `ChatCall`, the model's name, what the server was found to take. Out: OpenAI's fields, and those beyond them; a key
by which equal requests are known. Not here: sending (connection.py).
"""

import hashlib
from functools import lru_cache
from typing import Any, Final, NamedTuple

from citerefine.refiner.chat.call import ChatCall, Message, ToolSpec

GRAMMAR_FIELDS: Final = ("structured_outputs", "grammar")
"""How a grammar can be sent: to vLLM since 0.12, to llama.cpp."""

REPLACEMENTS: Final[dict[str, str | None]] = {
    "stream_options": None,
    "max_tokens": "max_completion_tokens",
    "temperature": None,
}
"""What some servers refuse → what is sent instead (None: nothing), once they have."""

_KEPT_KEYS: Final = 64
"""Keys of requests that are kept: each is asked for several times before its request is sent."""


class Request(NamedTuple):
    """The body of a request, in two parts."""

    fields: dict[str, Any]
    extra: dict[str, Any]
    """Fields beyond OpenAI's."""


def build_request(
    call: ChatCall,
    model: str,
    *,
    grammar_field: str | None,
    takes_thinking: bool,
    refused: frozenset[str],
    stream: bool,
) -> Request:
    """The request that asks `call`.

    Args:
        call: what is asked.
        model: the name that the server knows.
        grammar_field: one of `GRAMMAR_FIELDS`; None sends no grammar.
        takes_thinking: whether the chat template can be told to think or not.
        refused: keys of `REPLACEMENTS` that this server does not take.
        stream: whether the reply shall come in pieces.
    """
    sampling = call.sampling
    fields: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in call.messages],
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
    }
    optional = {"top_p": sampling.top_p, "seed": sampling.seed}
    fields |= {name: value for name, value in optional.items() if value is not None}
    if sampling.top_logprobs is not None:
        # llama.cpp gives no log-probabilities at all where no alternatives are asked for.
        fields |= {"logprobs": True, "top_logprobs": max(1, sampling.top_logprobs)}
    if call.tools:
        fields["tools"] = [_tool(tool) for tool in call.tools]
    if stream:
        fields |= {"stream": True, "stream_options": {"include_usage": True}}
    return Request(_without(fields, refused), _extra(call, grammar_field, takes_thinking))


def request_key(
    call: ChatCall, served: str, *, grammar_field: str | None, takes_thinking: bool, refused: frozenset[str]
) -> str:
    """SHA-256, in hex, of all that decides the reply: the call, what is asked (`served`), and what of it is sent."""
    return _request_key(call.key, served, None if call.grammar is None else grammar_field, takes_thinking, refused)


@lru_cache(_KEPT_KEYS)
def _request_key(
    call_key: str, served: str, grammar: str | None, takes_thinking: bool, refused: frozenset[str]
) -> str:
    left_out = sorted(refused - {"stream_options"})
    return hashlib.sha256(repr((call_key, served, grammar, takes_thinking, left_out)).encode()).hexdigest()


def _without(fields: dict[str, Any], refused: frozenset[str]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if name not in refused}
    renamed = {new: fields[old] for old in refused & fields.keys() if (new := REPLACEMENTS[old])}
    return kept | renamed


def _extra(call: ChatCall, grammar_field: str | None, takes_thinking: bool) -> dict[str, Any]:
    extra: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": call.thinking}} if takes_thinking else {}
    if call.grammar is not None and grammar_field == "structured_outputs":
        extra["structured_outputs"] = {"grammar": call.grammar}
    elif call.grammar is not None and grammar_field == "grammar":
        extra["grammar"] = call.grammar
    return extra


def _message(message: Message) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": tool.id, "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
            for tool in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _tool(tool: ToolSpec) -> dict[str, Any]:
    return {"type": "function", "function": tool.model_dump(mode="json")}
