"""Whatever the judge's server does and whenever the process is killed: each verdict is the one on its own answer and
criterion, what failed has no number, and a graded file ends as an undisturbed one, with nothing paid twice.

The default run kills at 16 seeded points; CITEREFINE_KILLS=200 kills at as many as it says.
"""

import asyncio
import json
import math
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.billing_server import FATES, MANGLED, PASSING, WORDS, BillingServer
from tests.faulty_server import Request
from tests.forking_worker import ForkingWorker
from tests.judges.rubric.chaos.answers import drawn, is_met, question, reply_to, text, verdicts, write_answers
from tests.judges.rubric.chaos.grading_worker import POINTS, RUBRIC, judge_of
from tests.refiner.chat.test_chaos import reconciles

from citerefine.judges.rubric import Cell, GradeQuery, Status, score_group
from citerefine.refiner.chat.journal_file import JournalFile

KINDS = (*PASSING, *MANGLED, *FATES)
KILLS = int(os.environ.get("CITEREFINE_KILLS", "16"))
A_PART = 8
"""Kills of one test: of several runs, each of which begins with empty files and ends when all answers are graded."""
ANSWERS = 24


@pytest.fixture(autouse=True)
def _known_grammar_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_GRAMMAR", "structured_outputs")  # so that no call finds it out, which no bill has


def says(request: Request) -> str:
    """The right verdicts; on some prompts and seeds, not as asked for."""
    said, n = reply_to(request.prompt), len(verdicts(request.prompt))
    spoil = drawn("spoilt", request.prompt, request.body["seed"]) % 8
    kinds = ("wrong ids", "too few ids", "an id twice")
    spoilt = WORDS[kinds[spoil]](said) if spoil < len(kinds) else said
    return spoilt if spoilt.count("\n") or n == 1 else said


async def graded(model: str, journal: Path, answers: Sequence[int]) -> list[tuple[Cell, ...]]:
    judge = judge_of(model, journal)
    try:
        queries = [GradeQuery(text(answer), RUBRIC.judged, question(answer)) for answer in answers]
        return [found.cells for found in await asyncio.gather(*map(judge.grade, queries))]
    finally:
        await judge.aclose()


def is_true(answer: int, cells: Sequence[Cell]) -> bool:
    """Whether each verdict is the right one, and each failure has no number and a reason."""
    assert [cell.criterion for cell in cells] == [criterion.id for criterion in RUBRIC.judged]
    for fact, cell in enumerate(cells):
        if cell.status is Status.FAILED:
            assert cell.value is None
            assert cell.verdict is None
            assert cell.reason
        else:
            assert cell.status is Status.OK
            assert (cell.verdict, cell.value) == (("MET", 1.0) if is_met(answer, fact) else ("UNMET", 0.0))
    return True


def test_each_cell_ends_in_one_state_and_no_verdict_belongs_to_another_answer(tmp_path: Path) -> None:
    answers = range(48)
    with BillingServer(tmp_path / "bill.jsonl", seed=5, say=says, kinds=KINDS) as server:
        cells_AC = asyncio.run(graded(server.model, tmp_path / "calls.db", answers))
        faults = {line.fault for line in server.bill().values()}
    assert all(is_true(answer, cells) for answer, cells in zip(answers, cells_AC, strict=True))
    states = Counter(cell.status for cells in cells_AC for cell in cells)
    assert states[Status.OK] > 150
    assert states[Status.FAILED] > 0, "the faults are to leave something without a verdict"
    assert len(faults) > 8
    reconciles(tmp_path / "calls.db", server.bill())


def test_a_reward_is_none_or_a_number_and_no_failure_elsewhere_changes_it(tmp_path: Path) -> None:
    answers = range(24)
    with BillingServer(tmp_path / "bill.jsonl", seed=5, say=says, kinds=KINDS) as server:
        cells_AC = asyncio.run(graded(server.model, tmp_path / "calls.db", answers))
    with BillingServer(tmp_path / "calm.jsonl", say=says, kinds=()) as server:
        calm_AC = asyncio.run(graded(server.model, tmp_path / "calm.db", answers[:8]))
    alone = score_group(RUBRIC, calm_AC)
    for group in (cells_AC[:8], cells_AC[8:16], cells_AC[16:]):
        found = score_group(RUBRIC, group)
        assert all(score is None or (math.isfinite(score) and -1 <= score <= 1) for score in found.scores_G)
        assert score_group(RUBRIC, calm_AC) == alone


def test_where_every_call_fails_there_is_no_reward_at_all(tmp_path: Path) -> None:
    with BillingServer(tmp_path / "bill.jsonl", say=says, kinds=("refusal",), share=2.0) as server:
        cells_AC = asyncio.run(graded(server.model, tmp_path / "calls.db", range(8)))
    assert {cell.status for cells in cells_AC for cell in cells} == {Status.FAILED}
    found = score_group(RUBRIC, cells_AC)
    assert found.scores_G == (None,) * 8
    assert found.n_imputed == 0
    assert all(found.reasons_G)


@pytest.fixture(scope="module")
def worker() -> Iterator[ForkingWorker]:
    found = ForkingWorker("tests.judges.rubric.chaos.grading_worker", CITEREFINE_GRAMMAR="structured_outputs")
    yield found
    found.close()


def table(folder: Path) -> dict[str, list[tuple[str, Any, Any]]]:
    """What each answer came to, less what it cost; a row that is there twice is an error."""
    rows = [json.loads(line) for line in (folder / "grades.jsonl").read_text().splitlines()]
    found = {row["id"]: [(cell["status"], cell["verdict"], cell["value"]) for cell in row["cells"]] for row in rows}
    assert len(found) == len(rows)
    return found


def one_run(seed: int, worker: ForkingWorker, folder: Path, most: int) -> int:
    """How often a run was killed until it was done, at most `most` times; all that must hold then was looked at."""
    chance, kills, (calm, killed) = random.Random(seed), 0, (folder / "calm", folder / "killed")
    for one in (calm, killed):
        one.mkdir(parents=True)
        write_answers(one / "run.jsonl", range(ANSWERS))
    with BillingServer(calm / "bill.jsonl", seed=seed, say=says, kinds=KINDS, latency=0.002) as server:
        expected = worker(folder=str(calm), model=server.model)
    with BillingServer(killed / "bill.jsonl", seed=seed, say=says, kinds=KINDS, latency=0.002) as server:
        while True:
            at_row = {"kill_write": chance.randrange(2 * ANSWERS // most), "kill_at": chance.choice(POINTS)}
            how = at_row if chance.random() < 0.5 else {"kill_after": 0.01 + 0.2 * chance.random()}
            if not worker(folder=str(killed), model=server.model, **(how if kills < most else {}))["killed"]:
                break
            kills += 1
        found = worker(folder=str(killed), model=server.model)
        bill = server.bill()
    assert table(killed) == table(calm)
    for name in ("n", "rows", "questions", "score", "ci95", "coverage", "cells", "failures", "not_graded"):
        assert found["summary"][name] == expected["summary"][name]
    reconciles(killed / "calls.db", bill)
    assert_paid_once(killed / "calls.db")
    return kills


def assert_paid_once(journal: Path) -> None:
    """A call was answered once, and once more for each reply that could not be read, which is no answer."""
    with closing(JournalFile(journal)) as file:
        told = Counter((event.key, event.status) for event in file.events())
    paid = {key: n for (key, status), n in told.items() if status == "ok"}
    assert paid
    assert all(n <= 1 + told[key, "rejected"] for key, n in paid.items()), "a call was answered, and asked again"


@pytest.mark.parametrize("part", range(-(-KILLS // A_PART)))
def test_a_graded_file_killed_at_any_point_ends_as_an_undisturbed_one_and_pays_nothing_twice(
    part: int, worker: ForkingWorker, tmp_path: Path
) -> None:
    kills = runs = 0
    while kills < A_PART:
        kills += one_run(1000 * part + runs, worker, tmp_path / f"{runs}", A_PART - kills)
        runs += 1
