"""The figures of a run outlive a kill, and a run that goes on writes no step twice."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.errors import InputError
from citerefine.training.watch.run_journal import RunJournal, read_steps


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def write(path: Path, steps: int, **values: float | None) -> None:
    journal = RunJournal(path)
    for step in range(1, steps + 1):
        journal.add(step, "train", values)
    journal.close()


def test_what_is_not_known_is_null_and_never_zero(path: Path) -> None:
    journal = RunJournal(path)
    row = journal.add(1, "train", {"reward/total": math.nan, "kl": None, "entropy": math.inf, "loss": 0.5})
    assert row.values == {"reward/total": None, "kl": None, "entropy": None, "loss": 0.5}
    assert json.loads(path.read_text())["values"]["kl"] is None
    assert read_steps(path) == [row]


def test_a_run_that_goes_on_from_a_checkpoint_writes_later_steps_anew(path: Path) -> None:
    write(path, 5, loss=1.0)
    journal = RunJournal(path)
    journal.rewind(3)
    journal.add(4, "train", {"loss": 2.0})
    journal.close()
    assert [(row.step, row.values["loss"]) for row in read_steps(path)] == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0)]


@given(cut=st.integers(0, 400))
def test_a_torn_last_line_is_repaired(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("run") / "metrics.jsonl"
    write(path, 4, loss=1.0)
    path.write_bytes(path.read_bytes()[:cut])
    journal = RunJournal(path)
    journal.rewind(4)
    journal.add(9, "train", {"loss": 2.0})
    journal.close()
    rows = read_steps(path)
    assert [row.step for row in rows] == [*range(1, len(rows)), 9]
    assert len(path.read_bytes().splitlines()) == len(rows)


def test_lines_of_others_are_left_out_when_read(path: Path) -> None:
    write(path, 1, loss=1.0)
    with path.open("a") as file:
        file.write('{"step": "two"}\nnot json\n' + "[" * 5000 + "\n")
    assert [row.step for row in read_steps(path)] == [1]
    assert read_steps(path.with_name("none")) == []


def test_two_runs_cannot_write_one_journal(path: Path) -> None:
    journal = RunJournal(path)
    with pytest.raises(InputError, match="another process"):
        RunJournal(path)
    journal.close()
