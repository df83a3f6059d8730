"""Clients that ask a server of ours for streams, and find out what became of each.

In: the address of a server. Out: for each question, on an item of its own (fixed_model.py), exactly one `Ending`. Not
here: servers, and what is done to them (serve_load.py).
"""

import asyncio
import json
import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import httpx2
from benchmarks.fixed_model import answer, facts, question

_PATIENCE = httpx2.Timeout(120.0)


class Fate(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    MIXED_UP = "mixed up"
    """The answer holds something else than what was asked for."""
    FAILED = "failed"
    """An error said so, and the stream ended as streams end."""
    REFUSED = "refused"
    """A status said so before anything was streamed."""
    NOT_TAKEN = "not taken"
    """There was no connection, or it was closed before a word came back."""
    LOST = "lost"
    """A stream began, and had no end."""


class Ending(NamedTuple):
    """What became of one question."""

    number: int
    fate: Fate
    detail: str
    """Code of the error, status of the refusal, or name of what went wrong."""
    began: float
    """On the monotonic clock."""
    seconds: float


class Streams:
    """Questions to one server, and what became of them."""

    def __init__(self, url: str) -> None:
        """`url`: of the server."""
        self._url = f"{url}/v1/chat/completions"
        self._numbers: Iterator[int] = iter(range(1, 10**9))
        self.endings: list[Ending] = []
        self.claims = 0
        """That were told while they were written."""

    async def run(self, clients: int, seconds: float, spread: float = 0.0) -> None:
        """Asks at least once by each client until the time is over, and waits for all that was asked.

        Args:
            clients: at once; each asks again as soon as its stream ended.
            seconds: for which questions are asked.
            spread: seconds over which the clients' first questions are spread.
        """
        until = time.monotonic() + seconds
        bounds = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx2.AsyncClient(limits=bounds, timeout=_PATIENCE) as client:

            async def ask_on(wait: float) -> None:
                await asyncio.sleep(wait)
                while True:
                    self.endings.append(await self._ask(client, next(self._numbers)))
                    if time.monotonic() >= until:
                        return
                    if self.endings[-1].fate in (Fate.NOT_TAKEN, Fate.REFUSED):
                        await asyncio.sleep(0.2)

            await asyncio.gather(*(ask_on(spread * place / clients) for place in range(clients)))

    async def _ask(self, client: httpx2.AsyncClient, number: int) -> Ending:
        began, head = time.monotonic(), False
        try:
            async with client.stream("POST", self._url, json=_body(number)) as reply:
                head = True
                if reply.status_code != 200:
                    fate, detail = Fate.REFUSED, str(reply.status_code)
                else:
                    fate, detail = await self._read(reply, number)
        except httpx2.TransportError as error:
            fate, detail = (Fate.LOST if head else Fate.NOT_TAKEN), type(error).__name__
        return Ending(number, fate, detail, began, time.monotonic() - began)

    async def _read(self, reply: httpx2.Response, number: int) -> tuple[Fate, str]:
        text, urls, whole, error, done = "", set[str](), dict[str, Any](), "", False
        async for line in reply.aiter_lines():
            data = line.removeprefix("data: ")
            if data == line:
                continue
            done = data == "[DONE]"
            chunk = {} if done else json.loads(data)
            error = chunk["error"]["code"] if "error" in chunk else error
            ours = chunk.get("citerefine", {})
            self.claims += ours.get("event", {}).get("type") == "claim"
            whole = ours if "claims" in ours else whole
            for choice in chunk.get("choices", ()):
                text += choice["delta"].get("content") or ""
                urls |= {one["url_citation"]["url"] for one in choice["delta"].get("annotations", ())}
        if not done:
            return Fate.LOST, "no [DONE]"
        if error:
            return Fate.FAILED, error
        return (Fate.ANSWERED, "") if _belongs(number, text, urls, whole) else (Fate.MIXED_UP, text[:80])


def _body(number: int) -> dict[str, Any]:
    return {
        "model": "refiner",
        "stream": True,
        "messages": [{"role": "user", "content": question(number)}],
        "snippets": [{"text": fact, "url": _url(number)} for fact in facts(number)],
    }


def _url(number: int) -> str:
    return f"https://example.org/items/{number}"


def _belongs(number: int, text: str, urls: set[str], whole: dict[str, Any]) -> bool:
    """Whether text, annotations, claims and evidence are those of the question, each claim beside its own sentence."""
    snippets = {id: snippet["text"] for id, snippet in whole["snippets"].items()}
    cited = [[snippets[id] for id in claim["citations"]] for claim in whole["claims"]]
    return text == answer(number) and urls == {_url(number)} and cited == [[fact] for fact in facts(number)]
