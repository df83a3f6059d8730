"""The server as a process: what it says, what signals do, what it refuses when it is full."""

import json
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from tests.app.serving.running import PERCH, process, server
from tests.command_line import citerefine
from tests.faulty_server import FaultyServer, says

ROW = {"question": "Did perch double?", "snippets": [PERCH.model_dump(mode="json")]}
WRITTEN = "<answer><snippet id=S1>Perch doubled by 2010.</snippet></answer>"


def refine(url: str, question: str = "Did perch double?") -> httpx2.Response:
    return httpx2.post(f"{url}/v1/refine", json={**ROW, "question": question}, timeout=60)


def figures(url: str) -> str:
    return httpx2.get(f"{url}/metrics").text


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)


def test_it_says_where_it_is_and_what_can_be_asked(tmp_path: Path) -> None:
    with process("--no-history", folder=tmp_path) as started:
        assert "OpenAI clients: base_url=http://127.0.0.1:" in started.greeting
        assert "models refiner and research" in started.greeting
        assert refine(started.url).json()["text"] == PERCH.text
        assert started.stop(signal.SIGINT) in (130, -signal.SIGINT)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_what_is_under_way_and_takes_nothing_new(tmp_path: Path, how: signal.Signals) -> None:
    with (
        FaultyServer(says(WRITTEN, after=1.5)) as model,
        process("--no-history", "-m", model.model, "--concurrency", 2, folder=tmp_path) as started,
        ThreadPoolExecutor(4) as pool,
    ):
        asked = [pool.submit(refine, started.url, f"Did perch {number} double?") for number in range(4)]
        until(lambda: len(model.chats) >= 2 and "citerefine_waiting 2.0" in figures(started.url))
        code = started.stop(how)
        replies = [one.result() for one in asked]
    assert [reply.status_code for reply in replies] == [200] * 4
    assert {reply.json()["text"] for reply in replies} == {"Perch doubled by 2010."}
    assert code in (0, 128 + how, -how)


def test_who_comes_when_it_is_full_is_told_to_come_back(tmp_path: Path) -> None:
    with (
        FaultyServer(says(WRITTEN, after=1.0)) as model,
        server(model=model.model, at_once=1, waiting=1) as running,
        ThreadPoolExecutor(2) as pool,
    ):
        asked = [pool.submit(refine, running.url, f"Did perch {number} double?") for number in range(2)]
        until(lambda: running.answerer.admission.waiting == 1)
        full = refine(running.url)
        assert [one.result().status_code for one in asked] == [200, 200]
    assert full.status_code == 429
    assert int(full.headers["retry-after"]) >= 1
    assert full.json()["error"]["code"] == "busy"


def test_who_goes_away_frees_the_place(tmp_path: Path) -> None:
    with FaultyServer(says(WRITTEN, after=20)) as model, server(model=model.model, at_once=1, waiting=0) as running:
        body = {"model": "refiner", "stream": True, "messages": [{"role": "user", "content": "Q?"}], **ROW}
        del body["question"]
        with httpx2.stream("POST", f"{running.url}/v1/chat/completions", json=body) as reply:
            pieces = reply.iter_raw()  # kept: dropped, it would close the connection
            assert next(pieces)
            until(lambda: running.answerer.admission.active == 1)
        until(lambda: running.answerer.admission.active == 0)


def test_figures_count_answers_and_how_they_ended_and_hold_nothing_that_was_asked() -> None:
    with server() as running:
        refine(running.url)
        httpx2.post(f"{running.url}/v1/refine", json={"question": "Secret?"})
        text = httpx2.get(f"{running.url}/metrics").text
    assert 'citerefine_answers_total{model="refiner",outcome="ok"} 1.0' in text
    assert 'citerefine_answers_total{model="refiner",outcome="bad_snippets"} 1.0' in text
    assert "citerefine_active 0.0" in text
    assert "Secret" not in text
    assert "perch" not in text.lower()


def test_a_defect_is_one_clear_error_and_the_server_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        name = "broken"

        async def search(self, query: str, k: int) -> object:
            raise SystemError("/home/somebody/secret")

    with server(Broken()) as running:  # type: ignore[arg-type]
        body = {"model": "research", "messages": [{"role": "user", "content": "Did perch double?"}]}
        reply = httpx2.post(f"{running.url}/v1/chat/completions", json=body).json()
        assert "broken was not reachable: SystemError." in reply["citerefine"]["notes"]
        assert "secret" not in json.dumps(reply)
        assert httpx2.get(f"{running.url}/healthz").status_code == 200


def test_many_at_once_get_their_own_answers() -> None:
    def ask(number: int) -> str:
        row = {"question": f"What is {number}?", "snippets": [{"text": f"The number {number} is fine."}]}
        return str(httpx2.post(f"{running.url}/v1/refine", json=row, timeout=60).json()["text"])

    with server(waiting=500) as running, ThreadPoolExecutor(32) as pool:
        assert [*pool.map(ask, range(100))] == [f"The number {number} is fine." for number in range(100)]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--host", "0.0.0.0"), "others can reach 0.0.0.0: give a token that they must know"),
        (("--model", "openai:x"), "the model string lacks @"),
        (("--corpus", "none.db"), "none.db"),
        (("--source", "nowhere"), "there is no source 'nowhere'"),
        (("--history", "."), "."),
    ],
)
def test_wrong_use_is_said_before_anything_listens(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = citerefine("serve", "--port", 0, *arguments, cwd=tmp_path, env={})
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "serving at" not in done.stderr


def test_a_port_that_is_taken_is_said_with_what_to_do(tmp_path: Path) -> None:
    with server() as running:
        port = running.url.rpartition(":")[2]
        done = citerefine("serve", "--port", port, "--no-history", cwd=tmp_path, env={})
    assert done.returncode == 2
    assert f"127.0.0.1:{port} cannot be listened at (Address already in use); give another port" in done.stderr


def test_a_stream_is_told_that_the_server_lives_while_a_model_thinks(monkeypatch: pytest.MonkeyPatch) -> None:
    from citerefine.app.serving import event_stream

    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.05)
    body = {"model": "refiner", "stream": True, "messages": [{"role": "user", "content": "Q?"}]}
    with FaultyServer(says(WRITTEN, after=0.5)) as model, server(model=model.model) as running:
        body["snippets"] = ROW["snippets"]
        reply = httpx2.post(f"{running.url}/v1/chat/completions", json=body, timeout=30)
    assert ": still at work" in reply.text
    assert reply.text.endswith("data: [DONE]\n\n")
    assert threading.active_count() < 50
