"""Verdicts that are kept: nothing is paid twice, and nothing is taken for what it is not."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.judges.chat.judging import EELS, PERCH, by_words, judged, model_by, query

from citerefine.judges.chat.chat_judge import ChatJudge
from citerefine.judges.judge import SupportJudge
from citerefine.judges.verdict import EvidenceSpan, Label, SupportQuery, Verdict, not_judged
from citerefine.judges.verdict_cache import CachedJudge, VerdictCache, query_key
from citerefine.refiner.errors import CallError, InputError
from citerefine.refiner.records import Snippet

QUERIES = [query("Perch doubled.", PERCH, EELS), query("Eels left.", EELS), query("Pike came.", EELS)]


class CountingJudge:
    """Says FULL to everything but claims with a question mark, and keeps what it was asked."""

    asks_at_once = True

    def __init__(self, name: str = "counting", *, delay: float = 0.0, fails: int = 0) -> None:
        self.name = name
        self.asked = list[SupportQuery]()
        self.closed = False
        self._delay, self._fails = delay, fails

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        self.asked += queries
        await asyncio.sleep(self._delay)
        if self._fails:
            self._fails -= 1
            raise CallError("no", "unauthorized")
        return [self._verdict(query) for query in queries]

    def _verdict(self, query: SupportQuery) -> Verdict:
        if "?" in query.claim:
            return not_judged(self.name, "deadline", "too late")
        span = EvidenceSpan(snippet=query.snippets[-1].id, start=0, end=3)
        return Verdict(label=Label.FULL, p_supported=0.75, span=span, judge=self.name)

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "verdicts.db"


# --- what is asked again, and what not ---------------------------------------------------------------------------


def test_what_was_judged_is_not_asked_again_in_this_run_or_the_next(path: Path) -> None:
    first, second = CountingJudge(), CountingJudge()
    judge = CachedJudge(first, path)
    verdicts = judged(judge, *QUERIES)
    assert judged(judge, *QUERIES) == verdicts
    assert len(first.asked) == 3
    assert judged(CachedJudge(second, path), *QUERIES) == verdicts
    assert not second.asked


def test_only_what_is_missing_is_asked(path: Path) -> None:
    inner = CountingJudge()
    judged(CachedJudge(inner, path), *QUERIES[:1])
    judged(CachedJudge(inner, path), *QUERIES)
    assert inner.asked == [QUERIES[0], *QUERIES[1:]]


def test_what_failed_is_not_kept(path: Path) -> None:
    inner = CountingJudge()
    (failed, fine) = judged(CachedJudge(inner, path), query("Really?"), query("Fine."))
    assert (failed.label, failed.reason, fine.label) == (None, "deadline: too late", Label.FULL)
    assert len(VerdictCache(path)) == 1
    judged(CachedJudge(inner, path), query("Really?"), query("Fine."))
    assert [one.claim for one in inner.asked] == ["Really?", "Fine.", "Really?"]


def test_an_error_of_the_judge_rises_and_keeps_nothing(path: Path) -> None:
    inner = CountingJudge(fails=1)
    judge = CachedJudge(inner, path)
    with pytest.raises(CallError):
        judged(judge, *QUERIES)
    assert len(VerdictCache(path)) == 0
    assert len(judged(judge, *QUERIES)) == 3


@pytest.mark.parametrize(
    "other",
    [
        query("Other claim.", PERCH, EELS),
        query("Perch doubled.", EELS, PERCH),
        query("Perch doubled.", PERCH),
        query("Perch doubled.", PERCH, EELS, question="Another question?"),
        query("Perch doubled.", PERCH, EELS)._replace(context="It is not true that Perch doubled."),
        query("Perch doubled.", PERCH.model_copy(update={"title": "Another"}), EELS),
        query("Perch doubled.", PERCH.model_copy(update={"text": "Another."}), EELS),
    ],
)
def test_whatever_decides_a_verdict_makes_another_key(other: SupportQuery) -> None:
    assert query_key("j", other) != query_key("j", QUERIES[0])


def test_judges_of_different_names_share_nothing(path: Path) -> None:
    inner = CountingJudge("another")
    judged(CachedJudge(CountingJudge(), path), *QUERIES)
    judged(CachedJudge(inner, path), *QUERIES)
    assert len(inner.asked) == 3
    assert len(VerdictCache(path)) == 6


def test_ids_of_snippets_do_not_count_and_evidence_is_named_by_its_id_in_each_answer(path: Path) -> None:
    inner = CountingJudge()
    renamed = [PERCH.model_copy(update={"id": "x"}), EELS.model_copy(update={"id": "y"})]
    (first,) = judged(CachedJudge(inner, path), query("Perch doubled.", PERCH, EELS))
    (second,) = judged(CachedJudge(inner, path), query("Perch doubled.", *renamed))
    assert len(inner.asked) == 1
    assert (first.span, second.span) == (
        EvidenceSpan(snippet="b", start=0, end=3),
        EvidenceSpan(snippet="y", start=0, end=3),
    )


def test_it_is_called_and_asked_like_the_judge_in_it_and_closes_it(path: Path) -> None:
    inner = CountingJudge()
    judge = CachedJudge(inner, path)
    assert isinstance(judge, SupportJudge)
    assert (judge.name, judge.asks_at_once) == ("counting", True)
    judged(judge)
    assert inner.closed


# --- at once ----------------------------------------------------------------------------------------------------


def test_equal_queries_under_way_are_paid_once(path: Path) -> None:
    inner = CountingJudge(delay=0.05)

    async def ask() -> list[list[Verdict]]:
        judge = CachedJudge(inner, path)
        return await asyncio.gather(*(judge.judge(QUERIES[first:]) for first in (0, 1, 2, 0, 1)))

    answers = asyncio.run(ask())
    assert [len(one) for one in answers] == [3, 2, 1, 3, 2]
    assert len(inner.asked) == 3


def test_a_query_that_stands_twice_in_an_answer_is_asked_once(path: Path) -> None:
    inner = CountingJudge()
    assert len(judged(CachedJudge(inner, path), QUERIES[0], QUERIES[0])) == 2
    assert len(inner.asked) == 1


def test_where_one_who_asks_is_given_up_another_asks(path: Path) -> None:
    inner = CountingJudge(delay=0.1)

    async def ask() -> list[Verdict]:
        judge = CachedJudge(inner, path)
        first = asyncio.create_task(judge.judge(QUERIES))
        second = asyncio.create_task(judge.judge(QUERIES))
        await asyncio.sleep(0.02)
        first.cancel()
        return await second

    assert len(asyncio.run(ask())) == 3
    assert len(inner.asked) == 6


def test_failed_queries_under_way_are_paid_once_too(path: Path) -> None:
    inner = CountingJudge(delay=0.05)

    async def ask() -> list[list[Verdict]]:
        judge = CachedJudge(inner, path)
        return await asyncio.gather(*(judge.judge([query("Really?")]) for _ in range(3)))

    assert [one[0].label for one in asyncio.run(ask())] == [None] * 3
    assert len(inner.asked) == 1


# --- the file ---------------------------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("question,answer\n" * 200)
    with pytest.raises(InputError, match="cannot be used as a verdict cache: file is not a database"):
        judged(CachedJudge(CountingJudge(), path), *QUERIES)
    assert path.read_text() == "question,answer\n" * 200


def test_a_database_of_somebody_else_is_refused_and_left_alone(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE verdicts (key TEXT, verdict TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="is a database, but no verdict cache"):
        len(VerdictCache(path))
    assert path.read_bytes() == before


def test_a_cache_of_another_version_is_refused(path: Path) -> None:
    filled(path, 1)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InputError, match="is a verdict cache of version 99"):
        len(VerdictCache(path))


def test_a_torn_file_is_refused(path: Path) -> None:
    keys = filled(path, 2000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be used as a verdict cache"):
        VerdictCache(path).find(keys)


@pytest.mark.parametrize("value", ["", "{}", '{"label": "full"', '{"judge": "j", "reason": "r"}', '{"label": "best"}'])
def test_a_verdict_that_cannot_be_read_is_an_error_and_no_verdict(path: Path, value: str) -> None:
    (key,) = filled(path, 1)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE verdicts SET verdict = ?", [value])
    connection.close()
    with pytest.raises(InputError, match="holds a verdict that cannot be read"):
        VerdictCache(path).find([key])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        judged(CachedJudge(CountingJudge(), tmp_path / "missing" / "v.db"), *QUERIES)


def test_many_keys_are_found_in_one_go(path: Path) -> None:
    keys = filled(path, 1200)
    assert {*VerdictCache(path).find([*keys, "unknown"])} == {*keys}


def test_no_key_to_a_service_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-verysecret")
    judged(CachedJudge(ChatJudge(model_by(by_words)), path), *QUERIES)
    assert len(VerdictCache(path)) == 3
    assert b"verysecret" not in path.read_bytes()


def filled(path: Path, count: int) -> list[str]:
    """The keys of a new cache with so many verdicts."""
    keys = [f"{number:064x}" for number in range(count)]
    cache = VerdictCache(path)
    cache.keep({key: Verdict(label=Label.FULL, judge="j", reason="why " * 20) for key in keys})
    cache.close()
    return keys


# --- several processes ------------------------------------------------------------------------------------------

WORKER = """
import asyncio, json, sys, time
from pathlib import Path
from citerefine.judges.verdict import Label, SupportQuery, Verdict
from citerefine.judges.verdict_cache import CachedJudge
from citerefine.refiner.records import Snippet

class Slow:
    name, asks_at_once = "slow", True
    async def judge(self, queries):
        with open(sys.argv[2], "a") as log:
            log.write("".join(json.dumps(query.claim) + "\\n" for query in queries))
        await asyncio.sleep(0.002)
        return [Verdict(label=Label.FULL, judge=self.name) for query in queries]
    async def aclose(self): pass

async def run():
    judge = CachedJudge(Slow(), Path(sys.argv[1]))
    for number in range(int(sys.argv[3]), int(sys.argv[4])):
        await judge.judge([SupportQuery(f"Claim {number}.", (Snippet(id="a", text="Text."),))])
    await judge.aclose()
asyncio.run(run())
"""


def start(path: Path, log: Path, first: int, last: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WORKER, str(path), str(log), str(first), str(last)])


def claims(log: Path) -> list[Any]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_after_kill_9_only_what_was_under_way_is_asked_again(path: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start(path, log, 0, 100_000)
    end = time.monotonic() + 60
    while time.monotonic() < end and (not log.exists() or len(claims(log)) < 100):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = len(claims(log))
    assert start(path, log, 0, before + 10).wait() == 0
    again = claims(log)[before:]
    assert [one for one in again if int(one.split()[1][:-1]) < before - 1] == []
    assert len(again) in (10, 11)


def test_two_processes_write_one_file(path: Path, tmp_path: Path) -> None:
    logs = [tmp_path / "one", tmp_path / "two"]
    processes = [start(path, logs[0], 0, 120), start(path, logs[1], 100, 220)]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(VerdictCache(path)) == 220
    inner = CountingJudge("slow")
    everything = [SupportQuery(f"Claim {number}.", (Snippet(id="a", text="Text."),)) for number in range(220)]
    assert {verdict.label for verdict in judged(CachedJudge(inner, path), *everything)} == {Label.FULL}
    assert not inner.asked
