"""Runs that are kept until their answer is there."""

import asyncio
import os
import time
from pathlib import Path

import pytest
from tests.refiner.agent.scripted_search import ScriptedSearch, passages
from tests.scripted_model import ScriptedModel

from citerefine.app.checkpoints import KEPT_DAYS, open_thread, thread_id
from citerefine.app.long_run import resumable_answer
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.answer import Answer
from citerefine.refiner.errors import CallError
from citerefine.refiner.settings import RefinerSettings

QUESTION = "Did perch double in Lake Orven?"
PERCH = passages("Perch in Lake Orven doubled between 1990 and 2010.")
ANSWER = "<answer><snippet id=S1>Perch doubled.</snippet></answer>"
DOWN = CallError("down", "unreachable")


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs are kept."""
    monkeypatch.setenv("CITEREFINE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "runs"


def answer(model: ScriptedModel, search: ScriptedSearch, *, fresh: bool = False) -> Answer:
    return asyncio.run(resumable_answer(QUESTION, search, RefinerContext(model=model), ["papers"], fresh))


def interrupted(search: ScriptedSearch) -> None:
    with pytest.raises(CallError, match="down"):
        answer(ScriptedModel(DOWN), search)


def test_a_run_goes_on_with_what_was_found_and_leaves_nothing(runs: Path) -> None:
    search = ScriptedSearch("lakes", PERCH)
    interrupted(search)
    assert answer(ScriptedModel(ANSWER), search).text == "Perch doubled."
    assert search.queries == [QUESTION]
    assert [*runs.iterdir()] == []


def test_a_run_that_had_its_answer_when_it_was_killed_asks_nobody_again(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = ScriptedSearch("lakes", PERCH)
    with monkeypatch.context() as patch:
        patch.setattr("citerefine.app.checkpoints._remove", lambda path: None)  # as if killed just before
        answer(ScriptedModel(ANSWER), search)
    assert answer(ScriptedModel(), search).text == "Perch doubled."
    assert search.queries == [QUESTION]


def test_fresh_throws_away_what_was_found(runs: Path) -> None:
    search = ScriptedSearch("lakes", PERCH)
    interrupted(search)
    answer(ScriptedModel(ANSWER), search, fresh=True)
    assert search.queries == [QUESTION, QUESTION]


def test_a_damaged_file_is_only_a_cache(runs: Path) -> None:
    search = ScriptedSearch("lakes", PERCH)
    interrupted(search)
    [kept] = runs.glob("*.db")
    kept.write_bytes(b"no database " * 1000)
    assert answer(ScriptedModel(ANSWER), search).answered
    assert search.queries == [QUESTION, QUESTION]


def test_files_are_their_owners_and_go_when_they_are_old(runs: Path) -> None:
    interrupted(ScriptedSearch("lakes", PERCH))
    files = [*runs.iterdir()]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [runs.parent, runs, *files])
    long_ago = time.time() - (KEPT_DAYS + 1) * 24 * 3600
    for path in files:
        os.utime(path, (long_ago, long_ago))

    async def open_another() -> None:
        async with open_thread("another", fresh=False):
            assert not any(path.exists() for path in files)

    asyncio.run(open_another())


def test_one_run_is_not_kept_twice_at_once(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def twice() -> tuple[bool, bool]:
        async with open_thread("one", fresh=False) as first, open_thread("one", fresh=True) as second:
            return first is not None, second is not None

    assert asyncio.run(twice()) == (True, False)
    assert capsys.readouterr().err == "another process is answering the same question; this run is not kept\n"


def test_a_cache_that_cannot_be_written_costs_only_the_going_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CITEREFINE_CACHE_DIR", "/proc/nothing")
    assert answer(ScriptedModel(ANSWER), ScriptedSearch("lakes", PERCH)).answered
    assert "the run cannot be kept in /proc/nothing/runs" in capsys.readouterr().err


def test_a_run_is_told_from_others_by_all_that_decides_its_answer() -> None:
    context = RefinerContext()
    known = thread_id(QUESTION, context, ["papers"])
    others = {
        thread_id("Did pike vanish?", context, ["papers"]),
        thread_id(QUESTION, context, ["books"]),
        thread_id(QUESTION, RefinerContext(model="openai:a@http://localhost:1/v1"), ["papers"]),
        thread_id(QUESTION, RefinerContext(max_searches=3), ["papers"]),
        thread_id(QUESTION, RefinerContext(settings=RefinerSettings(passes=2)), ["papers"]),
    }
    assert len(others) == 5
    assert known not in others
    longer = RefinerContext(max_seconds=900, settings=RefinerSettings(deadline=900))
    assert thread_id(QUESTION, longer, ["papers"]) == known
