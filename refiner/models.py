"""Turns a model string into a model.

In: `extractive`, `openai:NAME@BASE_URL` (further addresses of the same model behind commas), `hf:PATH_OR_NAME` or
`vllm:PATH_OR_NAME`. Out: a `ChatModel` for the last three; `extractive` is no chat model, and refiner.py knows it by
its name. Everything that takes a model (command line, Python, configuration) takes this one string. What a kind of
model needs is imported when one is loaded. Not here: the models themselves (chat/, in_process/).
"""

from collections.abc import Callable
from typing import Final

from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import ModelError
from citerefine.refiner.protocols import ChatModel

EXTRACTIVE: Final = "extractive"
FORMS: Final = {
    EXTRACTIVE: "quotes the sentences that answer; needs no model",
    "openai:NAME@BASE_URL": "any OpenAI-compatible server, such as openai:Qwen/Qwen3-4B@http://localhost:8000/v1; "
    "further addresses of the same model may follow, with commas",
    "hf:PATH_OR_NAME": "in this process with transformers (extra train)",
    "vllm:PATH_OR_NAME": "in this process with vLLM (extra vllm)",
}
"""Form of a model string → what it names."""


def _openai(name: str, limits: ClientLimits | None) -> ChatModel:
    from citerefine.refiner.chat.client import ChatClient
    from citerefine.refiner.chat.endpoint import Endpoint

    endpoints = Endpoint.parse_all(name)
    if len(endpoints) == 1:
        return ChatClient(endpoints[0], limits)
    from citerefine.refiner.chat.replicas import Replicas

    return Replicas(endpoints, limits)


def _transformers(name: str, _: ClientLimits | None) -> ChatModel:
    from citerefine.refiner.in_process.transformers_model import TransformersModel

    return TransformersModel(name.removeprefix("hf:"))


def _vllm(name: str, _: ClientLimits | None) -> ChatModel:
    from citerefine.refiner.in_process.vllm_model import VllmModel

    return VllmModel(name.removeprefix("vllm:"))


_KINDS: Final[dict[str, Callable[[str, ClientLimits | None], ChatModel]]] = {
    "openai": _openai,
    "hf": _transformers,
    "vllm": _vllm,
}


def load_chat_model(name: str, limits: ClientLimits | None = None) -> ChatModel:
    """The chat model of this string; nothing is connected or loaded before its first use.

    Args:
        name: the model string.
        limits: how long, how often and how much a server is asked; models in this process have none.

    Raises:
        ModelError: if the string is malformed, is `extractive`, or needs a package that is not installed.
    """
    kind, colon, rest = name.partition(":")
    if name == EXTRACTIVE:
        raise ModelError(f"{name!r} is no chat model; name one of: {', '.join([*FORMS][1:])}")
    if not colon or kind not in _KINDS:
        raise ModelError(f"no model is called {name!r}; a model is one of: {', '.join(FORMS)}")
    if not rest.strip():
        raise ModelError(f"{name!r} names no model behind the colon; an example: {_example(kind)}")
    return _KINDS[kind](name, limits)


def _example(kind: str) -> str:
    return next(form for form in FORMS if form.startswith(f"{kind}:"))
