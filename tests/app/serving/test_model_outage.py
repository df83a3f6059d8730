"""The model's server dies in the middle of what it says, and comes back: each stream ends in a way that says how."""

import asyncio
import logging
from itertools import islice

import httpx2
import pytest
from benchmarks.fixed_model import FixedModel
from benchmarks.load_streams import Ending, Fate, Streams
from tests.app.serving.running import PERCH, server
from tests.faulty_server import FaultyServer, Line, Request, chunks, event, says, status, stream_of

from citerefine.app.serving import answering
from citerefine.app.serving.answering import Answerer
from citerefine.app.serving.settings import ServeSettings
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import ChatModel

ROW = {"question": "Did perch double?", "snippets": [PERCH.model_dump(mode="json")]}


def test_each_stream_ends_clearly_when_the_model_dies_mid_stream_and_all_is_well_once_it_is_back() -> None:
    async def ask(url: str, model: FixedModel) -> tuple[list[Ending], list[Ending]]:
        streams = Streams(url)
        asking = asyncio.create_task(streams.run(12, 0.1))
        while not streams.claims and not asking.done():
            await asyncio.sleep(0.01)
        model.kill()
        await asyncio.to_thread(model.start)
        await asking
        before = len(streams.endings)
        await streams.run(12, 0.1)
        return streams.endings[:before], streams.endings[before:]

    with FixedModel(latency=3.0, pieces=20) as model, server(None, model=model.model, at_once=12) as running:
        during, since = asyncio.run(ask(running.url, model))
    assert len(during) == len(since) == 12
    fates = [ending.fate for ending in during]
    assert fates.count(Fate.FAILED) > 0
    assert {*fates} <= {Fate.FAILED, Fate.ANSWERED}
    assert {ending.detail for ending in during if ending.fate is Fate.FAILED} == {"unreachable"}
    assert {ending.fate for ending in since} == {Fate.ANSWERED}


def test_a_stream_that_breaks_off_is_an_error_and_its_half_answer_is_never_content() -> None:
    def break_off(request: Request, line: Line) -> None:
        said = chunks(request, "<answer><snippet id=S1>By 2010 perch had doubled in the lake.</snippet> And roach")
        stream_of([event(chunk) for chunk in islice(said, 20)], reset=True)(request, line)

    messages = [{"role": "user", "content": "Did perch double?"}]
    body = {"model": "refiner", "stream": True, "messages": messages, "snippets": ROW["snippets"]}
    with FaultyServer(break_off) as model, server(model=model.model) as running:
        reply = httpx2.post(f"{running.url}/v1/chat/completions", json=body, timeout=30)
    assert reply.text.endswith("data: [DONE]\n\n")
    assert '"code": "unreachable"' in reply.text
    assert '"type": "claim", "text": "By 2010 perch had doubled in the lake."' in reply.text
    assert '"content": "By 2010' not in reply.text


def test_a_model_that_fails_is_told_to_the_caller_and_fills_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), FaultyServer(status(401)) as model, server(model=model.model) as running:
        failed = httpx2.post(f"{running.url}/v1/refine", json=ROW, timeout=30)
    assert failed.status_code == 502
    assert failed.json()["error"]["type"] == "server_error"
    assert caplog.records == []


def test_the_model_is_asked_as_much_at_once_and_for_as_long_as_the_server_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = list[ClientLimits | None]()

    def load(name: str, limits: ClientLimits | None = None) -> ChatModel:
        given.append(limits)
        return load_chat_model(name, limits)

    monkeypatch.setattr(answering, "load_chat_model", load)
    Answerer(ServeSettings(model="openai:m@http://127.0.0.1:9/v1", at_once=200, max_seconds=500))
    Answerer(ServeSettings(model="openai:m@http://127.0.0.1:9/v1", at_once=2))
    many, few = given
    assert many is not None
    assert few is not None
    assert (many.concurrency, many.deadline) == (200, 500)
    assert few.concurrency == ClientLimits().concurrency


def test_a_server_whose_model_was_never_there_says_so_and_lives() -> None:
    with FaultyServer(says("")) as gone:
        model = gone.model
    with server(model=model, max_seconds=2) as running:
        failed = httpx2.post(f"{running.url}/v1/refine", json=ROW, timeout=30)
        assert failed.status_code in (502, 504)
        assert httpx2.get(f"{running.url}/healthz").status_code == 200
