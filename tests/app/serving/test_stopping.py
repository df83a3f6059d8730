"""A server that is told to stop under load loses nothing: what it took is answered, or it says that it is not."""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from benchmarks.fixed_model import FixedModel
from benchmarks.load_streams import Fate, Streams
from tests.app.serving.running import PERCH, Running, process, server
from tests.app.serving.test_server import until
from tests.faulty_server import FaultyServer, says

from citerefine.app.serving.admission import Admission, Stopped

ROW = {"question": "Did perch double?", "snippets": [PERCH.model_dump(mode="json")]}
CHAT = {"model": "refiner", "messages": [{"role": "user", "content": "Did perch fall?"}], "snippets": ROW["snippets"]}


def test_a_signal_under_load_loses_no_stream(tmp_path: Path) -> None:
    with (
        FixedModel(latency=1.5, pieces=20) as model,
        process("--no-history", "-m", model.model, "--concurrency", 8, folder=tmp_path) as started,
    ):
        async def load() -> tuple[Streams, int]:
            streams = Streams(started.url)
            asking = asyncio.create_task(streams.run(16, 3.0))  # as many again wait for a place
            await asyncio.sleep(2.0)
            code = await asyncio.to_thread(started.stop)
            await asking
            return streams, code

        streams, code = asyncio.run(load())
    fates = [ending.fate for ending in streams.endings]
    assert {*fates} <= {Fate.ANSWERED, Fate.NOT_TAKEN, Fate.REFUSED}
    assert fates.count(Fate.ANSWERED) >= 16
    assert code in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/refine", ROW), ("/v1/chat/completions", CHAT), ("/v1/chat/completions", {**CHAT, "stream": True})],
    ids=["row", "chat", "stream"],
)
def test_what_cannot_be_finished_in_time_is_told_so_before_the_connection_ends(path: str, body: dict[str, Any]) -> None:
    def ask(running: Running) -> httpx2.Response:
        return httpx2.post(f"{running.url}{path}", json=body, timeout=30)

    with FaultyServer(says("", after=30)) as model, ThreadPoolExecutor(2) as pool:
        with server(model=model.model, drain_seconds=0.3, at_once=1) as running:
            asked = [pool.submit(ask, running) for _ in range(2)]  # one is worked on, one waits
            until(lambda: (running.answerer.admission.active, running.answerer.admission.waiting) == (1, 1))
        replies = [one.result() for one in asked]
    for reply in replies:
        assert reply.status_code == (200 if "stream" in body else 503)
        assert '"code":"stopped"' in reply.text.replace(": ", ":")
        assert reply.text.endswith("data: [DONE]\n\n") == ("stream" in body)


def test_who_is_in_or_waits_when_the_time_is_up_is_stopped_and_who_is_done_before_is_not() -> None:
    async def work() -> list[str]:
        admission = Admission(2, 10)

        async def one(seconds: float) -> str:
            try:
                async with admission.place():
                    await asyncio.sleep(seconds)
            except Stopped:
                return "stopped"
            return "done"

        tasks = [asyncio.create_task(one(seconds)) for seconds in (0.01, 30, 30, 30)]
        await asyncio.sleep(0)
        admission.end_after(0.3)
        ended = await asyncio.wait_for(asyncio.gather(*tasks), 10)
        assert (admission.active, admission.waiting, admission.is_open) == (0, 0, False)
        return ended

    assert asyncio.run(work()) == ["done", "stopped", "stopped", "stopped"]


def test_a_timeout_of_the_work_itself_is_not_taken_for_the_end_of_the_server() -> None:
    async def work() -> None:
        async with Admission(1, 0).place():
            raise TimeoutError("of something else")

    with pytest.raises(TimeoutError, match="of something else"):
        asyncio.run(work())
