"""What the graph and the validation cost over the model call: a server of fixed latency, 32 questions at a time.

Run: python benchmarks/overhead.py [--questions N] [--latency SECONDS] [--concurrency N]
The same prompts go to the same loopback server, once by plain `openai` calls, once by `Refiner.arefine`, once by the
whole graph with a search tool, once by the graph with claims told while they are written (a piece every 4 characters);
runs alternate, the median of five counts. Overhead is the additional wall time a question. Exits with 1 if the graph's
overhead is above its budget of 5 ms.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from multiprocessing.connection import Connection

from openai import AsyncOpenAI

from citerefine.refiner import Evidence, Refiner, Snippet
from citerefine.refiner.graph import RefinerContext, build_graph
from citerefine.refiner.protocols import SearchPage

BUDGET_MS = 5.0
SNIPPETS = tuple(
    Snippet(
        text=f"In trial {number} of the series, X raised Y by {number + 2} % over placebo. " * 8,
        title=f"Trial {number}",
        url=f"https://example.org/{number}",
    )
    for number in range(10)
)
ANSWER = "<answer>" + " ".join(
    f"<snippet id=S{number}>In trial {number - 1} of the series, X raised Y by {number + 1} % over placebo.</snippet>"
    for number in range(1, 9)
) + "</answer>"


class FixedSearch:
    """Finds the same at once."""

    name = "fixed"

    async def search(self, query: str, k: int) -> SearchPage:
        return SearchPage(snippets=SNIPPETS)


async def _serve(latency: float, port_to: Connection) -> None:
    completion = {
        "id": "c", "object": "chat.completion", "created": 0, "model": "fixed",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 200, "total_tokens": 1100},
    }  # fmt: skip
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "fixed"}
    deltas: list[dict[str, object]] = [
        {"index": 0, "finish_reason": None, "delta": {"content": ANSWER[start : start + 4]}}
        for start in range(0, len(ANSWER), 4)
    ]
    deltas.append({"index": 0, "finish_reason": "stop", "delta": {}})
    stream = "".join(f"data: {json.dumps({**chunk, 'choices': [delta]})}\n\n" for delta in deltas) + "data: [DONE]\n\n"
    models = {"object": "list", "data": [{"id": "fixed", "object": "model", "created": 0, "owned_by": "benchmark"}]}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                fields = head.lower().split(b"content-length:")
                asked = await reader.readexactly(int(fields[1].split(b"\r\n")[0]) if len(fields) > 1 else 0)
                body, status, kind = json.dumps(models), "200 OK", "application/json"
                if head.startswith(b"POST /v1/chat/completions"):
                    await asyncio.sleep(latency)
                    body = json.dumps(completion)
                    if json.loads(asked).get("stream"):
                        body, kind = stream, "text/event-stream"
                elif not head.startswith(b"GET /v1/models"):
                    body, status = "{}", "404 Not Found"
                headers = f"content-type: {kind}\r\ncontent-length: {len(body)}"
                writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n{body}".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1 << 20)
    port_to.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run_server(latency: float, port_to: Connection) -> None:
    asyncio.run(_serve(latency, port_to))


async def _at_once(ask: Callable[[int], Awaitable[object]], questions: int, concurrency: int) -> float:
    """Seconds for all questions, so many at a time."""
    numbers = iter(range(questions))

    async def worker() -> None:
        for number in numbers:
            await ask(number)

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return time.perf_counter() - start


async def _measure(port: int, questions: int, concurrency: int) -> dict[str, float]:
    url = f"http://127.0.0.1:{port}/v1"
    client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    refiner = Refiner(f"openai:fixed@{url}")
    graph = build_graph(search=[FixedSearch()])
    prompt = Evidence(SNIPPETS).render()

    async def plain(number: int) -> None:
        reply = await client.chat.completions.create(
            model="fixed", messages=[{"role": "user", "content": f"{prompt}\nQuestion {number}: does X raise Y?"}]
        )
        assert reply.choices[0].message.content == ANSWER

    async def refined(number: int) -> None:
        answer = await refiner.arefine(f"Question {number}: does X raise Y?", SNIPPETS)
        assert len(answer.claims) == 8

    async def by_graph(number: int, live: bool = False) -> None:
        context = RefinerContext(model=f"openai:fixed@{url}", max_searches=1, live=live)
        state = await graph.ainvoke({"question": f"Question {number}: does X raise Y?"}, context=context)
        assert len(state["answer"]["claims"]) == 8

    ways: dict[str, Callable[[int], Awaitable[object]]] = {
        "openai": plain,
        "refiner": refined,
        "graph": by_graph,
        "live": partial(by_graph, live=True),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for ask in ways.values():
        await _at_once(ask, concurrency, concurrency)  # connections, probes, imports
    for _ in range(5):
        for name, ask in ways.items():
            times[name].append(await _at_once(ask, questions, concurrency))
    await client.close()
    await refiner.aclose()
    return {name: statistics.median(runs) for name, runs in times.items()}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=320)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds that the server takes a call")
    parser.add_argument("--concurrency", type=int, default=32)
    chosen = parser.parse_args()
    port_from, port_to = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.Process(target=_run_server, args=(chosen.latency, port_to), daemon=True)
    server.start()
    try:
        seconds = asyncio.run(_measure(port_from.recv(), chosen.questions, chosen.concurrency))
    finally:
        server.terminate()
        server.join()
    each = {name: 1000 * wall / chosen.questions for name, wall in seconds.items()}
    ideal = 1000 * chosen.latency / chosen.concurrency
    print(f"{chosen.questions} questions, {chosen.concurrency} at a time, {1000 * chosen.latency:g} ms a call")
    print(f"   ideal: {ideal:6.2f} ms a question")
    for name, ms in each.items():
        print(f"{name:>8}: {ms:6.2f} ms a question, {ms - each['openai']:+5.2f} ms over plain openai calls")
    if each["graph"] - each["openai"] > BUDGET_MS:
        print(f"the graph's overhead is above the budget of {BUDGET_MS:g} ms")
        sys.exit(1)


if __name__ == "__main__":
    main()
