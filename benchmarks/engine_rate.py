"""How near the model client comes to the ideal rate: a server of fixed latency, so many calls at a time.

Run: python benchmarks/engine_rate.py [--calls N] [--latency SECONDS] [--concurrency N]
The server and each measurement have a process of their own; connections, imports and what these leave behind come
before the clock starts. Ideal is what a client that costs nothing reaches: so many calls at a time, one latency after
the other (2,000 calls by 64 are 32 of them, the last one for 16 calls). The best of three runs counts, since whatever
else the machine does only slows a run down. Shown besides: that equal calls under way are paid once, that calls which
the journal holds are not paid again, and how far memory grows from few calls to ten times as many. Exits with 1 below
90 % of the ideal rate, or if a call is paid twice.
"""

import argparse
import asyncio
import gc
import json
import math
import multiprocessing
import resource
import selectors
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from citerefine.refiner.chat.call import ChatCall, Message, Sampling
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.protocols import ChatModel

SHARE = 0.9
RUNS = 3
_PROMPT = "Judge each criterion of the answer below by the evidence, and write one line for each of them. " * 20


class Measured(NamedTuple):
    """One run."""

    seconds: float
    cpu: float
    """Seconds of processor time of the client's process."""
    paid: int
    """Calls that the replies say were paid."""
    peak_mb: float
    """Largest resident memory of the client's process."""


class _Answering(asyncio.Protocol):
    """One connection of the server; its requests come one by one."""

    def __init__(self, latency: float, reply: bytes, listed: bytes) -> None:
        self._latency, self._reply, self._listed = latency, reply, listed
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length or 0):
            return
        self._read = b""
        if head.startswith(b"POST /v1/chat/completions"):
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, self._reply)
        else:
            self._transport.write(self._listed)


def _response(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


async def _serve(latency: float, port_to: Connection) -> None:
    completion = {
        "id": "c", "object": "chat.completion", "created": 0, "model": "fixed",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "c01=MET"}}],
        "usage": {"prompt_tokens": 400, "completion_tokens": 8, "total_tokens": 408},
    }  # fmt: skip
    models = {"object": "list", "data": [{"id": "fixed", "object": "model", "created": 0, "owned_by": "benchmark"}]}
    reply, listed = _response(completion), _response(models)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(latency, reply, listed), "127.0.0.1", 0, backlog=256)
    port_to.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run_server(latency: float, port_to: Connection) -> None:
    # epoll wakes up to a millisecond late, which would count as the client's.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_serve(latency, port_to))


def _call(number: int) -> ChatCall:
    return ChatCall(
        messages=(Message(role="system", content=_PROMPT), Message(role="user", content=f"Answer {number}.")),
        sampling=Sampling(max_tokens=64, seed=0),
    )


async def _ask(model: ChatModel, numbers: range, concurrency: int, copies: int) -> int:
    """How many calls were paid."""
    waiting, paid = iter([number for number in numbers for _ in range(copies)]), 0

    async def worker() -> None:
        nonlocal paid
        for number in waiting:
            reply = await model.complete(_call(number))
            paid += reply.usage.calls

    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return paid


async def _measure(url: str, calls: int, concurrency: int, journal: str, copies: int) -> Measured:
    model: ChatModel = ChatClient(Endpoint.parse(url), ClientLimits(concurrency=concurrency))
    if journal:
        from citerefine.refiner.chat.journal import JournaledModel

        model = JournaledModel(model, Path(journal))
    await _ask(model, range(-4 * concurrency, 0), concurrency, 1)  # connections, imports, the slow start
    gc.collect()  # what imports leave behind is collected once a process: 0.2 s, in which nothing else goes on
    start, cpu = time.perf_counter(), time.process_time()
    paid = await _ask(model, range(calls // copies), concurrency, copies)
    seconds, used = time.perf_counter() - start, time.process_time() - cpu
    await model.aclose()
    return Measured(seconds, used, paid, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _run_client(result_to: Connection, *work: Any) -> None:
    result_to.send(asyncio.run(_measure(*work)))


def _in_process(*work: Any) -> Measured:
    context = multiprocessing.get_context("spawn")  # a fork would begin with this process's memory
    result_from, result_to = context.Pipe(duplex=False)
    process = context.Process(target=_run_client, args=(result_to, *work))
    process.start()
    result_to.close()
    try:
        measured: Measured = result_from.recv()
    finally:
        process.join()
    return measured


def _report(url: str, calls: int, concurrency: int, latency: float) -> bool:
    """Measures and prints; whether all is as it should be."""

    def ideal(asked: int) -> float:
        return asked / (math.ceil(asked / concurrency) * latency)

    def show(name: str, measured: Measured, asked: int = calls) -> None:
        rate = asked / measured.seconds
        share = f", {rate / ideal(asked):5.1%} of ideal" if measured.paid == asked else ""
        print(
            f"{name:<28} {rate:7.0f} calls/s{share}, "
            f"{1000 * measured.cpu / asked:.2f} ms CPU a call, {measured.paid} paid, peak {measured.peak_mb:.0f} MB"
        )

    def best(run: Callable[[], Measured]) -> Measured:
        return min((run() for _ in range(RUNS)), key=lambda measured: measured.seconds)

    with tempfile.TemporaryDirectory() as folder:
        plain = best(lambda: _in_process(url, calls, concurrency, "", 1))
        show("client", plain)
        paths = iter(f"{folder}/{number}.db" for number in range(RUNS + 1))
        journaled = best(lambda: _in_process(url, calls, concurrency, next(paths), 1))
        show("client with journal", journaled)
        again = _in_process(url, calls, concurrency, f"{folder}/0.db", 1)
        show("the same calls again", again)
        equal = _in_process(url, calls, concurrency, "", concurrency)
        show(f"each call {concurrency} times at once", equal)
        many = _in_process(url, 10 * calls, concurrency, next(paths), 1)
        show("ten times as many", many, 10 * calls)
    print(f"memory: {many.peak_mb - journaled.peak_mb:+.1f} MB for ten times as many calls")
    fast = calls / max(plain.seconds, journaled.seconds) >= SHARE * ideal(calls)
    return fast and again.paid == 0 and equal.paid == calls // concurrency


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that the server takes a call")
    parser.add_argument("--concurrency", type=int, default=64)
    chosen = parser.parse_args()
    port_from, port_to = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.Process(target=_run_server, args=(chosen.latency, port_to), daemon=True)
    server.start()
    try:
        url = f"openai:fixed@http://127.0.0.1:{port_from.recv()}/v1"
        fine = _report(url, chosen.calls, chosen.concurrency, chosen.latency)
    finally:
        server.terminate()
        server.join()
    if not fine:
        print(f"below {SHARE:.0%} of the ideal rate, or a call was paid twice")
        sys.exit(1)


if __name__ == "__main__":
    main()
