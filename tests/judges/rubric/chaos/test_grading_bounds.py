"""Grading takes no longer than its deadline, whatever the judge's server does, and no more memory for more answers."""

import asyncio
import json
import time
from pathlib import Path

import pytest
from tests.billing_server import SLOW, BillingServer
from tests.faulty_server import Behaviour, FaultyServer, drip, hang
from tests.forking_worker import ForkingWorker
from tests.judges.rubric.chaos.answers import says, write_answers
from tests.judges.rubric.chaos.grading_worker import INSTANT, RUBRIC, judge_of

from citerefine.judges.rubric import Graded, GradeQuery, RubricJudge
from citerefine.judges.rubric.runs.grade_file import grade_file
from citerefine.judges.rubric.runs.grade_watch import GradeSettings
from citerefine.judges.rubric.runs.matching import RubricShelf
from citerefine.judges.runs.outage import ANSWERS
from citerefine.refiner.chat.limits import ClientLimits
from citerefine.refiner.errors import CallError
from citerefine.refiner.models import load_chat_model

LIMITS = ClientLimits(deadline=5.0, attempts=3, backoff=0.01)
LATEST = 1.2 * LIMITS.deadline
SHELF = RubricShelf([RUBRIC], [])
PAYLOAD = 50_000
"""Bytes of a row that nobody needs."""


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """What the first call of a process loads is no part of the time that calls take."""

    async def ask(name: str) -> None:
        model = load_chat_model(name)
        await model.capabilities()
        await model.aclose()

    with pytest.MonkeyPatch.context() as patch, FaultyServer(hang(0), persona="vllm") as server:
        patch.setenv("CITEREFINE_GRAMMAR", "structured_outputs")
        asyncio.run(ask(server.model))


@pytest.fixture(autouse=True)
def _known_grammar_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_GRAMMAR", "structured_outputs")  # finding it out has a deadline of its own


class Timed:
    """A judge that notes how long each answer takes."""

    def __init__(self, judge: RubricJudge) -> None:
        self._judge, self.name = judge, judge.name
        self.seconds = list[float]()

    async def grade(self, query: GradeQuery) -> Graded:
        begin = time.perf_counter()
        try:
            return await self._judge.grade(query)
        finally:
            self.seconds.append(time.perf_counter() - begin)

    async def aclose(self) -> None:
        await self._judge.aclose()


@pytest.mark.parametrize("kind", sorted(SLOW))
def test_where_a_server_takes_its_time_each_answer_is_graded_within_the_deadline_or_says_that_it_is_over(
    kind: str, tmp_path: Path
) -> None:
    write_answers(tmp_path / "run.jsonl", range(16))
    with BillingServer(tmp_path / "bill.jsonl", seed=2, share=0.6, kinds=[kind], say=says) as server:
        judge = Timed(judge_of(server.model, tmp_path / "calls.db", LIMITS))
        begin = time.perf_counter()
        settings = GradeSettings(concurrency=16)
        summary = grade_file(tmp_path / "run.jsonl", judge, SHELF, settings=settings, out=tmp_path / "grades.jsonl")
        whole = time.perf_counter() - begin
    assert len(judge.seconds) == 16
    assert max(judge.seconds) < LATEST
    assert whole < LATEST + 1.0  # the files, and what the figures need
    assert {*summary.failures} == {"deadline"}
    assert summary.cells["ok"] > 6
    rows = [json.loads(line) for line in (tmp_path / "grades.jsonl").read_text().splitlines()]
    cells = [cell for row in rows for cell in row["cells"]]
    assert all((cell["value"] is None) == (cell["status"] == "failed") for cell in cells)


@pytest.mark.parametrize("slow", [hang(20), drip(0.05)], ids=["hang", "drip"])
def test_a_server_that_never_finishes_ends_the_run_within_the_deadline(slow: Behaviour, tmp_path: Path) -> None:
    write_answers(tmp_path / "run.jsonl", range(3 * ANSWERS))
    with FaultyServer(slow, persona="vllm") as server:
        judge = Timed(judge_of(server.model, tmp_path / "calls.db", LIMITS))
        begin = time.perf_counter()
        with pytest.raises(CallError) as stopped:
            grade_file(tmp_path / "run.jsonl", judge, SHELF, settings=GradeSettings(concurrency=ANSWERS))
        assert time.perf_counter() - begin < LATEST
    assert stopped.value.code == "deadline"


def test_memory_depends_on_answers_at_once_and_not_on_their_number(tmp_path: Path) -> None:
    """Neither where they are graded nor where OUT has them already."""
    worker = ForkingWorker("tests.judges.rubric.chaos.grading_worker")
    peaks = list[int]()
    for name, answers in (("few", 40), ("many", 400)):
        folder = tmp_path / name
        folder.mkdir()
        write_answers(folder / "run.jsonl", range(answers), payload="x" * PAYLOAD)
        for _ in range(2):
            done = worker(folder=str(folder), model=INSTANT)
            assert done["summary"]["n"] == answers
            peaks.append(done["peak"])
    worker.close()
    few, few_again, many, many_again = peaks
    held = 360 * PAYLOAD
    assert many < few + held / 3
    assert many_again < few_again + held / 3
