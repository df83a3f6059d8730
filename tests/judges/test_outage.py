"""The judge's server fails, wholly or now and then: no number appears where none was measured."""

import asyncio
import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faulty_server import (
    Behaviour,
    FaultyServer,
    Line,
    Request,
    edited,
    hang,
    html,
    reset_mid_body,
    says,
    status,
    truncated,
)
from tests.judges.chat.judging import EELS, PERCH, by_words, server_by

from citerefine.judges.chat.chat_judge import ChatJudge
from citerefine.judges.citation_score import CitationScore
from citerefine.judges.judge import SupportJudge
from citerefine.judges.scoring import CitedAnswer, ascore
from citerefine.judges.verdict_cache import CachedJudge, VerdictCache
from citerefine.refiner.chat.client import ChatClient
from citerefine.refiner.chat.endpoint import Endpoint
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.tags.scanner import parse_tags

LIMITS = ClientLimits(deadline=5, attempts=2, backoff=0.01)
IMPATIENT = ClientLimits(deadline=1.5, attempts=2, backoff=0.01)
EVIDENCE = Evidence([PERCH, EELS])
TEXT = (
    "<answer><snippet id=a>Perch doubled in Lake Orven.</snippet> <snippet id=b>Eels left the lake.</snippet> "
    "<snippet id=a,b>Perch doubled, eels left.</snippet> <snippet id=b>Pike came.</snippet></answer>"
)
UNITS = 4

well = server_by(by_words)


def without_last_line(request: Request) -> str:
    return well(request).rpartition("\n")[0]


WAYS: dict[str, Behaviour] = {
    "500": status(500, "out of memory"),
    "503": status(503, "overloaded"),
    "a page": html(),
    "garbage": says("%$#@! \x00 c01 is FULL, I think"),
    "empty": says(""),
    "unknown claims": says("c41=FULL\nc42=FULL"),
    "a claim left out": says(without_last_line),
    "a claim twice": says(lambda request: f"{well(request)}\nc01=FULL"),
    "NaN as verdict": says(lambda request: re.sub("=[A-Z]+", "=NaN", well(request))),
    "NaN in the body": edited(lambda value: value.update(created=float("nan"))),
    "cut at the token limit": says(well, finish="length"),
    "refused by a filter": says(well, finish="content_filter"),
    "a refusal": says("", refusal="I cannot judge this."),
    "half a body": truncated(),
    "reset": reset_mid_body(),
    "hangs": hang(),
}


def number_of(request: Request) -> int:
    """Number of the question that is asked about."""
    return int(re.findall(r"Question number (\d+)", request.prompt)[0])


def fails_where(way: str, fails: Callable[[Request], bool]) -> Behaviour:
    """A server that fails at some requests, whenever they come, and is well at all others."""

    def behave(request: Request, line: Line) -> None:
        (WAYS[way] if fails(request) else says(well))(request, line)

    return behave


def scores(
    server: FaultyServer,
    count: int,
    limits: ClientLimits = LIMITS,
    wrap: Callable[[SupportJudge], SupportJudge] = lambda judge: judge,
) -> list[CitationScore]:
    """The scores of so many answers, judged at once."""

    async def run() -> list[CitationScore]:
        judge = wrap(ChatJudge(ChatClient(Endpoint.parse(server.model), limits)))
        answers = [CitedAnswer(parse_tags(TEXT), EVIDENCE, f"Question number {number}?") for number in range(count)]
        try:
            return await asyncio.gather(*(ascore(answer, judge) for answer in answers))
        finally:
            await judge.aclose()

    return asyncio.run(run())


def nothing_is_made_up(score: CitationScore) -> bool:
    """Whether each unit is either judged, with figures, or counted as failed, with a reason and none."""
    failed = [unit for unit in score.units if unit.verdict is None or unit.verdict.label is None]
    judged = [unit for unit in score.units if unit not in failed]
    return (
        score.n_failed == len(failed)
        and all(
            unit.verdict is not None and unit.verdict.reason and unit.verdict.p_supported is None for unit in failed
        )
        and all(unit.support is None for unit in failed)
        and all(citation.value is None for unit in failed for citation in unit.citations)
        and all(unit.support is not None for unit in judged)
        and (score.precision is None) == (score.recall is None) == (score.f1 is None) == (not judged)
        and (score.score is None or not failed)
    )


def is_unmeasured(score: CitationScore) -> bool:
    figures = (score.precision, score.recall, score.f1, score.score, score.factors, score.totals)
    return figures == (None,) * 6 and bool(score.reason) and score.masked and score.n_failed == UNITS


CASES = [(way, percent, count) for percent, count in ((100, 4), (10, 20)) for way in WAYS]
CASES += [(way, 1, 100) for way in ("500", "garbage", "a claim left out", "hangs")]


@pytest.mark.parametrize(("way", "percent", "count"), CASES)
def test_answers_whose_calls_fail_have_no_number_and_the_others_are_as_ever(way: str, percent: int, count: int) -> None:
    limits = IMPATIENT if way == "hangs" else LIMITS
    every = 100 // percent
    with FaultyServer(fails_where(way, lambda request: number_of(request) % every == 0)) as server:
        found = scores(server, count, limits)
    failed = [score for number, score in enumerate(found) if number % every == 0]
    assert len(failed) == count * percent // 100
    assert all(map(is_unmeasured, failed))
    assert all(map(nothing_is_made_up, found))
    fine = [score for number, score in enumerate(found) if number % every]
    assert {(score.n_failed, score.recall, score.precision) for score in fine} <= {(0, 0.75, 0.8)}


@pytest.mark.parametrize("way", ["garbage", "a claim left out", "refused by a filter"])
def test_where_one_claim_cannot_be_judged_the_others_of_its_answer_are(way: str) -> None:
    with FaultyServer(fails_where(way, lambda request: "Pike came" in request.prompt)) as server:
        (score,) = scores(server, 1)
    assert [unit.support for unit in score.units] == [1, 1, 1, None]
    assert (score.n_failed, score.masked, score.score) == (1, True, None)
    assert score.recall == 1
    assert nothing_is_made_up(score)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_failures_that_come_and_go_cost_calls_and_make_nothing_up(share: float) -> None:
    chance, ways = random.Random(7), sorted({*WAYS} - {"hangs"})

    def behave(request: Request, line: Line) -> None:
        (WAYS[chance.choice(ways)] if chance.random() < share else says(well))(request, line)

    with FaultyServer(behave) as server:
        found = scores(server, 60)
    assert all(map(nothing_is_made_up, found))
    assert len(server.chats) > 60 or share < 0.1
    assert sum(score.n_failed == 0 for score in found) >= 30


def test_what_failed_is_asked_again_by_the_next_run_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.db"

    def cached(judge: SupportJudge) -> SupportJudge:
        return CachedJudge(judge, path)

    with FaultyServer(fails_where("500", lambda request: number_of(request) % 4 == 0 and broken)) as server:
        broken = True
        found = scores(server, 20, wrap=cached)
        assert sum(score.n_failed for score in found) == 5 * UNITS
        broken, before = False, len(server.chats)
        again = scores(server, 20, wrap=cached)
        assert len(server.chats) - before == 5
        assert len(VerdictCache(path)) == 20 * 6
        assert {json.dumps(score.recall) for score in again} == {"0.75"}
        before = len(server.chats)
        assert scores(server, 20, wrap=cached) == again
        assert len(server.chats) == before


def test_where_the_first_model_is_down_the_backup_judges_all() -> None:
    async def run(down: FaultyServer, up: FaultyServer) -> CitationScore:
        first, second = (ChatClient(Endpoint.parse(server.model), LIMITS) for server in (down, up))
        judge = ChatJudge(first, backup=second)
        try:
            return await ascore(CitedAnswer(parse_tags(TEXT), EVIDENCE, "Question number 1?"), judge)
        finally:
            await judge.aclose()

    with FaultyServer(status(500)) as down, FaultyServer(says(well)) as up:
        score = asyncio.run(run(down, up))
    assert (score.n_failed, score.recall) == (0, 0.75)
    assert all(unit.verdict and unit.verdict.reason.startswith("by the backup model openai:") for unit in score.units)
