"""Questions come from text and from rows, each once."""

from pathlib import Path

import pytest
from tests.training.data.sources import write_rows

from citerefine.refiner.errors import InputError
from citerefine.training.data.building.questions import read_questions


def test_a_text_file_has_one_question_a_line(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_bytes(b"\xef\xbb\xbfDid perch double in Lake Orven?\n\n  Why is the sky blue?\r\n\xff\n")
    read = read_questions(path)
    assert [row.question for row in read.rows] == ["Did perch double in Lake Orven?", "Why is the sky blue?"]
    assert [(row.line, row.code) for row in read.refused] == [(4, "invalid_utf8")]


def test_ids_that_are_made_stay_when_lines_are_put_before(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text("Why is the sky blue?\n")
    (before,) = read_questions(path).rows
    path.write_text("Who wrote Hamlet?\nWhy is the sky  blue?\n")
    assert read_questions(path).rows[1].id == before.id


def test_a_line_that_is_there_twice_is_the_same_question(tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text("Why is the sky blue?\nWhy is the sky blue\n")
    read = read_questions(path)
    (kept,), (again,) = read.rows, read.near_duplicates
    assert (again.like, read.refused) == (kept.id, ())


def test_rows_may_bring_id_reference_evidence_and_criteria(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "Why is the sky blue?", "gold": "Rayleigh", "rubrics": ["Names Rayleigh."]},
        {"question": "Who wrote Hamlet?", "snippets": [{"text": "Shakespeare wrote Hamlet."}]},
        {"id": "c", "question": ""},
    ]
    read = read_questions(write_rows(tmp_path / "q.jsonl", rows))
    first, second = read.rows
    assert first.rubric is not None
    assert (first.id, first.gold, len(first.evidence), len(first.rubric.leaves)) == ("a", "Rayleigh", 0, 1)
    assert len(second.evidence) == 1
    assert [(row.line, row.id, row.code) for row in read.refused] == [(3, "c", "no_question")]


def test_of_questions_that_are_nearly_the_same_the_first_stays(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "question": "Does metformin reduce mortality in older adults?"},
        {"id": "b", "question": "does metformin reduce the mortality in older adults"},
        {"id": "c", "question": "Does insulin reduce mortality in older adults?"},
    ]
    read = read_questions(write_rows(tmp_path / "q.jsonl", rows))
    assert [row.id for row in read.rows] == ["a", "c"]
    assert read.near_duplicates == (("b", "a"),)


@pytest.mark.parametrize("name", ["questions.csv", "questions", "missing.jsonl"])
def test_another_file_is_wrong_use(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="questions"):
        read_questions(tmp_path / name)
