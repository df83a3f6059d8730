"""What a server can do is found by trying, with as few requests as it takes, and kept."""

import asyncio
from typing import Any

import pytest
from tests.faulty_server import CONTEXT_TOKENS, FaultyServer, Request, says
from tests.refiner.chat.asking import asking, call_of, complete, stream

from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.errors import CallError, ModelError
from citerefine.refiner.protocols import Capabilities

GRAMMAR = 'root ::= "yes" | "no"'


async def capabilities(client: ChatClient) -> Capabilities:
    return await client.capabilities()


def probes(server: FaultyServer) -> list[Request]:
    """Chat completions beside those of the script."""
    return [request for request in server.requests if request.path == "/v1/chat/completions" and request.grammar]


@pytest.mark.parametrize(
    ("persona", "expected", "pages"),
    [
        (
            "vllm",
            Capabilities(
                grammar=True,
                grammar_field="structured_outputs",
                context_tokens=CONTEXT_TOKENS,
                server="vLLM 0.31.0",
                model="tiny",
            ),
            ["/v1/models", "/version", "/v1/chat/completions"],
        ),
        (
            "llama.cpp",
            Capabilities(
                grammar=True,
                grammar_field="grammar",
                context_tokens=CONTEXT_TOKENS,
                server="llama.cpp b7777-abcdef",
                model="tiny",
            ),
            ["/v1/models", "/props", "/v1/chat/completions"],
        ),
        (
            "plain",
            Capabilities(grammar=False, model="tiny"),
            ["/v1/models", "/v1/chat/completions", "/v1/chat/completions"],
        ),
    ],
)
def test_each_kind_of_server_is_asked_what_it_can_answer(
    persona: Any, expected: Capabilities, pages: list[str]
) -> None:
    with FaultyServer(says("Hello."), persona=persona) as server:
        assert asking(server, capabilities) == expected
        assert [request.path for request in server.requests] == pages


def test_the_probe_asks_as_real_requests_do() -> None:
    with FaultyServer(says("yes"), persona="vllm") as server:
        complete(server, call_of(grammar=GRAMMAR))
        real, probe = server.chats[0].body, probes(server)[0].body
    assert {*real} == {*probe}
    assert probe["chat_template_kwargs"] == real["chat_template_kwargs"]
    assert real["structured_outputs"] == {"grammar": GRAMMAR}


def test_a_server_that_takes_a_grammar_and_ignores_it_is_sent_none() -> None:
    with FaultyServer(says("Hello."), persona="vllm", honours_grammar=False) as server:
        assert asking(server, capabilities).grammar is False
        assert complete(server, call_of(grammar=GRAMMAR)).text == "Hello."
        assert "structured_outputs" not in server.chats[0].body


def test_a_server_that_refuses_unknown_fields_is_tried_once_and_sent_none() -> None:
    async def ask(client: ChatClient) -> None:
        for number in range(3):
            await client.complete(call_of(f"Say {number}.", grammar=GRAMMAR))

    with FaultyServer(says("Hello."), refuses=["structured_outputs", "grammar"]) as server:
        asking(server, ask)
        assert len(probes(server)) == 1
        assert len(server.chats) == 3


def test_the_verdict_is_kept_and_many_callers_at_once_share_one_probe() -> None:
    async def ask(client: ChatClient) -> None:
        await asyncio.gather(*(client.complete(call_of(f"Say {n}.", grammar=GRAMMAR)) for n in range(8)))
        await client.capabilities()

    with FaultyServer(says("yes"), persona="llama.cpp") as server:
        asking(server, ask)
        assert [chat.body["grammar"] for chat in server.chats] == [GRAMMAR] * 8
        assert len(probes(server)) == 1 + 8
        assert sum(request.path == "/v1/models" for request in server.requests) == 1


def test_calls_without_grammar_cause_no_probe() -> None:
    with FaultyServer(says("Hello."), persona="vllm") as server:
        complete(server)
        stream(server)
        assert not probes(server)


def test_thinking_calls_are_probed_in_their_own_mode() -> None:
    async def ask(client: ChatClient) -> None:
        for thinking in (False, True):
            await client.complete(call_of(grammar=GRAMMAR, thinking=thinking))

    with FaultyServer(says("yes"), persona="vllm") as server:
        asking(server, ask)
        thinking = [request.body["chat_template_kwargs"]["enable_thinking"] for request in probes(server)]
    assert thinking == [False, False, True, True]  # a probe and a call each


@pytest.mark.parametrize(
    ("choice", "sent"),
    [("off", None), ("structured_outputs", "structured_outputs"), ("grammar", "grammar")],
)
def test_a_chosen_field_is_used_untried(choice: str, sent: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_GRAMMAR", choice)
    with FaultyServer(says("yes"), persona="vllm") as server:
        complete(server, call_of(grammar=GRAMMAR))
        assert len(probes(server)) == (1 if sent else 0)
        assert [name for name in ("structured_outputs", "grammar") if name in server.chats[0].body] == (
            [sent] if sent else []
        )
        assert asking(server, capabilities).grammar_field == sent


def test_an_unknown_choice_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_GRAMMAR", "gbnf")
    with pytest.raises(ModelError, match="auto, off, structured_outputs or grammar"):
        ChatClient(Endpoint.parse("openai:m@http://localhost:1/v1"))


def test_a_server_that_cannot_be_reached_has_no_capabilities() -> None:
    with FaultyServer(says("Hello.")) as server:
        pass
    with pytest.raises(CallError) as caught:
        asking(server, capabilities)
    assert caught.value.code == "unreachable"


def test_a_list_of_models_that_is_no_such_list_tells_nothing() -> None:
    for body in (b"[]", b'{"data": 3}', b'{"data": [{"id": 7}, null]}', b"{", b"[" * 100_000):
        with FaultyServer(says("Hello."), models=lambda request, line, body=body: line.answer(body)) as server:  # type: ignore[misc]
            assert asking(server, capabilities) == Capabilities(grammar=False)
