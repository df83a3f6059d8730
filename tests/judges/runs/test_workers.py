"""Chunks scored by several processes: in order, a few at a time, and nobody is left behind."""

import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.judges.runs.run_files import run_row, write_run

from citerefine.judges.runs.run_rows import ReadRow, RunRow
from citerefine.judges.runs.score_chunk import CHUNK_BYTES, CHUNK_ROWS, ScoreSettings, cut_chunks, score_chunk
from citerefine.judges.runs.score_file import Power, score_file
from citerefine.judges.runs.workers import AHEAD, WorkerError, score_chunks


def rows(n: int, size: int = 1000) -> list[ReadRow]:
    return [RunRow(number, f"q{number}", size, run_row(number)) for number in range(1, n + 1)]


def endless() -> Iterator[list[ReadRow]]:
    while True:
        yield rows(1)


def children() -> int:
    return len(multiprocessing.active_children())


def test_chunks_are_bounded_by_rows_and_by_bytes() -> None:
    assert [len(chunk) for chunk in cut_chunks(rows(2 * CHUNK_ROWS + 1))] == [CHUNK_ROWS, CHUNK_ROWS, 1]
    assert [len(chunk) for chunk in cut_chunks(rows(5, CHUNK_BYTES // 2))] == [2, 2, 1]
    assert list(cut_chunks([])) == []


def test_a_chunk_gives_the_same_result_each_time() -> None:
    assert score_chunk(rows(3), ScoreSettings()) == score_chunk(rows(3), ScoreSettings())


def test_two_workers_write_what_one_writes_byte_for_byte(tmp_path: Path) -> None:
    lines = [run_row(number) if number % 50 else b"{bad" for number in range(300)]
    lines += [run_row(7), run_row(301, answer=run_row(301)["answer"] * 50)]
    run = write_run(tmp_path / "run.jsonl", lines)
    settings = ScoreSettings(formulas=("citerefine", "trec"))
    one = score_file(run, settings, out=tmp_path / "one.jsonl")
    two = score_file(run, settings, out=tmp_path / "two.jsonl", power=Power(workers=2))
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
    assert one == two
    assert children() == 0


def test_little_is_read_ahead_and_whoever_stops_ends_the_workers() -> None:
    taken = 0

    def counting() -> Iterator[list[ReadRow]]:
        nonlocal taken
        for chunk in endless():
            taken += 1
            yield chunk

    done = score_chunks(counting(), ScoreSettings(), workers=2)
    for _ in range(5):
        next(done)
    assert taken <= 5 + 2 * AHEAD
    done.close()
    assert children() == 0


def test_a_worker_that_dies_is_an_error_that_says_so() -> None:
    def deadly() -> Iterator[list[ReadRow]]:
        for number, chunk in enumerate(endless()):
            if number == 10:
                for child in multiprocessing.active_children():
                    child.kill()
            yield chunk

    with pytest.raises(WorkerError, match="a worker process died"):
        for _ in score_chunks(deadly(), ScoreSettings(), workers=2):
            pass
    deadline = time.monotonic() + 5
    while children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert children() == 0
