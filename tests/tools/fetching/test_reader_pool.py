"""Processes that read pages: what a page was made to cost ends with it, and the program goes on."""

import asyncio
import subprocess
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from tests.tools.fetching.fetching import QUICK, access, page, site
from tests.tools.readers.test_pdf_file import made_pdf

from citerefine.tools.fetching.fetcher import PageFetcher
from citerefine.tools.fetching.limits import PageLimits
from citerefine.tools.web.failures import WebFailure

HARD: Final = b"<p><a href=x>perch</a>" * 40_000
"""A page whose article is looked for for half a minute, where that is done for pages of its length."""
LONG: Final = QUICK.model_copy(update={"markup_bytes": 1_000_000, "extraction": 120, "deadline": 30})
PAGES: Final = {"/hard": page(HARD), "/perch": page(), "/pdf": page(made_pdf(["Roach fell."]), "application/pdf")}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """The processes that were started."""
    processes: list[Process] = []
    start = asyncio.create_subprocess_exec

    async def noted(*command: Any, **how: Any) -> Process:
        processes.append(await start(*command, **how))
        return processes[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    return processes


def run(use: Callable[[PageFetcher, str], Awaitable[None]], limits: PageLimits = LONG) -> None:
    """Hands a fetcher to `use`, with the address of the site."""

    async def run_it(url: str) -> None:
        async with PageFetcher(limits=limits, access=access(service)) as fetcher:
            await use(fetcher, url)

    with site(PAGES) as service:
        asyncio.run(run_it(service.base_url))


async def begun(started: list[Process]) -> None:
    """Returns some time after a process has begun."""
    while not started:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)


def codes(started: list[Process]) -> list[int | None]:
    return [process.returncode for process in started]


def test_a_page_that_takes_too_long_is_given_up_and_the_next_one_is_read(started: list[Process]) -> None:
    async def use(fetcher: PageFetcher, url: str) -> None:
        with pytest.raises(WebFailure, match="its text could not be found within 1 s") as raised:
            await fetcher.fetch(f"{url}/hard")
        assert raised.value.code == "unreadable"
        assert codes(started) == [-9]
        assert (await fetcher.fetch(f"{url}/perch")).text.title == "Perch in lakes"

    began = time.monotonic()
    run(use, LONG.model_copy(update={"extraction": 1}))
    assert time.monotonic() - began < 20  # also asyncio.run has ended, which waits for threads
    assert codes(started) == [-9, -9]


def test_many_hard_pages_at_once_keep_nobody_from_using_threads(started: list[Process]) -> None:
    async def use(fetcher: PageFetcher, url: str) -> None:
        reading = [asyncio.create_task(fetcher.fetch(f"{url}/hard?{number}")) for number in range(6)]
        await begun(started)
        async with asyncio.timeout(5):
            assert await asyncio.to_thread(int, "1") == 1
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)

    run(use)
    assert len(started) <= 3
    assert set(codes(started)) == {-9}


def test_pages_are_read_by_the_same_process_one_after_another(started: list[Process]) -> None:
    async def use(fetcher: PageFetcher, url: str) -> None:
        assert (await fetcher.fetch(f"{url}/perch")).text.authors == ("Moe, Ada",)
        assert (await fetcher.fetch(f"{url}/pdf")).text.blocks[0].page == 1
        assert (await fetcher.fetch(f"{url}/perch?again")).text.year == 2019

    run(use)
    assert len(started) == 1


def test_a_short_plain_text_needs_no_process(started: list[Process]) -> None:
    async def fetch(url: str) -> None:
        async with PageFetcher(limits=QUICK, access=access(service)) as fetcher:
            await fetcher.fetch(url)

    with site(page("Perch doubled.", "text/plain")) as service:
        asyncio.run(fetch(service.base_url))
    assert started == []


def test_closing_ends_processes_that_still_read(started: list[Process]) -> None:
    async def use(fetcher: PageFetcher, url: str) -> None:
        reading = asyncio.create_task(fetcher.fetch(f"{url}/hard"))
        await begun(started)
        await fetcher.aclose()
        assert codes(started) == [-9]
        with pytest.raises(WebFailure, match="process") as raised:  # it has ended, or did not come to begin
            await reading
        assert raised.value.code == "unreadable"

    run(use)


def test_a_page_that_nobody_waits_for_any_more_is_given_up(started: list[Process]) -> None:
    async def use(fetcher: PageFetcher, url: str) -> None:
        reading = asyncio.create_task(fetcher.fetch(f"{url}/hard"))
        await begun(started)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        while codes(started) != [-9]:
            await asyncio.sleep(0.01)

    run(use)


def test_a_process_that_has_ended_is_replaced(started: list[Process]) -> None:
    async def use(fetcher: PageFetcher, url: str) -> None:
        await fetcher.fetch(f"{url}/perch")
        started[0].kill()
        await started[0].wait()
        await fetcher.fetch(f"{url}/pdf")

    run(use)
    assert len(started) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_their_memory_is_bounded(started: list[Process]) -> None:
    async def use(fetcher: PageFetcher, url: str) -> None:
        await fetcher.fetch(f"{url}/perch")
        bounds = Path(f"/proc/{started[0].pid}/limits").read_text()
        (line,) = (line for line in bounds.splitlines() if line.startswith("Max address space"))
        assert int(line.split()[3]) < 2_000_000_000

    run(use)


def test_modules_of_the_working_directory_are_not_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trafilatura.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)

    async def use(fetcher: PageFetcher, url: str) -> None:
        assert (await fetcher.fetch(f"{url}/perch")).text.title == "Perch in lakes"

    run(use)


def test_a_process_that_cannot_begin_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(fetcher: PageFetcher, url: str) -> None:
        with pytest.raises(WebFailure, match="no process can be started to read it") as raised:
            await fetcher.fetch(f"{url}/perch")
        assert raised.value.code == "unreadable"

    for executable in ("/bin/false", "/nowhere/python"):
        monkeypatch.setattr(sys, "executable", executable)
        run(use)


def test_one_whose_program_is_gone_ends() -> None:
    command = [sys.executable, "-m", "citerefine.tools.fetching.reader_process"]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=60, check=True)
    assert done.stdout == b"\0\0\0\0"
    assert done.stderr == b""
