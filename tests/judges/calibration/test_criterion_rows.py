"""Rows of labelled criteria: what each way to write one means, and what is none."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.calibration.criterion_rows import (
    REFUSALS,
    AnswerLabels,
    names_criteria,
    read_criterion_row,
    read_value,
)
from citerefine.judges.rubric.label_reading import WORDS
from citerefine.refiner.batch.rows import BadRow
from citerefine.rubrics.criterion import Criterion, Level, Scale

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
LEVELS = Scale(
    kind="ordinal", levels=(Level(name="poor", value=0), Level(name="fair", value=0.5), Level(name="good", value=1))
)


def row(**values: Any) -> dict[str, Any]:
    return {"answer": "Perch doubled.", "criterion": "Says that perch doubled", "label": True, **values}


def only(read: AnswerLabels) -> Any:
    (one,) = read.criteria
    return one


def refusal(**values: Any) -> BadRow:
    with pytest.raises(BadRow) as refused:
        read_criterion_row(row(**values))
    assert refused.value.code in REFUSALS
    return refused.value


@pytest.mark.parametrize(
    ("written", "means"),
    [(True, 1), (False, 0), (1, 1), (0.25, 0.25), ("MET", 1), ("Not met", 0), ("NOT_PRESENT", 0), ("present", 1)],
)
def test_common_ways_to_write_a_label_are_known(written: object, means: float) -> None:
    assert only(read_criterion_row(row(label=written))).labels == (means,)


@pytest.mark.parametrize("written", ["perhaps", "", 2, -0.5, [], {}, 10**400, "CANNOT_ASSESS"])
def test_a_label_that_is_not_known_is_refused_and_never_guessed(written: object) -> None:
    assert refusal(label=written).code == "no_label"


def test_levels_go_by_name_and_numbers_by_the_scale() -> None:
    ordinal, numeric = Criterion(id="c", text="x", scale=LEVELS), Scale(kind="numeric", lo=1, hi=5)
    assert [read_value(one, ordinal) for one in ("Fair", "good", 0.5)] == [0.5, 1, 0.5]
    assert read_value(4, Criterion(id="c", text="x", scale=numeric)) == 0.75
    with pytest.raises(BadRow, match="levels poor, fair, good"):
        read_value("met", ordinal)
    with pytest.raises(BadRow, match="from 1 to 5"):
        read_value(0, Criterion(id="c", text="x", scale=numeric))
    with pytest.raises(BadRow):
        read_value(True, ordinal)


def test_there_is_a_label_of_each_person_and_null_is_none() -> None:
    assert only(read_criterion_row(row(label=None, labels=[True, None, False]))).labels == (1, 0)
    assert refusal(label=None, labels=[None]).code == "no_label"
    assert refusal(labels=[True]).code == "no_label"
    assert refusal(label=None).code == "no_label"
    assert refusal(label=None, labels=True).code == "no_label"


@pytest.mark.parametrize(
    ("values", "weight"),
    [
        ({"polarity": "negative"}, -1),
        ({"weight": -3}, -3),
        ({"polarity": "negative", "weight": 2}, -2),
        ({"criterion": {"text": "Invents a lake", "polarity": "negative"}}, -1),
        ({"criterion": {"text": "Invents a lake", "weight": -4}}, -4),
    ],
)
def test_a_fault_is_told_by_its_polarity_or_its_weight(values: dict[str, Any], weight: float) -> None:
    criterion = only(read_criterion_row(row(**values))).criterion
    assert (criterion.is_negative, criterion.weight) == (True, weight)


def test_weights_and_polarities_that_cannot_be_are_refused() -> None:
    assert refusal(polarity="positive", weight=-1).code in ("bad_field", "no_criterion")
    assert refusal(polarity="sideways").code == "bad_field"
    assert refusal(weight="heavy").code == "bad_field"
    assert refusal(weight=10**400).code == "bad_field"


def test_an_answer_may_have_all_its_criteria_in_one_row() -> None:
    entries = [{"criterion": "a", "label": 1}, {"criterion": {"text": "b", "weight": -2}, "labels": [0, 1]}]
    read = read_criterion_row({"answer": "x", "question": "Q?", "source": "model a", "criteria": entries})
    assert [(one.criterion.text, one.labels) for one in read.criteria] == [("a", (1,)), ("b", (0, 1))]
    assert (read.question, read.source, read.group) == ("Q?", "model a", "Q?")
    with pytest.raises(BadRow, match="criterion 2: it has neither label nor labels"):
        read_criterion_row({"answer": "x", "criteria": [entries[0], {"criterion": "b"}]})


def test_answers_to_one_question_are_a_group_unless_the_row_says_which() -> None:
    assert read_criterion_row(row()).group == ""
    assert read_criterion_row(row()).cluster == "Perch doubled."
    assert read_criterion_row(row(question=" Did  perch? ")).group == "Did perch?"
    assert read_criterion_row(row(question="Q", group=7)).cluster == "group 7"


def test_rows_of_healthbenchs_meta_evaluation_are_read_as_they_are() -> None:
    native = {
        "prompt": [{"role": "user", "content": "My knee hurts."}],
        "prompt_id": "p1",
        "completion": "See a doctor.",
        "completion_id": "a1",
        "rubric": "Advises to see a doctor",
        "category": "emergency",
        "binary_labels": [True, False],
        "anonymized_physician_ids": ["x", "y"],
    }
    assert names_criteria(native)
    read = read_criterion_row(native)
    assert (read.answer, read.question, read.group) == ("See a doctor.", "My knee hurts.", "group p1")
    assert (only(read).criterion.text, only(read).labels) == ("Advises to see a doctor", (1, 0))
    talk = [*native["prompt"], {"role": "assistant", "content": "Since when?"}, {"role": "user", "content": "May."}]
    read = read_criterion_row({**native, "prompt": talk, "prompt_id": None})
    assert read.question == "user: My knee hurts.\n\nassistant: Since when?\n\nuser: May."
    assert read.group
    with pytest.raises(BadRow, match="messages"):
        read_criterion_row({**native, "prompt": "My knee hurts."})


def test_snippets_are_what_the_answer_could_cite() -> None:
    read = read_criterion_row(row(snippets=[{"id": "S1", "text": "Perch doubled by 2010."}, {"text": "Two."}]))
    assert [(one.id, one.text) for one in read.snippets] == [("S1", "Perch doubled by 2010."), ("e2", "Two.")]
    assert refusal(snippets=[{"title": "no text"}]).code == "bad_evidence"
    assert refusal(snippets="text").code == "bad_evidence"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"answer": None}, "no_answer"),
        ({"answer": 3}, "no_answer"),
        ({"criterion": None}, "no_criterion"),
        ({"criterion": " "}, "no_criterion"),
        ({"criterion": []}, "no_criterion"),
        ({"criterion": {"text": "x", "pattern": ".*"}}, "no_criterion"),
        ({"criterion": {"text": "x", "children": [{"id": "a", "text": "b"}]}}, "no_criterion"),
        ({"criteria": []}, "no_criterion"),
        ({"question": 1.5}, "bad_field"),
        ({"source": ["a"]}, "bad_field"),
    ],
)
def test_what_is_no_labelled_criterion_says_why(values: dict[str, Any], code: str) -> None:
    assert refusal(**values).code == code


def test_rows_tell_which_kind_of_judge_they_are_for() -> None:
    assert names_criteria(row())
    assert names_criteria({"answer": "x", "criteria": []})
    assert not names_criteria({"claim": "x", "evidence": "y", "label": 1})
    assert not names_criteria({"rubric": "x"})


@given(st.dictionaries(st.sampled_from([*row(), "labels", "criteria", "weight", "polarity", "snippets"]), JSON))
def test_any_object_is_labels_or_refused_with_a_known_code(values: dict[str, Any]) -> None:
    code = ""
    try:
        read = read_criterion_row({**row(), **values})
    except BadRow as reason:
        code = reason.code
    else:
        assert all(0 <= label <= 1 for one in read.criteria for label in one.labels)
    assert not code or code in REFUSALS


def test_the_page_lists_every_word_of_a_label() -> None:
    page = (Path(__file__).parents[3] / "docs" / "judge-cards.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([10]) \| (.*) \|$", page, re.MULTILINE))
    listed = {flag: re.findall("`([^`]+)`", rows[str(flag)]) for flag in (1, 0)}
    assert listed == {flag: [word for word, met in WORDS.items() if met == flag] for flag in (1, 0)}
