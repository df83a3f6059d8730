"""The file of answers: what it keeps, finds and refuses."""

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.app.serving.running import PERCH, ROACH

from citerefine.app.serving.site.history import MOST_IN_MEMORY, History, RunState
from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.errors import InputError
from citerefine.refiner.evidence import Evidence

SETTINGS = {"model": "extractive", "planner": None}


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    opened = History(tmp_path / "deep" / "answers.db")
    yield opened
    opened.close()


def answered(question: str = "Did perch double?", text: str = "Perch doubled.") -> Answer:
    raw = f"<answer><snippet id=S1>{text}</snippet></answer>"
    return parse_answer(raw, Evidence((PERCH, ROACH)), question=question, model="extractive", notes=("Searched.",))


def kept(history: History, id: str, question: str = "Did perch double?", text: str = "Perch doubled.") -> None:
    history.begin(id, question, SETTINGS)
    history.finish(id, answered(question, text))


def test_an_answer_comes_back_as_it_was_also_after_the_file_was_closed(history: History) -> None:
    kept(history, "one")
    history.close()
    assert history.path is not None
    again = History(history.path)
    entry = again.get("one")
    again.close()
    assert entry is not None
    assert entry.answer == answered()
    assert entry.line.state is RunState.DONE
    assert entry.line.n_claims == 1
    assert entry.settings == SETTINGS
    assert entry.found == ()


def test_what_is_under_way_holds_what_was_found_so_far(history: History) -> None:
    history.begin("one", "Did perch double?", SETTINGS, "parent", [PERCH])
    history.keep_found("one", [PERCH, ROACH])
    entry = history.get("one")
    assert entry is not None
    assert entry.line.state is RunState.WORKING
    assert entry.line.parent == "parent"
    assert entry.found == (PERCH, ROACH)
    assert entry.answer is None


def test_what_was_found_late_does_not_come_behind_the_end(history: History) -> None:
    kept(history, "one")
    history.keep_found("one", [PERCH])
    entry = history.get("one")
    assert entry is not None
    assert entry.found == ()


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.STOPPED])
def test_an_end_without_an_answer_keeps_why_and_what_was_found(history: History, state: RunState) -> None:
    history.begin("one", "Did perch double?", SETTINGS)
    history.give_up("one", state, "The model is gone.", [ROACH])
    entry = history.get("one")
    assert entry is not None
    assert entry.line.state is state
    assert entry.why == "The model is gone."
    assert entry.found == (ROACH,)


def test_lists_begin_with_the_newest_and_come_in_pages(history: History) -> None:
    for number in range(5):
        kept(history, f"a{number}", f"Question {number}?")
    first, second = history.list(most=3), history.list(first=3, most=3)
    assert [line.question for line in first.lines] == ["Question 4?", "Question 3?", "Question 2?"]
    assert [line.question for line in second.lines] == ["Question 1?", "Question 0?"]
    assert first.total == second.total == 5


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("PERCH", {"fish"}),
        ("überall", {"umlaut"}),
        ("ÜBERALL", {"umlaut"}),
        ("100 %", {"percent"}),
        ("%", {"percent"}),
        ("a_b", {"underscore"}),
        ("\\", {"backslash"}),
        ("grew threefold", {"fish"}),
        ("  perch ", {"fish"}),
        ("threefold perch", {"fish"}),
        ('"grew threefold" perch', {"fish"}),
        ('"threefold grew"', set()),
        ("perch nonsense", set()),
        ('perch "', {"fish"}),
        ('""', {"fish", "umlaut", "percent", "underscore", "backslash"}),
        ("a_b acb", {"underscore"}),
        ("perch " * 5_000, {"fish"}),
        (" ".join(map(str, range(5_000))), set()),
        ("'; DROP TABLE answers; --", set()),
        ("snippets", set()),
        ("", {"fish", "umlaut", "percent", "underscore", "backslash"}),
    ],
)
def test_words_are_sought_in_questions_and_answers_in_any_order_and_what_is_quoted_as_it_stands(
    history: History, words: str, found: set[str]
) -> None:
    kept(history, "fish", "Did perch double?", "They grew threefold.")
    kept(history, "umlaut", "Wächst Überall Schilf?", "Ja.")
    kept(history, "percent", "Is it 100 % so?", "Ja.")
    kept(history, "underscore", "What is a_b, and what acb?", "Ja.")
    kept(history, "backslash", "What is \\ for?", "Ja.")
    listing = history.list(words)
    assert {line.id for line in listing.lines} == found
    assert listing.total == len(found)


def test_a_deleted_answer_is_gone_and_what_was_refined_from_it_stays(history: History) -> None:
    kept(history, "parent")
    history.begin("child", "Did perch double?", SETTINGS, "parent")
    assert [line.id for line in history.children("parent")] == ["child"]
    history.delete("parent")
    assert history.get("parent") is None
    assert history.get("child") is not None
    assert history.list("perch").total == 1


def test_nobody_else_can_read_the_file(history: History) -> None:
    assert history.path is not None
    assert stat.S_IMODE(history.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.path.parent.stat().st_mode) == 0o700


def test_a_database_of_others_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute("CREATE TABLE notes (text TEXT)")
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="holds no answers"):
        History(path)
    assert path.read_bytes() == before


def test_another_version_is_refused(history: History) -> None:
    assert history.path is not None
    history.close()
    with sqlite3.connect(history.path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(InputError, match="another version"):
        History(history.path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.db"
    path.write_text("Perch doubled. " * 1000)
    with pytest.raises(InputError, match="cannot be used as a history"):
        History(path)


def test_an_entry_that_cannot_be_read_says_so_and_can_be_deleted(history: History) -> None:
    kept(history, "one")
    assert history.path is not None
    with sqlite3.connect(history.path) as database:
        database.execute("UPDATE answers SET answer = '{}'")
    database.close()
    with pytest.raises(InputError, match="one cannot be read"):
        history.get("one")
    history.delete("one")
    assert history.get("one") is None


def test_two_servers_can_use_one_file(history: History) -> None:
    assert history.path is not None
    other = History(history.path)
    kept(history, "one")
    kept(other, "two")
    assert {line.id for line in history.list().lines} == {line.id for line in other.list().lines} == {"one", "two"}
    other.close()


def test_memory_keeps_the_newest_and_whatever_is_under_way() -> None:
    history = History(None)
    history.begin("working", "Still?", SETTINGS)
    for number in range(MOST_IN_MEMORY + 5):
        kept(history, f"a{number}")
    listing = history.list(most=1_000)
    history.close()
    assert listing.total == MOST_IN_MEMORY + 1
    assert "working" in {line.id for line in listing.lines}
    assert "a0" not in {line.id for line in listing.lines}
    assert f"a{MOST_IN_MEMORY + 4}" in {line.id for line in listing.lines}
