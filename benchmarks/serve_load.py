"""How `citerefine serve` bears many streams at once, a model server that dies, and a signal to stop.

Run: python -m benchmarks.serve_load [--streams N] [--seconds S] [--latency S] [--kill-model | --sigterm]
The server, a model server of fixed latency (fixed_model.py) and the clients have a process each, and share the machine.
Every question is on an item of its own, whose number is in the question, the evidence and the answer: an answer that
belongs to another question is seen. Overhead is the time from sending a question to the end of its stream, less the
model's latency; the server has a place for each stream, so that none waits for its turn. The model client begins with
16 calls at once and doubles them with each round of answers: the first questions, which the model answers in a tenth of
its time, warm up and are not counted. From then on the streams of a plain load are spread evenly over the latency.
Exits with 1 if an answer is lost or mixed up, if a stream ends without saying how, or if memory grows.
"""

import argparse
import asyncio
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.fixed_model import FixedModel
from benchmarks.load_streams import Ending, Fate, Streams

QUICK = 4
"""First questions of each stream, which warm up: by then the model client makes as many calls at once as it may."""
GROWTH_MB = 1.0
"""Most megabytes a minute by which memory may grow once the server is warm."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


class Used(NamedTuple):
    """What the server's process had used at one moment."""

    at: float
    """On the monotonic clock."""
    cpu: float
    """Seconds of processor time."""
    memory: float
    """Resident megabytes."""


class Served:
    """`citerefine serve` in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self._process, self.url = process, url

    def used(self) -> Used:
        """What it has used so far."""
        times = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return Used(time.monotonic(), (int(times[11]) + int(times[12])) / _TICKS, pages * _PAGE_MB)

    def stop(self) -> None:
        """Tells it to stop."""
        self._process.send_signal(signal.SIGTERM)

    def ended(self, seconds: float = 60) -> int:
        """The exit code, once there is one."""
        return self._process.wait(seconds)


@contextmanager
def serving(model: str, streams: int) -> Iterator[Served]:
    """A server with a place for each stream."""
    command = [
        sys.executable, "-c", "from citerefine.app.cli import main; main()", "serve", "--port", "0", "--no-history",
        "--model", model, "--concurrency", str(streams), "--queue", str(streams),
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            address = re.search(r"http://\S+:\d+", line)
            assert address is not None, line
            yield Served(process, address[0])
        finally:
            process.kill()
            process.communicate()


async def watched(server: Served, used: list[Used]) -> None:
    """Notes what the server uses, twice a second, until it is cancelled."""
    while True:
        used.append(server.used())
        await asyncio.sleep(0.5)


async def warmed(server: Served, streams: int) -> Streams:
    """Streams that go on where the first questions, which are not counted, ended."""
    asked = Streams(server.url)
    while len(asked.endings) < QUICK * streams:
        await asked.run(streams, 0.1)
    assert all(one.fate is Fate.ANSWERED for one in asked.endings), fates(asked.endings)
    asked.endings.clear()
    return asked


async def load(server: Served, streams: int, seconds: float, latency: float) -> tuple[Streams, list[Used]]:
    """Streams for so long, spread over the model's latency; and what the server used meanwhile."""
    asked, used = await warmed(server, streams), list[Used]()
    watching = asyncio.create_task(watched(server, used))
    try:
        await asked.run(streams, seconds, latency)
    finally:
        watching.cancel()
    return asked, used


async def load_without_model(
    server: Served, model: FixedModel, streams: int, seconds: float, away: float
) -> tuple[Streams, float]:
    """Streams, while the model server dies in the middle of them and comes back; and when it was back."""
    asked = await warmed(server, streams)
    running = asyncio.create_task(asked.run(streams, seconds))
    await asyncio.sleep(seconds / 3)
    model.kill()
    await asyncio.sleep(away)
    model.start()
    back = time.monotonic()
    await running
    return asked, back


async def load_until_stopped(server: Served, streams: int, seconds: float) -> tuple[Streams, int]:
    """Streams, while the server is told to stop; and its exit code."""
    asked = await warmed(server, streams)
    running = asyncio.create_task(asked.run(streams, seconds))
    await asyncio.sleep(seconds / 2)
    server.stop()
    await running
    return asked, await asyncio.to_thread(server.ended)


def fates(endings: Sequence[Ending]) -> str:
    """How many came to what, as in `12 answered, 3 failed (unreachable)`."""
    counts = Counter(f"{one.fate}{f' ({one.detail})' if one.detail else ''}" for one in endings)
    return ", ".join(f"{count:,} {fate}" for fate, count in sorted(counts.items()))


def unclear(endings: Sequence[Ending]) -> list[Ending]:
    """Endings that there must not be, whatever happens to a server."""
    return [one for one in endings if one.fate in (Fate.LOST, Fate.MIXED_UP)]


def growth(used: Sequence[Used]) -> float:
    """Megabytes a minute by which memory grew in the second half: the slope of a line through it."""
    half = used[len(used) // 2 :]
    return 60 * statistics.linear_regression([one.at for one in half], [one.memory for one in half]).slope


def report_load(asked: Streams, used: Sequence[Used], latency: float, pieces: int) -> bool:
    """Prints what a load came to; whether it is as it should be."""
    ms = [1000 * (one.seconds - latency) for one in asked.endings if one.fate is Fate.ANSWERED]
    cuts = statistics.quantiles(ms, n=100)
    first, last = used[0], used[-1]
    seconds, cpu = last.at - first.at, last.cpu - first.cpu
    count, slope = len(asked.endings), growth(used)
    print(f"{count:,} questions: {fates(asked.endings)}")
    print(f"overhead over {latency:g} s in {pieces} pieces: p50 {cuts[49]:.0f}, p95 {cuts[94]:.0f}, "
          f"p99 {cuts[98]:.0f}, most {max(ms):.0f} ms")  # fmt: skip
    print(f"server: {count / seconds:.1f} answers/s, {cpu / seconds:.2f} cores, {1000 * cpu / count:.1f} ms each")
    memory = ", ".join(f"{used[place].memory:.0f}" for place in range(0, len(used), max(1, len(used) // 6)))
    print(f"memory: {memory} MB over time; {slope:+.2f} MB a minute in the second half")
    return all(one.fate is Fate.ANSWERED for one in asked.endings) and slope <= GROWTH_MB


def report_outage(asked: Streams, back: float, latency: float) -> bool:
    """Prints what became of streams while the model server was away; whether each ended clearly, and since well."""
    since = [one for one in asked.endings if one.began > back]
    before = [one for one in asked.endings if one.began <= back]
    print(f"asked before the model server was back: {fates(before)}")
    print(f"asked since: {fates(since)}")
    slowest = max((one.seconds for one in before if one.fate is Fate.FAILED), default=0.0)
    print(f"the slowest failure took {slowest:.1f} s, an answer takes {latency:g} s")
    refused = [one for one in asked.endings if one.fate in (Fate.REFUSED, Fate.NOT_TAKEN)]
    return not unclear(asked.endings) and not refused and all(one.fate is Fate.ANSWERED for one in since)


def report_stop(asked: Streams, code: int) -> bool:
    """Prints what became of streams while the server stopped; whether all that began were answered."""
    print(f"{fates(asked.endings)}; exit code {code}")
    failed = [one for one in asked.endings if one.fate is Fate.FAILED]
    return not unclear(asked.endings) and not failed and code in (0, -signal.SIGTERM, 128 + signal.SIGTERM)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--streams", type=int, default=200, help="at once")
    parser.add_argument("--seconds", type=float, default=60.0, help="for which questions are sent, once it is warm")
    parser.add_argument("--latency", type=float, default=10.0, help="seconds that the model takes for an answer")
    parser.add_argument("--pieces", type=int, default=60, help="in which the model streams it")
    parser.add_argument("--away", type=float, default=2.0, help="seconds for which a killed model server is away")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--kill-model", action="store_true", help="kill the model server mid-stream, and bring it back")
    what.add_argument("--sigterm", action="store_true", help="tell the server to stop while it is under load")
    chosen = parser.parse_args()
    print(f"{chosen.streams} streams, {chosen.seconds:g} s, {len(os.sched_getaffinity(0))} cores for all processes")
    quick = QUICK * chosen.streams
    with FixedModel(chosen.latency, chosen.pieces, quick) as model, serving(model.model, chosen.streams) as server:
        if chosen.kill_model:
            fate = load_without_model(server, model, chosen.streams, chosen.seconds, chosen.away)
            fine = report_outage(*asyncio.run(fate), chosen.latency)
        elif chosen.sigterm:
            fine = report_stop(*asyncio.run(load_until_stopped(server, chosen.streams, chosen.seconds)))
        else:
            loaded = asyncio.run(load(server, chosen.streams, chosen.seconds, chosen.latency))
            fine = report_load(*loaded, chosen.latency, chosen.pieces)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
