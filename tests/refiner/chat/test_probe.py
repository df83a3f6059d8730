"""The long look at a model reports what was tried."""

from typing import Any

import pytest
from tests.faulty_server import FaultyServer, Line, Request, edited, says, status
from tests.refiner.chat.asking import asking

from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.probe import Trait, probe


async def looked_at(client: ChatClient) -> dict[str, Trait]:
    return {trait.name: trait async for trait in probe(client)}


def test_a_server_that_can_everything_is_said_to() -> None:
    with FaultyServer(says("Hello there, friend."), persona="vllm") as server:
        traits = asking(server, looked_at)
    assert all(trait.ok for trait in traits.values())
    assert [*traits] == [
        "reachable",
        "model name",
        "context length",
        "grammar",
        "logprobs",
        "streaming",
        "prefix cache",
    ]
    assert "vLLM 0.31.0" in traits["reachable"].detail
    assert traits["model name"].detail == "tiny"
    assert traits["context length"].detail == "4,096 tokens"
    assert "structured_outputs" in traits["grammar"].detail
    assert traits["prefix cache"].detail == "20 of 20 prompt tokens of two equal calls were cached"


def test_what_a_server_cannot_do_is_said_with_the_reason() -> None:
    def behave(request: Request, line: Line) -> None:
        refused = request.body.get("logprobs") or request.streams
        (status(400, "no extras") if refused else says("Hello."))(request, line)

    with FaultyServer(behave) as server:
        traits = asking(server, looked_at)
    assert {name for name, trait in traits.items() if trait.ok} == {"reachable", "model name"}
    assert "no extras" in traits["logprobs"].detail
    assert "no extras" in traits["streaming"].detail
    assert "does not say" in traits["context length"].detail


@pytest.mark.parametrize(("cached", "ok"), [(0, False), (7, True)])
def test_without_counters_the_replys_own_count_of_cached_tokens_decides(cached: int, ok: bool) -> None:
    def count(value: dict[str, Any]) -> None:
        value["usage"]["prompt_tokens_details"] = {"cached_tokens": cached}

    with FaultyServer(edited(count)) as server:
        assert asking(server, looked_at)["prefix cache"].ok is ok


def test_a_reply_that_comes_at_once_is_no_streaming() -> None:
    with FaultyServer(edited(lambda value: None)) as server:
        assert asking(server, looked_at)["streaming"] == Trait("streaming", False, "the whole reply came at once")


def test_of_a_server_that_is_not_there_nothing_else_is_said() -> None:
    with FaultyServer(says("Hello.")) as server:
        pass
    traits = asking(server, looked_at)
    assert [*traits] == ["reachable"]
    assert not traits["reachable"].ok


def test_a_server_that_refuses_the_key_is_not_usable() -> None:
    with FaultyServer(status(401), persona="vllm") as server:
        traits = asking(server, looked_at)
    assert [*traits] == ["reachable"]
    assert "OPENAI_API_KEY" in traits["reachable"].detail
