"""Offline vLLM in this process, for real: run by `make test-vllm`, whose environment has it."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

from citerefine.refiner.chat.call import ChatCall, ChatReply, Message, Sampling
from citerefine.refiner.errors import CallError, ModelError
from citerefine.refiner.in_process.vllm_model import VllmModel
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.tags.grammar import answer_grammar
from citerefine.refiner.tags.issues import FORMAT_ERRORS
from citerefine.refiner.tags.scanner import parse_tags

T = TypeVar("T")
CONTEXT = 4096
NAMES = ["S1", "S2", "S3"]
GRAMMAR = answer_grammar(NAMES, max_claims=2, max_chars=20)
has_vllm = pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM has an environment of its own: make test-vllm")


@pytest.fixture(scope="module")
def model(tiny_qwen3: Path) -> Iterator[VllmModel]:
    made = VllmModel(str(tiny_qwen3), options={"max_model_len": CONTEXT, "enforce_eager": True})
    yield made
    asyncio.run(made.aclose())


def asking(text: str = "Did perch double?", seed: int = 1, grammar: str | None = None, **sampling: float) -> ChatCall:
    fields = {"max_tokens": 30, "temperature": 1.0, "seed": seed, **sampling}
    messages = (Message(role="user", content=text),)
    return ChatCall(messages=messages, sampling=Sampling.model_validate(fields), grammar=grammar)


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return asyncio.run(work())  # a new loop each time, as callers have


@has_vllm
def test_it_is_a_chat_model_that_its_string_loads(tiny_qwen3: Path) -> None:
    loaded = load_chat_model(f"vllm:{tiny_qwen3}")
    assert isinstance(loaded, ChatModel)
    assert loaded.name == f"vllm:{tiny_qwen3}"


@has_vllm
def test_a_batch_keeps_to_the_grammar(model: VllmModel) -> None:
    async def ask() -> list[ChatReply]:
        calls = (asking(seed=seed, grammar=GRAMMAR, max_tokens=600) for seed in range(50))
        return await asyncio.gather(*map(model.complete, calls))

    for reply in run(ask):
        parse = parse_tags(reply.text)
        assert reply.finish == "stop"
        assert not {finding.code for finding in parse.findings} & FORMAT_ERRORS
        assert {id for span in parse.spans for id in span.ids} <= set(NAMES)


@has_vllm
def test_the_pieces_of_a_streamed_reply_are_the_whole(model: VllmModel) -> None:
    async def read() -> list[str | ChatReply]:
        return [item async for item in model.stream(asking(grammar=GRAMMAR, max_tokens=600))]

    *pieces, reply = run(read)
    assert isinstance(reply, ChatReply)
    assert len(pieces) > 5
    assert "".join(map(str, pieces)) == reply.text


@has_vllm
def test_limits_and_logprobs_are_as_asked(model: VllmModel) -> None:
    reply = run(lambda: model.complete(asking(max_tokens=7, top_logprobs=2)))
    assert (reply.finish, reply.usage.completion_tokens, len(reply.logprobs)) == ("length", 7, 7)
    assert reply.usage.prompt_tokens


@has_vllm
def test_a_caller_that_stops_waiting_stops_the_writing(model: VllmModel) -> None:
    async def give_up() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(model.complete(asking(max_tokens=CONTEXT, temperature=0.0)), 0.5)
        begin = time.monotonic()
        await model.complete(asking(max_tokens=1))
        return time.monotonic() - begin

    assert run(give_up) < 3


@has_vllm
def test_a_prompt_beyond_the_context_is_refused_as_such(model: VllmModel) -> None:
    with pytest.raises(CallError) as caught:
        run(lambda: model.complete(asking("perch " * CONTEXT)))
    assert caught.value.code == "context_exceeded"


@has_vllm
def test_it_says_what_it_can_do(model: VllmModel) -> None:
    can = run(model.capabilities)
    assert (can.grammar, can.grammar_field, can.context_tokens) == (True, "in_process", CONTEXT)
    assert (can.server or "").startswith("vLLM ")
    assert run(lambda: model.count_tokens(["", " the the"])) == [0, 2]


@has_vllm
def test_a_folder_without_a_checkpoint_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        run(lambda: VllmModel(str(tmp_path)).complete(asking()))


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
def test_without_the_package_the_extra_is_named() -> None:
    with pytest.raises(ModelError, match=r"needs vllm, which is not installed: pip install 'citerefine\[vllm\]'"):
        VllmModel("some/name")
