"""What a server is and whether it keeps to a grammar, found by asking it.

In: a connection, and a way to make a call. Out: `Server`; the field by which a grammar is sent, or None. Asked as
little as possible: what a server says of itself in its list of models decides what else it is asked. Not here:
keeping what was found (client.py), the longer look that `doctor` takes (probe.py).
"""

import hashlib
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from pydantic import JsonValue

from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
from citerefine.refiner.chat.connection import Connection
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.failures import Failure
from citerefine.refiner.chat.requests import GRAMMAR_FIELDS
from citerefine.refiner.chat.strict_json import parse_json
from citerefine.refiner.errors import ModelError
from citerefine.refiner.records import Record

_WORD: Final = "zubelquist"
"""No model greets like this unless it must."""
_REPLY_TOKENS: Final = 24
_THINKING_TOKENS: Final = 1024
_NOT_THERE: Final = ("no_such_model", "bad_request", "bad_response", "too_large")

_BROKEN: Final = ("server_error", "bad_response", "too_large")
"""A grammar can do this to a server that works without one."""

Kind = Literal["vllm", "llama.cpp", "other"]
Ask = Callable[[ChatCall, str], Awaitable[ChatReply]]
"""Makes a call whose grammar is sent in the named field."""


class Server(Record):
    """What a server says of itself."""

    kind: Kind = "other"
    label: str | None = None
    """Name and version."""
    models: tuple[str, ...] = ()
    """Names of all its models; none if it does not list them."""
    model: str | None = None
    """The model's name in that list."""
    context_tokens: int | None = None
    told: str = ""
    """What it says of the weights behind the name, as JSON; empty if it says nothing of them."""

    @property
    def takes_thinking(self) -> bool:
        """Whether its chat template can be told to think or not; other servers may refuse the field."""
        return self.kind != "other"

    @property
    def reply_models(self) -> tuple[str, ...]:
        """Names that a reply can bear, where the server is exact about them."""
        return self.models if self.kind == "vllm" else ()


async def look_at(connection: Connection, endpoint: Endpoint) -> Server:
    """What the server says of itself. Raises Failure if it cannot be reached or refuses the key."""
    listed = _entries(await _get(connection, "/models"))
    names = tuple(str(entry["id"]) for entry in listed)
    entry = next((entry for entry in listed if entry["id"] == endpoint.model), listed[0] if len(listed) == 1 else {})
    facts: dict[str, Any] = {"models": names, "model": entry.get("id")}
    match entry.get("owned_by"):
        case "vllm":
            facts |= {"kind": "vllm", "label": await _vllm_label(connection, endpoint)}
            facts["context_tokens"] = _positive(entry.get("max_model_len"))
            facts["told"] = _told(facts["label"], entry.get("root"), entry)
        case "llamacpp":
            props = _object(await _get(connection, f"{endpoint.root_url}/props"))
            facts |= {"kind": "llama.cpp", "label": f"llama.cpp {props.get('build_info') or ''}".strip()}
            facts["context_tokens"] = _positive(_object(props.get("default_generation_settings")).get("n_ctx"))
            facts["told"] = _told(facts["label"], props.get("model_path"), entry | props)
        case _:
            root = entry.get("root")
            facts["told"] = _told(None, None if root == entry.get("id") else root, entry)
    return Server.model_validate(facts)


def _told(label: str | None, weights: JsonValue, said: dict[str, JsonValue]) -> str:
    """What tells this model from another one under its name; nothing where the server does not say which it is."""
    if not isinstance(weights, str) or not weights:
        return ""
    size = {name: _object(said.get("meta")).get(name) for name in ("n_params", "size")}
    template = hashlib.sha256(str(said.get("chat_template")).encode()).hexdigest()
    more = [said.get("parent"), said.get("max_model_len"), said.get("model_alias"), size, template]
    return json.dumps([label, weights, *more], sort_keys=True)


async def _vllm_label(connection: Connection, endpoint: Endpoint) -> str:
    version = _object(await _get(connection, f"{endpoint.root_url}/version")).get("version")
    return f"vLLM {version}" if isinstance(version, str) else "vLLM"


async def _get(connection: Connection, url: str) -> JsonValue:
    """What the server has at `url`; None if it has no such thing."""
    try:
        return parse_json(await connection.get(url))
    except ValueError:
        return None
    except Failure as failure:
        if failure.code in _NOT_THERE:
            return None
        raise


def _entries(value: JsonValue) -> list[dict[str, JsonValue]]:
    data = _object(value).get("data")
    entries = [entry for entry in data if isinstance(entry, dict)] if isinstance(data, list) else []
    return [entry for entry in entries if isinstance(entry.get("id"), str)]


def _object(value: JsonValue) -> dict[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _positive(value: JsonValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def chosen_grammar_field() -> str | None:
    """What CITEREFINE_GRAMMAR says: one of `GRAMMAR_FIELDS`, `off`, or None to find out. Raises ModelError."""
    value = os.environ.get("CITEREFINE_GRAMMAR", "").strip() or "auto"
    if value == "auto":
        return None
    if value != "off" and value not in GRAMMAR_FIELDS:
        raise ModelError(f"CITEREFINE_GRAMMAR is {value!r}; set auto, off, {' or '.join(GRAMMAR_FIELDS)}")
    return value


async def find_grammar_field(ask: Ask, kind: Kind, *, thinking: bool) -> str | None:
    """The field in which the server takes a grammar and keeps to it; None if it does in none.

    Asks for a greeting under a grammar that admits one nonsense word only: whoever replies anything else ignores it.
    The answer holds for one thinking mode, since servers apply a grammar differently while a model thinks; whether a
    reply is streamed makes no difference to how it is drawn.

    Raises:
        Failure: if the server cannot be asked now.
    """
    fields = {"vllm": GRAMMAR_FIELDS[:1], "llama.cpp": GRAMMAR_FIELDS[1:], "other": GRAMMAR_FIELDS}[kind]
    for field in fields:
        try:
            reply = await ask(_greeting(thinking), field)
        except Failure as failure:
            if failure.code == "bad_request":
                return None  # it is strict about fields: the next one would only be refused as well
            if failure.code not in _BROKEN:
                raise
            continue
        if reply.text.strip() == _WORD:
            return field
    return None


def _greeting(thinking: bool) -> ChatCall:
    return ChatCall(
        messages=(Message(role="user", content="Greet me with one short sentence."),),
        sampling=Sampling(max_tokens=_THINKING_TOKENS if thinking else _REPLY_TOKENS),
        grammar=f'root ::= "{_WORD}"',
        thinking=thinking,
    )
