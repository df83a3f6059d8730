"""Whatever the judge's server does and whenever the process is killed: each verdict is the one on its own answer and
criterion, what failed has no number, and a graded file ends as an undisturbed one, with nothing paid twice."""

import asyncio
import hashlib
import json
import math
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.billing_server import FATES, MANGLED, PASSING, WORDS, BillingServer
from tests.faulty_server import Request
from tests.judges.rubric.chaos.grading_worker import RUBRIC, judge_of
from tests.refiner.chat.test_chaos import reconciles, requests_of

from citerefine.judges.rubric import Cell, GradeQuery, Status, score_group
from citerefine.rubrics import Rubric, read_rubric

WORKER = Path(__file__).with_name("grading_worker.py")
LOADED: Rubric = read_rubric(RUBRIC)
KINDS = (*PASSING, *MANGLED, *FATES)
_CRITERION = re.compile(r"^(c\d\d) \([^)]*\): States fact (\d+)\.$", re.MULTILINE)
_ANSWER = re.compile(r"Answer number (\d+) ")


@pytest.fixture(autouse=True)
def _known_grammar_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITEREFINE_GRAMMAR", "structured_outputs")  # so that no call finds it out, which no bill has


def drawn(*of: object) -> int:
    return int.from_bytes(hashlib.sha256(repr(of).encode()).digest()[:4])


def is_met(answer: int, fact: int) -> bool:
    """What a judge that is never wrong says."""
    return drawn("truth", answer, fact) % 2 == 0


def says(request: Request) -> str:
    """The verdicts on the answer and the criteria of this very prompt; of some prompts and seeds, not as asked for."""
    answer = _ANSWER.search(request.prompt)
    assert answer
    asked = _CRITERION.findall(request.prompt)
    said = "\n".join(f"{name}={'MET 1' if is_met(int(answer[1]), int(fact)) else 'UNMET'}" for name, fact in asked)
    spoil = drawn("spoilt", request.prompt, request.body["seed"]) % 8
    kinds = ("wrong ids", "too few ids", "an id twice")
    spoilt = WORDS[kinds[spoil]](said) if spoil < len(kinds) else said
    return spoilt if spoilt.count("\n") or len(asked) == 1 else said


def text(answer: int) -> str:
    return f"Answer number {answer} states some of the facts that were asked for."


def row(answer: int) -> dict[str, Any]:
    return {"id": f"a{answer}", "question": f"Question {answer // 8}?", "answer": f"<answer>{text(answer)}</answer>"}


async def graded(model: str, journal: Path, answers: Sequence[int]) -> list[tuple[Cell, ...]]:
    judge = judge_of(model, journal)
    try:
        queries = [GradeQuery(text(answer), LOADED.judged, f"Question {answer // 8}?") for answer in answers]
        return [found.cells for found in await asyncio.gather(*map(judge.grade, queries))]
    finally:
        await judge.aclose()


def is_true(answer: int, cells: Sequence[Cell]) -> bool:
    """Whether each verdict is the right one, and each failure has no number and a reason."""
    assert [cell.criterion for cell in cells] == [criterion.id for criterion in LOADED.judged]
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
    alone = score_group(LOADED, calm_AC)
    for group in (cells_AC[:8], cells_AC[8:16], cells_AC[16:]):
        found = score_group(LOADED, group)
        assert all(score is None or (math.isfinite(score) and -1 <= score <= 1) for score in found.scores_G)
        assert score_group(LOADED, calm_AC) == alone


def test_where_every_call_fails_there_is_no_reward_at_all(tmp_path: Path) -> None:
    with BillingServer(tmp_path / "bill.jsonl", say=says, kinds=("refusal",), share=2.0) as server:
        cells_AC = asyncio.run(graded(server.model, tmp_path / "calls.db", range(8)))
    assert {cell.status for cells in cells_AC for cell in cells} == {Status.FAILED}
    found = score_group(LOADED, cells_AC)
    assert found.scores_G == (None,) * 8
    assert found.n_imputed == 0
    assert all(found.reasons_G)


class Worker:
    """The process that forks and kills."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "CITEREFINE_GRAMMAR": "structured_outputs"},
        )  # fmt: skip

    def __call__(self, folder: Path, model: str, kill_after: float | None = None) -> dict[str, Any]:
        assert self.process.stdin
        assert self.process.stdout
        paths = {"rows": folder / "run.jsonl", "out": folder / "grades.jsonl", "journal": folder / "calls.db"}
        order = {**{name: str(path) for name, path in paths.items()}, "model": model, "kill_after": kill_after}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        self.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    found = Worker()
    yield found
    found.close()


def table(folder: Path) -> dict[str, list[tuple[str, Any, Any]]]:
    """What each answer came to, less what it cost; a row that is there twice is an error."""
    rows = [json.loads(line) for line in (folder / "grades.jsonl").read_text().splitlines()]
    found = {row["id"]: [(cell["status"], cell["verdict"], cell["value"]) for cell in row["cells"]] for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("seed", range(2))
def test_a_graded_file_killed_at_any_time_ends_as_an_undisturbed_one_and_pays_nothing_twice(
    seed: int, worker: Worker, tmp_path: Path
) -> None:
    chance, folders, kills = random.Random(seed), (tmp_path / "calm", tmp_path / "killed"), 0
    for folder in folders:
        folder.mkdir()
        (folder / "run.jsonl").write_text("".join(json.dumps(row(answer)) + "\n" for answer in range(24)))
    calm, killed = folders
    with BillingServer(calm / "bill.jsonl", seed=seed, say=says, kinds=KINDS, latency=0.002) as server:
        expected = worker(calm, server.model)
    with BillingServer(killed / "bill.jsonl", seed=seed, say=says, kinds=KINDS, latency=0.002) as server:
        while worker(killed, server.model, 0.02 + 0.15 * chance.random() if kills < 8 else None)["killed"]:
            kills += 1
        found = worker(killed, server.model)
        bill = server.bill()
    assert kills > 2
    assert table(killed) == table(calm)
    for name in ("n", "rows", "questions", "score", "ci95", "coverage", "cells", "failures", "not_graded"):
        assert found["summary"][name] == expected["summary"][name]
    reconciles(killed / "calls.db", bill)
    _, ended = requests_of(killed / "calls.db")
    paid = Counter(event.key for event in ended.values() if event.status == "ok")
    assert {*paid.values()} == {1}, "a call was answered, and asked again"
