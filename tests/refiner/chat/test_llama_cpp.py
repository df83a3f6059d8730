"""The client against a real llama.cpp server with a tiny model of random weights."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from tests.model_servers import SLOT_TOKENS
from tests.refiner.chat.asking import call_of

from citerefine.refiner.chat.call import ChatReply
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.probe import probe
from citerefine.refiner.errors import CallError

T = TypeVar("T")


def asking(base_url: str, work: Callable[[ChatClient], Awaitable[T]]) -> T:
    async def run() -> T:
        client = ChatClient(Endpoint.parse(f"openai:tiny@{base_url}"))
        try:
            return await work(client)
        finally:
            await client.aclose()

    return asyncio.run(run())


def test_everything_that_the_server_can_is_found(llama_server: str) -> None:
    async def look(client: ChatClient) -> dict[str, bool]:
        return {trait.name: trait.ok async for trait in probe(client)}

    can = asking(llama_server, look)
    assert can == dict.fromkeys(can, True)
    assert "grammar" in can


def test_the_server_is_known_by_name_and_context(llama_server: str) -> None:
    can = asking(llama_server, ChatClient.capabilities)
    assert (can.grammar_field, can.model) == ("grammar", "tiny")
    assert (can.server or "").startswith("llama.cpp ")
    assert can.context_tokens == SLOT_TOKENS


def test_a_grammar_holds_where_a_random_model_would_never_keep_to_it(llama_server: str) -> None:
    async def ask(client: ChatClient) -> list[ChatReply]:
        calls = (call_of(grammar='root ::= "yes" | "no"', seed=seed, temperature=1.0) for seed in range(8))
        return await asyncio.gather(*map(client.complete, calls))

    replies = asking(llama_server, ask)
    assert {reply.text for reply in replies} <= {"yes", "no"}
    assert {reply.finish for reply in replies} == {"stop"}


def test_a_stream_and_a_whole_reply_are_the_same(llama_server: str) -> None:
    async def ask(client: ChatClient) -> tuple[ChatReply, list[str | ChatReply]]:
        call = call_of(max_tokens=20)
        return await client.complete(call), [item async for item in client.stream(call)]

    whole, items = asking(llama_server, ask)
    *pieces, last = items
    assert isinstance(last, ChatReply)
    assert whole.text == last.text == "".join(piece for piece in pieces if isinstance(piece, str))
    assert whole.finish == last.finish == "length"
    assert whole.usage.completion_tokens == last.usage.completion_tokens == 20


def test_tokens_are_the_models_own(llama_server: str) -> None:
    async def ask(client: ChatClient) -> tuple[list[int], int | None]:
        counts = await client.count_tokens(["word", "word " * 50])
        return counts, (await client.complete(call_of("word " * 50, max_tokens=1))).usage.prompt_tokens

    counts, prompt_tokens = asking(llama_server, ask)
    assert counts[0] < counts[1]
    assert counts[1] <= (prompt_tokens or 0) <= counts[1] + 20  # what the chat template adds


def test_a_prompt_beyond_the_context_is_told_from_other_bad_requests(llama_server: str) -> None:
    with pytest.raises(CallError) as caught:
        asking(llama_server, lambda client: client.complete(call_of("too long " * 9000)))
    assert caught.value.code == "context_exceeded"
