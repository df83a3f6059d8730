"""A hundred questions at once to five sources that fail in every way: nothing is lost, no limit is passed.

Each service counts for itself: how many requests came within any span of time, and how many were under way. What
happens to a question at a service, attempt by attempt, is drawn from a seed.
"""

import asyncio
import bisect
import random
import threading
from collections import Counter, defaultdict
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

from tests.faulty_server import Behaviour, Line, Request, rate_limited, raw, reset_mid_body, status
from tests.tools.service import Asked, Service, json_reply

from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.tools.fusing.fused_search import FusedSearch
from citerefine.tools.sources.europepmc import EuropePmc
from citerefine.tools.sources.settings import SourceSettings
from citerefine.tools.web.client import WebClient, WebLimits
from citerefine.tools.web.pacing import Pace

N_QUESTIONS: Final = 100
PACES: Final = {
    "alpha": Pace(per_second=30, at_once=1),
    "beta": Pace(per_second=40, at_once=2),
    "gamma": Pace(per_second=45, at_once=3),
    "delta": Pace(per_second=60, at_once=3),
    "epsilon": Pace(per_second=60, at_once=2),
}
FAULTS: Final[dict[str, Behaviour]] = {
    "500": status(500, "it broke"),
    "reset": reset_mid_body(),
    "truncated": raw(b'{"resultList": {"result": [{"id":'),
    "429": rate_limited("0.2"),
}


class Limit(NamedTuple):
    """What a service lets through."""

    requests: int
    seconds: float


def limit_of(pace: Pace) -> Limit:
    """The strictest limit that can be counted on arrival, however slow the machine is.

    A request arrives after its turn and before its place is free again. So within the time of n requests at this pace
    arrive at most as many as turns are given then (n / 1.05 and one), and those that were under way: no more than n,
    if n is at least 21 (1 + at once).
    """
    assert pace.per_second is not None
    n = 21 * (1 + pace.at_once)
    return Limit(n, n / pace.per_second)


class Plan(NamedTuple):
    """What happens to one question at one service: the last for all further attempts."""

    attempts: tuple[str, ...]

    @property
    def fails(self) -> bool:
        return self.attempts[-1] not in ("good", "slow")


def plans(seed: int) -> dict[tuple[str, int], Plan]:
    """Of each service and question."""
    rng = random.Random(seed)
    kinds = [("good",)] * 70 + [("slow",)] * 10 + [("429", "good")] * 3
    kinds += [(fault, "good") for fault in ("500", "reset", "truncated")] * 4 + [("500",)] * 3 + [("truncated",)] * 2
    return {(name, number): Plan(rng.choice(kinds)) for name in PACES for number in range(N_QUESTIONS)}


class Guarded:
    """A service that follows a plan and counts."""

    def __init__(self, name: str, plan: dict[tuple[str, int], Plan]) -> None:
        self.name, self.most_at_once = name, 0
        self.service = Service(route=self._route)
        self._plan, self._asked = plan, Counter[int]()
        self._lock, self._under_way = threading.Lock(), 0

    def _route(self, asked: Asked) -> Behaviour:
        number = int((asked.param("query") or "").split()[-1])
        attempts = self._plan[self.name, number].attempts
        what = attempts[min(self._asked[number], len(attempts) - 1)]
        self._asked[number] += 1
        return self._counted(what, FAULTS[what] if what in FAULTS else self._hits(number))

    def _counted(self, what: str, answer: Behaviour) -> Behaviour:
        def behave(request: Request, line: Line) -> None:
            with self._lock:
                self._under_way += 1
                self.most_at_once = max(self.most_at_once, self._under_way)
            line.wait(0.1 if what == "slow" else 0.005)
            with self._lock:  # before the answer, since the next request may come before this thread goes on
                self._under_way -= 1
            answer(request, line)

        return behave

    def _hits(self, number: int) -> Behaviour:
        shared = {"doi": f"10.1000/{number}", "abstractText": f"All found work {number}.", "pubYear": "2019"}
        own = {"doi": f"10.1000/{self.name}.{number}", "abstractText": f"Only {self.name} found this on {number}."}
        hits: list[dict[str, Any]] = [
            {"id": f"{self.name}{number}{kind}", "source": "MED", **hit} for kind, hit in (("a", shared), ("b", own))
        ]
        return json_reply({"resultList": {"result": hits}})

    def most_within(self, span: float) -> int:
        """Most requests that came within a span of so many seconds."""
        arrivals = sorted(asked.at for asked in self.service.asked)
        return max(bisect.bisect_left(arrivals, at + span) - index for index, at in enumerate(arrivals))


def source(name: str, pace: Pace) -> type[EuropePmc]:
    members = {"source_name": name, "title": name.title(), "pace": property(lambda self: pace)}
    return type(name.title(), (EuropePmc,), members)


def test_a_hundred_questions_to_five_failing_sources_lose_nothing_and_pass_no_limit() -> None:
    plan = plans(seed=7)
    guarded = {name: Guarded(name, plan) for name in PACES}

    async def ask_all() -> list[SearchPage]:
        async with WebClient(limits=WebLimits(deadline=60, attempts=3, backoff=0.05)) as web:
            tools = [
                source(name, pace)(web, SourceSettings(base_url=guarded[name].service.base_url))
                for name, pace in PACES.items()
            ]
            fused = FusedSearch(tools, k_each=10)
            return await asyncio.gather(*(fused.search(f"perch {number}", 10) for number in range(N_QUESTIONS)))

    with ExitStack() as stack:
        for one in guarded.values():
            stack.enter_context(one.service)
        found = asyncio.run(ask_all())

    for name, pace in PACES.items():
        limit = limit_of(pace)
        assert limit.requests < len(guarded[name].service.asked)
        assert guarded[name].most_within(limit.seconds) <= limit.requests, name
        assert guarded[name].most_at_once <= pace.at_once, name
    answered = defaultdict[str, int](int)
    for number, page in enumerate(found):
        for name in PACES:
            has = any(f"Only {name} found this on {number}." == snippet.text for snippet in page.snippets)
            answered[name] += has
            said = [warning for warning in page.warnings if warning.startswith(name)]
            assert has is not bool(said), f"question {number}: {name} is lost, or failed and found something: {said}"
            assert not (has and plan[name, number].fails)
        assert page.outcome is (Outcome.OK if page.snippets else Outcome.FAILED)
        _check_shared(number, page)
    assert all(answered[name] > N_QUESTIONS / 2 for name in PACES), answered


def _check_shared(number: int, page: SearchPage) -> None:
    """What all found is there once, first, and names all that found it."""
    own = {snippet.text.split()[1] for snippet in page.snippets if snippet.text.startswith("Only")}
    shared = [snippet for snippet in page.snippets if snippet.text == f"All found work {number}."]
    assert len(shared) == bool(own)
    for snippet in shared:
        assert page.snippets[0] is snippet
        assert {snippet.source, *snippet.also_found} == {f"europepmc:MED/{name}{number}a" for name in own}
