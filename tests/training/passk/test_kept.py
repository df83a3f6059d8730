"""Answers that were drawn otherwise are not replaced unasked, and a folder in which nothing is kept goes again."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.training.passk.passk_results import about

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Mode
from citerefine.training.data.settings import DataSettings
from citerefine.training.passk.kept import (
    DRAWN,
    check_kept,
    folders_to_make,
    how_drawn,
    is_kept,
    note_drawn,
    take_away,
)
from citerefine.training.passk.results import RESULT
from citerefine.training.passk.running import STAGES
from citerefine.training.passk.settings import PasskSettings


def drawn(mode: Mode = Mode.ANSWER_ONLY, refiner: str | None = None, **values: Any) -> dict[str, Any]:
    settings = PasskSettings(n=4, lengths=DataSettings(train="-"), **values)
    return how_drawn(about(model="openai:m@http://localhost:1/v1", refiner=refiner), settings, mode)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder with one answer, drawn with temperature 1."""
    (tmp_path / STAGES / "drafts").mkdir(parents=True)
    (tmp_path / STAGES / "drafts" / "drafts.jsonl").write_text("{}\n")
    note_drawn(tmp_path, drawn())
    return tmp_path


@pytest.mark.parametrize(
    ("now", "word"),
    [
        (drawn(temperature=0.5), "temperature was 1.0 and is 0.5"),
        (drawn(top_p=0.9), "top_p was null and is 0.9"),
        (drawn(seed=3), "seed was 0 and is 3"),
        (drawn(Mode.THINK), 'mode was "answer_only" and is "think"'),
        (drawn() | {"model": "hf:other"}, 'model was "openai:m@'),
        (drawn() | {"answer_tokens": 16}, "answer_tokens was 1024 and is 16"),
    ],
)
def test_another_way_to_draw_is_refused_with_what_differs_and_what_to_do(
    now: dict[str, Any], word: str, out: Path
) -> None:
    with pytest.raises(InputError) as caught:
        check_kept(out, now, 4)
    assert word in str(caught.value)
    assert "name another --out" in str(caught.value)


def test_the_same_way_goes_on_and_drafts_may_be_refined_later_but_not_by_two(out: Path) -> None:
    check_kept(out, drawn(), 8)
    check_kept(out, drawn(refiner="hf:a"), 4)
    note_drawn(out, drawn(refiner="hf:a"))
    for other in (None, "hf:b"):
        with pytest.raises(InputError, match='refiner was "hf:a"'):
            check_kept(out, drawn(refiner=other), 4)


def test_a_result_tells_how_it_was_drawn_where_no_note_does_and_is_not_made_smaller(out: Path) -> None:
    (out / STAGES / DRAWN).unlink()
    (out / RESULT).write_text(json.dumps({"n": 32, "settings": {"temperature": 1.0, "lengths": {"answer_tokens": 9}}}))
    with pytest.raises(InputError, match="holds 32 answers to each problem, and -n is 4; name -n 32 or more"):
        check_kept(out, drawn() | {"answer_tokens": 9}, 4)
    with pytest.raises(InputError, match=r"temperature was 1\.0 and is 0\.5; answer_tokens was 9"):
        check_kept(out, drawn(temperature=0.5), 32)
    (out / RESULT).write_text("[")
    check_kept(out, drawn(temperature=0.5), 4)


def test_a_note_without_an_answer_binds_nobody(tmp_path: Path) -> None:
    (tmp_path / STAGES).mkdir()
    note_drawn(tmp_path, drawn())
    check_kept(tmp_path, drawn(temperature=0.5), 4)


def test_only_folders_go_that_a_run_made_and_left_empty(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    out = tmp_path / "mine" / "a" / "b"
    made = folders_to_make(out)
    assert made == (out / STAGES, out, out.parent)
    (out / STAGES / "drafts").mkdir(parents=True)
    (out / STAGES / "drafts" / "drafts.jsonl").touch()
    assert not is_kept(out)
    take_away(made)
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    (out / STAGES).mkdir(parents=True)
    take_away(folders_to_make(out))  # it was there before
    assert (out / STAGES).is_dir()
