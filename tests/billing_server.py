"""A faulty server that keeps its own bill: which request was answered with what, and what it charges for it.

    with BillingServer(tmp_path / "bill.jsonl", seed=7) as server:
        client = ChatClient(Endpoint.parse(server.model))
        ...
        assert server.total() == ...

Each fault is drawn from the seed, the prompt and how often that prompt was asked before, so that a run is the same in
whatever order its calls come, and goes on after its client was killed. A prompt has a fate of its own first (refused,
cut at the token limit, too large, or none), and besides that so many passing faults before it is served. What the
model said is a function of the prompt. The bill is a file of JSON lines: it outlives clients that are killed.

`FAULTS` names all kinds; `bills` says for which of them the model had worked when the fault struck.
"""

import hashlib
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from weakref import WeakSet

from tests.faulty_server import (
    Behaviour,
    FaultyServer,
    Line,
    Request,
    completion,
    date_in,
    drip,
    gzip_bomb,
    hang,
    html,
    huge,
    rate_limited,
    raw,
    reset_mid_body,
    says,
    status,
    truncated,
    usage,
)

PROMPT_PRICE: Final = 1e-6
COMPLETION_PRICE: Final = 4e-6
"""Dollars a token."""


class BillLine(NamedTuple):
    """What one request was charged."""

    id: str
    """X-Request-Id."""
    prompt: str
    """Last message, as a key of what was asked."""
    fault: str
    """Key of `FAULTS`; `none` where it was served."""
    prompt_tokens: int
    completion_tokens: int
    dollars: float


class Fault(NamedTuple):
    """One way to fail."""

    behave: Callable[["Says"], Behaviour]
    bills: bool
    """Whether the model had worked."""
    told: bool = False
    """Whether the client hears what was used."""


Says = Callable[[Request], str]


def _edited(says_what: Says, change: Callable[[dict[str, Any], Request], object]) -> Behaviour:
    def behave(request: Request, line: Line) -> None:
        value = completion(request, says_what(request))
        change(value, request)
        line.answer(json.dumps(value).encode())

    return behave


def _garbled(request: Request, line: Line) -> None:
    body = bytearray(json.dumps(completion(request, "c01=MET")).encode())
    body[len(body) // 3] = 0xFF
    line.answer(bytes(body))


def _duplicate(value: dict[str, Any], request: Request) -> None:
    """The reply to another prompt, as a proxy sends it that has lost count."""
    value["id"] = f"chatcmpl-{'0' * 32}"
    message = value["choices"][0]["message"]
    message["content"] = _opposite(message["content"])


def _opposite(said: str) -> str:
    return said.replace("UNMET", "\0").replace("MET", "UNMET").replace("\0", "MET")


PASSING: Final[dict[str, Fault]] = {
    "429": Fault(lambda _: rate_limited("0.02"), False),
    "429 until a past date": Fault(lambda _: rate_limited(date_in(-1e6)), False),  # the server's clock jumped
    "500": Fault(lambda _: status(500), True),
    "502": Fault(lambda _: status(502), True),
    "503": Fault(lambda _: status(503), False),
    "529": Fault(lambda _: status(529), False),
    "reset": Fault(lambda _: reset_mid_body(), True),
}
"""Faults that a client tries again after, as often as it may."""
MANGLED: Final[dict[str, Fault]] = {
    "empty": Fault(lambda _: raw(b""), True),
    "html": Fault(lambda _: html(), False),
    "garbled": Fault(lambda _: _garbled, True),
    "truncated": Fault(lambda _: truncated(), True),
    "NaN": Fault(lambda say: _edited(say, lambda value, _: value.update(created=float("nan"))), True),
    "no choices": Fault(lambda say: _edited(say, lambda value, _: value.update(choices=[])), True, told=True),
    "duplicate reply": Fault(lambda say: _edited(say, _duplicate), True),
}
"""Faults that a client tries again after once."""
FATES: Final[dict[str, Fault]] = {
    "length": Fault(lambda say: says(say, finish="length"), True, told=True),
    "white-space loop": Fault(lambda _: says("\n " * 400, finish="length"), True, told=True),
    "refusal": Fault(lambda _: says("", refusal="I cannot judge this."), True, told=True),
    "huge": Fault(lambda _: huge(60_000), True),
    "gzip bomb": Fault(lambda _: gzip_bomb(1_000_000), True),
    "400": Fault(lambda _: status(400, "temperature must be at most 2"), False),
}
"""What happens to a prompt each time it is asked."""
WORDS: Final[dict[str, Callable[[str], str]]] = {
    "wrong ids": lambda said: said.replace("c0", "d9"),
    "too few ids": lambda said: said.partition("\n")[0],
    "an id twice": lambda said: f"{said}\nc01=MET",
    "another answer's verdicts": _opposite,
}
"""Well-formed replies that say the wrong thing, for those who read them."""
SLOW: Final[dict[str, Fault]] = {
    "hang": Fault(lambda _: hang(20), True),
    "drip": Fault(lambda _: drip(0.05), True),
}
"""Faults that only a deadline ends."""
FAULTS: Final[dict[str, Fault]] = {**PASSING, **MANGLED, **FATES, **SLOW}
_IDS = re.compile(r"\bc\d\d\b")


def verdicts(request: Request) -> str:
    """A verdict for each criterion id in the prompt (or one), drawn from the prompt alone."""
    ids = [*dict.fromkeys(_IDS.findall(request.prompt))] or ["c01"]
    drawn = random.Random(request.prompt)
    return "\n".join(f"{name}={drawn.choice(['MET', 'UNMET'])}" for name in ids)


class BillingServer:
    """The server; see the top of the file."""

    def __init__(
        self,
        bill: Path,
        *,
        seed: int = 0,
        share: float = 0.5,
        kinds: Collection[str] = (*PASSING, *MANGLED, *FATES),
        latency: float = 0.0,
        say: Says = verdicts,
    ) -> None:
        """Listens on a free port once it is entered.

        Args:
            bill: file of the bill; added to.
            seed: of all faults.
            share: of prompts that have a passing fault, of those that have a mangled reply, and, halved, a fate.
            kinds: keys of `FAULTS` that may happen.
            latency: seconds that a reply takes.
            say: what the model says.
        """
        self.path = bill
        self._seed = seed
        self._share = share
        self._kinds = kinds
        self._latency = latency
        self._say = say
        self._asked = Counter[str]()
        self._known = WeakSet[object]()
        """Connections whose client has seen a right reply: before that nobody could tell a duplicate one."""
        self._lock = threading.Lock()
        self._file = bill.open("a", buffering=1)
        self._server = FaultyServer(self._behave, persona="vllm")

    @property
    def model(self) -> str:
        """The model string."""
        return self._server.model

    @property
    def base_url(self) -> str:
        """The server's address."""
        return self._server.base_url

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)
        self._file.close()

    def bill(self) -> dict[str, BillLine]:
        """The bill, by request id."""
        return read_bill(self.path)

    def fault_of(self, prompt: str, turn: int) -> str:
        """What happens when a prompt is asked for the `turn`-th time, from 0; `none` if it is served."""
        drawn = random.Random(hashlib.sha256(f"{self._seed} {prompt}".encode()).digest())
        passing = [kind for kind in PASSING if kind in self._kinds and drawn.random() < self._share / 2][:2]
        mangled = [kind for kind in MANGLED if kind in self._kinds]
        slow = [kind for kind in SLOW if kind in self._kinds]
        fates = [kind for kind in FATES if kind in self._kinds]
        turns = [*passing]
        for kinds in (mangled, slow):
            if kinds and drawn.random() < self._share:
                turns.append(drawn.choice(kinds))
        drawn.shuffle(turns)
        fate = drawn.choice(fates) if fates and drawn.random() < self._share / 2 else "none"
        return turns[turn] if turn < len(turns) else fate

    def _behave(self, request: Request, line: Line) -> None:
        with self._lock:
            turn = self._asked[request.prompt]
            self._asked[request.prompt] += 1
            name = self.fault_of(request.prompt, turn)
            fault = FAULTS.get(name)
            if fault is None or fault.bills:
                self._charge(request, name)
        line.wait(self._latency)
        if name == "duplicate reply" and line.connection not in self._known:
            fault = FAULTS["truncated"]
        (fault.behave(self._say) if fault else says(self._say))(request, line)
        if fault is None:
            self._known.add(line.connection)

    def _charge(self, request: Request, fault: str) -> None:
        said = {"white-space loop": "", "refusal": "", "huge": "x"}.get(fault, self._say(request))
        used = usage(request, said)
        prompt, completed = used["prompt_tokens"], used["completion_tokens"]
        dollars = prompt * PROMPT_PRICE + completed * COMPLETION_PRICE
        line = BillLine(request.headers["x-request-id"], request.prompt, fault, prompt, completed, dollars)
        self._file.write(json.dumps(line._asdict()) + "\n")


def read_bill(path: Path) -> dict[str, BillLine]:
    """The lines of a bill, by request id. Raises AssertionError where a request stands in it twice."""
    lines = [BillLine(**json.loads(line)) for line in path.read_text().splitlines()]
    by_id = {line.id: line for line in lines}
    assert len(by_id) == len(lines), "a request was charged twice"
    return by_id
