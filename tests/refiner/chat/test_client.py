"""The client asks a well-behaved server, and makes a reply of what it gets."""

import asyncio
import json
from threading import Barrier
from typing import Any

import pytest
from tests.faulty_server import FaultyServer, Request, edited, hang, html, says, status
from tests.refiner.chat.asking import asking, call_of, complete, stream

from citerefine.refiner.chat.call import ChatReply, Message, ToolCall, ToolSpec
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CallError
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Usage

PATIENT = ClientLimits(deadline=60)
CALLS_A_TOOL = [{"index": 0, "id": "c1", "type": "function", "function": {"name": "search", "arguments": '{"q": 1}'}}]


def test_the_client_is_a_chat_model() -> None:
    client = ChatClient(Endpoint.parse("openai:m@http://localhost:1/v1"))
    assert isinstance(client, ChatModel)
    assert client.name == "openai:m@http://localhost:1/v1"


def test_a_reply_carries_text_model_and_usage() -> None:
    with FaultyServer(says("Hello there.")) as server:
        reply = complete(server)
    assert reply == ChatReply(
        text="Hello there.", model="tiny", usage=Usage(prompt_tokens=2, completion_tokens=2, calls=1)
    )


def test_a_stream_gives_the_text_in_pieces_and_last_the_same_reply() -> None:
    with FaultyServer(says("Hello there.")) as server:
        pieces, reply = stream(server)
        assert "".join(pieces) == "Hello there."
        assert len(pieces) > 1
        assert reply == complete(server)


def test_what_is_asked_is_what_openai_defines() -> None:
    spec = ToolSpec(name="search", description="Finds.", parameters={"type": "object"})
    messages = (
        Message(role="system", content="Be brief."),
        Message(role="assistant", content="", tool_calls=(ToolCall(id="c1", name="search", arguments="{}"),)),
        Message(role="tool", content="nothing", tool_call_id="c1"),
    )
    call = call_of(max_tokens=7, temperature=0.5, top_p=0.9, seed=3, top_logprobs=2, tools=(spec,))
    with FaultyServer(says("Hello.")) as server:
        complete(server, call.model_copy(update={"messages": messages}))
        body = server.chats[0].body
    assert body == {
        "model": "tiny",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{}"}}],
            },
            {"role": "tool", "content": "nothing", "tool_call_id": "c1"},
        ],
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 3,
        "logprobs": True,
        "top_logprobs": 2,
        "tools": [
            {
                "type": "function",
                "function": {"name": "search", "description": "Finds.", "parameters": {"type": "object"}},
            }
        ],
    }


@pytest.mark.parametrize(
    ("said", "finish"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "refusal"),
        ("eos", "stop"),
    ],
)
def test_why_a_reply_ended_is_told(said: str, finish: str) -> None:
    with FaultyServer(says("Hello", finish=said)) as server:
        assert complete(server).finish == finish
        assert stream(server)[1].finish == finish


@pytest.mark.parametrize("streamed", [False, True])
def test_a_refusal_is_no_plain_reply(streamed: bool) -> None:
    with FaultyServer(says("", refusal="I will not.")) as server:
        reply = stream(server)[1] if streamed else complete(server)
    assert (reply.finish, reply.text) == ("refusal", "I will not.")


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
@pytest.mark.parametrize("streamed", [False, True])
def test_reasoning_that_the_server_files_apart_stays_apart(field: str, streamed: bool) -> None:
    apart: dict[str, Any] = {field: "Let me see."}
    with FaultyServer(says("Yes.", **apart)) as server:
        reply = stream(server)[1] if streamed else complete(server)
    assert (reply.text, reply.reasoning) == ("Yes.", "Let me see.")


def test_a_reply_filed_as_reasoning_of_a_model_that_was_not_to_think_is_its_text() -> None:
    with FaultyServer(says("", reasoning="<answer>Yes.</answer>")) as server:
        assert complete(server).text == "<answer>Yes.</answer>"
        assert stream(server)[0] == ["<answer>Yes.</answer>"]
        assert complete(server, call_of(thinking=True)).text == ""


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_calls_are_read(streamed: bool) -> None:
    with FaultyServer(says("", finish="tool_calls", tool_calls=CALLS_A_TOOL)) as server:
        reply = stream(server)[1] if streamed else complete(server)
    assert reply.tool_calls == (ToolCall(id="c1", name="search", arguments='{"q": 1}'),)


def test_log_probabilities_are_kept_as_they_are() -> None:
    with FaultyServer(says("Hello there.")) as server:
        reply = complete(server, call_of(top_logprobs=0))
    assert [entry["token"] for entry in reply.logprobs] == ["Hello", "there."]


def test_cached_tokens_and_the_servers_own_cost_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_PRICES", "1,1")

    def say_cost(value: dict[str, Any]) -> None:
        value["usage"] |= {"prompt_tokens_details": {"cached_tokens": 1}, "cost": 0.25}

    with FaultyServer(edited(say_cost)) as server:
        usage = complete(server).usage
    assert (usage.cached_tokens, usage.cost) == (1, 0.25)


def test_set_prices_give_the_cost_that_the_server_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_PRICES", "1000000,2000000")
    with FaultyServer(says("Hello there.")) as server:
        assert complete(server).usage.cost == pytest.approx(2 * 1 + 2 * 2)


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "many", "completion_tokens": -1}, "none"])
def test_usage_that_is_not_told_is_unknown(usage: object) -> None:
    with FaultyServer(edited(lambda value: value.update(usage=usage))) as server:
        assert complete(server).usage == Usage()


@pytest.mark.parametrize(("persona", "told"), [("vllm", True), ("llama.cpp", True), ("plain", False)])
def test_only_servers_that_take_it_are_told_whether_to_think(persona: Any, told: bool) -> None:
    with FaultyServer(says("Hello."), persona=persona) as server:
        complete(server)
        complete(server, call_of(thinking=True))
        sent = [chat.body.get("chat_template_kwargs") for chat in server.chats]
    assert sent == ([{"enable_thinking": False}, {"enable_thinking": True}] if told else [None, None])


def test_equal_deterministic_calls_at_once_are_made_once() -> None:
    async def ask(client: ChatClient) -> list[ChatReply]:
        return await asyncio.gather(*(client.complete(call_of()) for _ in range(8)))

    with FaultyServer(says("Hello there.", after=0.05)) as server:
        replies = asking(server, ask)
        assert len(server.chats) == 1
    assert {reply.text for reply in replies} == {"Hello there."}
    assert sorted(reply.usage.calls for reply in replies) == [0] * 7 + [1]
    assert sum((reply.usage for reply in replies[1:]), replies[0].usage).completion_tokens == 2


@pytest.mark.parametrize(
    "changes", [[{"temperature": 1.0}] * 3, [{"seed": 1}, {"seed": 2}, {"seed": 3}]], ids=["drawn", "unequal"]
)
def test_other_calls_are_each_made(changes: list[dict[str, Any]]) -> None:
    async def ask(client: ChatClient) -> None:
        await asyncio.gather(*(client.complete(call_of(**change)) for change in changes))

    with FaultyServer(says("Hello.", after=0.02)) as server:
        asking(server, ask)
        assert len(server.chats) == 3


def test_one_who_stops_waiting_does_not_stop_the_others() -> None:
    async def ask(client: ChatClient) -> ChatReply:
        first, second = (asyncio.create_task(client.complete(call_of())) for _ in range(2))
        await asyncio.sleep(0.05)
        first.cancel()
        return await second

    with FaultyServer(says("Hello.", after=0.15)) as server:
        assert asking(server, ask).text == "Hello."
        assert len(server.chats) == 1


def test_sixty_four_calls_at_once_go_through_one_pool() -> None:
    async def ask(client: ChatClient) -> list[ChatReply]:
        return await asyncio.gather(*(client.complete(call_of(f"Say {number}.")) for number in range(64)))

    sixteen = Barrier(16)  # nobody is answered before sixteen have asked

    def upper(request: Request) -> str:
        sixteen.wait(timeout=30)
        return request.prompt.upper()

    with FaultyServer(says(upper)) as server:
        replies = asking(server, ask, PATIENT)
        assert [reply.text for reply in replies] == [f"SAY {number}." for number in range(64)]
        assert len(server.chats) == 64


def test_never_more_requests_are_on_the_way_than_allowed() -> None:
    async def ask(client: ChatClient) -> None:
        await asyncio.gather(*(client.complete(call_of(f"Say {number}.")) for number in range(12)))

    three = Barrier(3)

    def hello(request: Request) -> str:
        three.wait(timeout=30)
        return "Hello."

    with FaultyServer(says(hello)) as server:
        asking(server, ask, ClientLimits(concurrency=3))
        assert server.busiest == 3


def test_a_client_serves_several_event_loops_one_after_another() -> None:
    with FaultyServer(says("Hello.")) as server:
        client = ChatClient(Endpoint.parse(server.model))

        async def ask() -> str:
            reply = await client.complete(call_of())
            await client.aclose()
            return reply.text

        assert [asyncio.run(ask()), asyncio.run(ask())] == ["Hello.", "Hello."]


def test_a_closed_client_opens_anew() -> None:
    async def ask(client: ChatClient) -> str:
        await client.complete(call_of())
        await client.aclose()
        await client.aclose()
        return (await client.complete(call_of())).text

    with FaultyServer(says("Hello.")) as server:
        assert asking(server, ask) == "Hello."


def test_whoever_leaves_a_stream_leaves_the_connection_behind() -> None:
    async def ask(client: ChatClient) -> str:
        items = client.stream(call_of())
        first = await anext(items)
        await items.aclose()
        assert isinstance(first, str)
        return first + (await client.complete(call_of())).text

    with FaultyServer(says("Hello there.")) as server:
        assert asking(server, ask, ClientLimits(concurrency=1)) == "HellHello there."


def test_a_server_that_does_not_stream_gives_the_reply_at_once() -> None:
    with FaultyServer(edited(lambda value: None)) as server:
        assert stream(server)[0] == ["Hello."]


@pytest.mark.parametrize(
    ("refused", "instead"), [("stream_options", None), ("max_tokens", "max_completion_tokens"), ("temperature", None)]
)
def test_a_field_that_the_server_refuses_is_not_sent_again(refused: str, instead: str | None) -> None:
    async def ask(client: ChatClient) -> None:
        for _ in range(2):
            assert [item async for item in client.stream(call_of())][:-1]

    with FaultyServer(says("Hello."), refuses=[refused]) as server:
        asking(server, ask)
        assert len(server.requests) == 1 + 1 + 2
        assert all(refused not in chat.body and (not instead or instead in chat.body) for chat in server.chats)


def test_a_server_that_refuses_what_is_not_sent_is_not_asked_for_ever() -> None:
    with FaultyServer(status(400, "Unsupported parameter: 'max_tokens'")) as server:
        with pytest.raises(CallError) as caught:
            complete(server)
        assert caught.value.code == "bad_request"
        assert len(server.chats) == 2


def test_many_calls_at_once_all_heed_the_same_refusal() -> None:
    async def ask(client: ChatClient) -> list[ChatReply]:
        return await asyncio.gather(*(client.complete(call_of(f"Say {number}.")) for number in range(8)))

    with FaultyServer(says("Hello.", after=0.01), refuses=["max_tokens"]) as server:
        assert len(asking(server, ask)) == 8


def test_tokens_are_counted_by_the_server_where_it_can() -> None:
    for persona, fields in (("vllm", {"model", "prompt", "add_special_tokens"}), ("llama.cpp", {"content"})):
        with FaultyServer(says("Hello."), persona=persona) as server:  # type: ignore[arg-type]
            assert asking(server, lambda client: client.count_tokens(["one two three", "four", ""])) == [3, 1, 0]
            asked = [request for request in server.requests if request.path == "/tokenize"]
            assert {*asked[0].body} == fields


def test_tokens_are_never_counted_too_low_without_the_server() -> None:
    with FaultyServer(says("Hello.")) as server:
        counts = asking(server, lambda client: client.count_tokens(["one two three", ""]))
    assert counts[0] >= 3
    assert counts[1] == 0
    assert asking(server, lambda client: client.count_tokens(["one two three"]))[0] >= 3  # nobody listens any more


def test_a_closed_list_of_models_does_not_close_chat_completions() -> None:
    for closed in (status(403, "missing scope"), status(404), status(500), html()):
        with FaultyServer(says("Hello."), models=closed) as server:
            assert complete(server).text == "Hello."


def test_a_missing_model_is_told_with_the_names_that_there_are() -> None:
    with FaultyServer(status(404, "The model `other` does not exist.")) as server:
        client = ChatClient(Endpoint.parse(server.model.replace("tiny", "other")))

        async def ask() -> None:
            try:
                await client.complete(call_of())
            finally:
                await client.aclose()

        with pytest.raises(CallError, match="it has tiny") as caught:
            asyncio.run(ask())
    assert caught.value.code == "no_such_model"


def test_a_cancelled_call_ends_at_once_and_frees_its_place() -> None:
    async def ask(client: ChatClient) -> str:
        task = asyncio.create_task(client.complete(call_of("Hang.")))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await client.complete(call_of())).text

    with FaultyServer([hang(), says("Hello.")]) as server:
        assert asking(server, ask, ClientLimits(concurrency=1)) == "Hello."


def test_text_that_is_no_unicode_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(value: dict[str, Any]) -> None:
        value["choices"][0]["message"]["content"] = json.loads(r'"a\ud800b"')

    with FaultyServer(edited(spoil)) as server:
        assert complete(server).text == "a\N{REPLACEMENT CHARACTER}b"
