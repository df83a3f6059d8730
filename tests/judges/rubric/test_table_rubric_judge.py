"""Labels of people as a rubric judge: what nobody labelled is no number."""

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.rubric_judge import GradeQuery, RubricJudge
from citerefine.judges.rubric.table_rubric_judge import (
    Label,
    TableRubricJudge,
    answer_digest,
    load_table_rubric_judge,
)
from citerefine.refiner.errors import InputError
from citerefine.rubrics.criterion import Criterion, Level, Polarity, Scale

ANSWER = "Perch doubled by 2010."
TEXT = "States that perch doubled"
POSITIVE = Criterion(id="p", text=TEXT, weight=2)
FAULT = Criterion(id="f", text="Claims that perch vanished", weight=-1, polarity=Polarity.NEGATIVE)


def ask(judge: TableRubricJudge, *criteria: Criterion, answer: str = ANSWER) -> list[Cell]:
    return list(asyncio.run(judge.grade(GradeQuery(answer, criteria))).cells)


def written(folder: Path, *rows: object) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def test_it_is_a_rubric_judge() -> None:
    assert isinstance(TableRubricJudge({}), RubricJudge)


def test_labels_are_found_by_text_and_by_key() -> None:
    digest = answer_digest(f" {ANSWER}\n")
    judge = TableRubricJudge({(digest, f"{TEXT} "): True, (digest, FAULT.key): "unmet"})
    cells = ask(judge, POSITIVE, FAULT)
    assert [(cell.status, cell.verdict, cell.value) for cell in cells] == [
        (Status.OK, "MET", 1.0),
        (Status.OK, "UNMET", 0.0),
    ]


def test_what_nobody_labelled_is_a_failed_cell_without_a_value() -> None:
    (cell,) = ask(TableRubricJudge({}), POSITIVE)
    assert (cell.status, cell.value) == (Status.FAILED, None)
    assert cell.reason.startswith("no_label: ")


@pytest.mark.parametrize(
    ("label", "status", "value"),
    [
        ("MET", Status.OK, 1.0),
        ("Unmet", Status.OK, 0.0),
        (False, Status.OK, 0.0),
        (0.25, Status.OK, 0.25),
        ("cannot_assess", Status.ABSTAIN, 0.0),
        ("maybe", Status.FAILED, None),
        (7, Status.FAILED, None),
        (float("nan"), Status.FAILED, None),
    ],
)
def test_labels_are_read_strictly(label: Label, status: Status, value: float | None) -> None:
    (cell,) = ask(TableRubricJudge(lambda query, criterion: label), POSITIVE)
    assert (cell.status, cell.value) == (status, value)


def test_a_fault_that_cannot_be_assessed_has_no_value() -> None:
    (cell,) = ask(TableRubricJudge(lambda query, criterion: "CANNOT_ASSESS"), FAULT)
    assert (cell.status, cell.value) == (Status.ABSTAIN, None)


def test_levels_and_native_scores_follow_the_scale() -> None:
    levels = (Level(name="no", value=0), Level(name="partly", value=0.4), Level(name="yes", value=1))
    graded = Criterion(id="g", text=TEXT, scale=Scale(kind="ordinal", levels=levels))
    numeric = Criterion(id="n", text="How well", scale=Scale(kind="numeric", lo=1, hi=5))
    labels: dict[str, Label] = {"g": "partly", "n": 4}
    cells = ask(TableRubricJudge(lambda query, criterion: labels[criterion.id]), graded, numeric)
    assert [(cell.verdict, cell.value) for cell in cells] == [("partly", 0.4), ("4", 0.75)]


def test_a_file_of_labels_becomes_a_judge_named_by_its_content(tmp_path: Path) -> None:
    digest = hashlib.sha256(ANSWER.encode()).hexdigest()
    path = written(
        tmp_path,
        {"answer": ANSWER, "criterion": TEXT, "label": "MET", "annotator": "a"},
        {"answer_sha256": digest.upper(), "criterion": FAULT.key, "label": False},
    )
    judge = load_table_rubric_judge(path)
    assert [cell.verdict for cell in ask(judge, POSITIVE, FAULT)] == ["MET", "UNMET"]
    name = judge.name
    other = written(tmp_path, {"answer": ANSWER, "criterion": TEXT, "label": "UNMET"})
    assert name.startswith("table:labels.jsonl (")
    assert load_table_rubric_judge(other).name != name


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"answer": "a", "criterion": "c"}, "label is"),
        ({"answer": "a", "criterion": " ", "label": True}, "criterion is missing"),
        ({"criterion": "c", "label": True}, "either answer"),
        ({"answer": "a", "answer_sha256": "b", "criterion": "c", "label": True}, "either answer"),
        ({"answer_sha256": "b" * 63, "criterion": "c", "label": True}, "64 hex digits"),
        ({"answer": 3, "criterion": "c", "label": True}, "no text"),
        ({"answer": "a", "criterion": "c", "label": [1]}, "label is"),
        ([1], ""),
    ],
)
def test_a_row_that_says_nothing_usable_is_named_by_its_line(tmp_path: Path, row: object, message: str) -> None:
    good = {"answer": "a", "criterion": "c", "label": True}
    with pytest.raises(InputError, match=rf"line 2: .*{message}"):
        load_table_rubric_judge(written(tmp_path, good, row))


def test_rows_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    rows = [{"answer": "a", "criterion": "c", "label": label} for label in ("MET", "UNMET")]
    with pytest.raises(InputError, match="an earlier row has 'MET'"):
        load_table_rubric_judge(written(tmp_path, *rows))


def test_a_file_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no labels"):
        load_table_rubric_judge(written(tmp_path))


@pytest.mark.parametrize(
    "labelled",
    [
        "<think>Hm.</think><answer><snippet id=k1>Ice came late.</snippet></answer>",
        "<snippet id=k1>Ice came late.</snippet>",
        "Ice came late.",
    ],
)
def test_an_answer_is_known_as_it_was_written_as_it_is_shown_and_by_its_words(tmp_path: Path, labelled: str) -> None:
    judge = load_table_rubric_judge(written(tmp_path, {"answer": labelled, "criterion": TEXT, "label": "MET"}))
    query = GradeQuery("<snippet id=k1>Ice came late.</snippet>", (POSITIVE,))
    (cell,) = asyncio.run(judge.grade(query)).cells
    assert (cell.status, cell.value) == (Status.OK, 1.0)


def test_words_that_were_labelled_in_two_ways_with_other_citations_tell_nothing(tmp_path: Path) -> None:
    rows = [
        {"answer": f"<snippet id={id}>Ice came late.</snippet>", "criterion": TEXT, "label": label}
        for id, label in (("a", "MET"), ("b", "UNMET"))
    ]
    judge = load_table_rubric_judge(written(tmp_path, *rows))
    values = [
        asyncio.run(judge.grade(GradeQuery(answer, (POSITIVE,)))).cells[0].value
        for answer in (rows[0]["answer"], rows[1]["answer"], "Ice came late.")
    ]
    assert values == [1.0, 0.0, None]
