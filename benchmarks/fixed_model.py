"""A model server of fixed latency, each of whose answers belongs to one question: what a server is loaded with.

Run: python -m benchmarks.fixed_model [--port N] [--latency SECONDS] [--pieces N] [--quick N]
In: chat completions on an item, such as “What is known of item 12?” with evidence on it. Out: an answer on that item,
which cites four snippets: whole after the latency, or in equal pieces spread over it. A prompt that holds several items
is answered with what gives the mix-up away; one that holds none, by which clients find out what a server can do, at
once. The first line printed is the port. Not here: faults (tests/faulty_server.py); whoever wants this server to die
kills its process.
"""

import argparse
import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

FACTS: Final = (
    "Item {number} weighs {weight} grams, as three of the four scales showed.",
    "Item {number} was found in layer {layer} of the northern trench.",
    "Item {number} holds {share} % of copper by the second method.",
    "Item {number} was drawn on sheet {sheet} before it was cleaned.",
)
_ITEM: Final = re.compile(r"[Ii]tem (\d+)")
_MIXED: Final = "<answer><snippet id=S1>Several items were in one prompt.</snippet></answer>"
_ROOT: Final = Path(__file__).parents[1]


def question(number: int) -> str:
    """What is asked about an item."""
    return f"What is known of item {number}?"


def facts(number: int) -> list[str]:
    """Evidence on an item; no two items share a sentence."""
    values = {"weight": 7 * number + 3, "layer": number % 12 + 1, "share": number % 90 + 1, "sheet": number + 40}
    return [fact.format(number=number, **values) for fact in FACTS]


def answer(number: int) -> str:
    """The text that an answer on an item has."""
    return " ".join(facts(number))


class _How(NamedTuple):
    """How questions are answered."""

    latency: float
    pieces: int
    quick: int

    def answered(self, prompt: str) -> tuple[str, float]:
        """The answer, and the seconds that it takes."""
        numbers = {int(number) for number in _ITEM.findall(prompt)}
        if len(numbers) != 1:
            return _MIXED if numbers else "Hello.", 0.0
        number = numbers.pop()
        claims = (f"<snippet id=S{place}>{fact}</snippet>" for place, fact in enumerate(facts(number), 1))
        return f"<answer>{' '.join(claims)}</answer>", self.latency * (0.1 if number <= self.quick else 1.0)


class _Answering(asyncio.Protocol):
    """One connection; its requests come one by one."""

    def __init__(self, how: "_How") -> None:
        self._how = how
        self._read = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = bytes(self._read).partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if not end or len(body) < length:
            return
        self._read.clear()
        if not head.startswith(b"POST /v1/chat/completions"):
            found = head.startswith(b"GET /v1/models")
            self._transport.write(_response(_MODELS if found else {}, "200 OK" if found else "404 Not Found"))
            return
        asked = json.loads(body)
        (text, seconds), loop = self._how.answered(str(asked["messages"])), asyncio.get_running_loop()
        if asked.get("stream"):
            loop.create_task(self._stream(text, seconds))
        else:
            reply = _reply("chat.completion", {"message": {"role": "assistant", "content": text}}, "stop", text)
            loop.call_later(seconds, self._transport.write, _response(reply))

    async def _stream(self, text: str, seconds: float) -> None:
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        loop, size = asyncio.get_running_loop(), -(-len(text) // self._how.pieces)
        starts = range(0, len(text), size)
        began = loop.time()
        for count, start in enumerate(starts, 1):
            await asyncio.sleep(began + count * seconds / len(starts) - loop.time())
            if self._transport.is_closing():
                return
            self._send(_reply("chat.completion.chunk", {"delta": {"content": text[start : start + size]}}, None))
        self._send(_reply("chat.completion.chunk", {"delta": {}}, "stop", text))
        self._transport.write(_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    def _send(self, value: dict[str, Any]) -> None:
        self._transport.write(_chunk(b"data: " + json.dumps(value).encode() + b"\n\n"))


_MODELS: Final = {"object": "list", "data": [{"id": "fixed", "object": "model", "created": 0, "owned_by": "benchmark"}]}


def _reply(kind: str, said: dict[str, Any], finish: str | None, text: str = "") -> dict[str, Any]:
    tokens = len(text) // 4
    usage = {"prompt_tokens": 900, "completion_tokens": tokens, "total_tokens": 900 + tokens} if text else None
    choice = {"index": 0, "finish_reason": finish, **said}
    return {"id": "c", "object": kind, "created": 0, "model": "fixed", "choices": [choice], "usage": usage}


def _response(value: object, status: str = "200 OK") -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def _serve(port: int, how: _How) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answering(how), "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class FixedModel:
    """The server in a process of its own, which can be killed and brought back at the same port."""

    def __init__(self, latency: float, pieces: int, quick: int = 0) -> None:
        """`latency`: seconds for each answer; `pieces`: of a streamed one; `quick`: first items, for warming up."""
        self._how = ("--latency", str(latency), "--pieces", str(pieces), "--quick", str(quick))
        self._port = 0

    @property
    def model(self) -> str:
        """The model string."""
        return f"openai:fixed@http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        """Takes requests when it returns."""
        command = [sys.executable, "-m", "benchmarks.fixed_model", "--port", str(self._port), *self._how]
        self._process = subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """Ends it as a crash does: in the middle of whatever it says."""
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def main() -> None:
    """Serves until it is killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes any free one")
    parser.add_argument("--latency", type=float, default=10.0, help="seconds for each answer")
    parser.add_argument("--pieces", type=int, default=60, help="of a streamed answer")
    parser.add_argument("--quick", type=int, default=0, help="items up to this one take a tenth of the time")
    chosen = parser.parse_args()
    asyncio.run(_serve(chosen.port, _How(chosen.latency, chosen.pieces, chosen.quick)))


if __name__ == "__main__":
    main()
