"""Rows of labelled claims: what each way to write one means, and what is none."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.calibration.label_rows import ALIASES, REFUSALS, read_label, read_label_row
from citerefine.judges.verdict import Label
from citerefine.refiner.batch.rows import BadRow

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def row(**values: Any) -> dict[str, Any]:
    return {"claim": "Perch doubled.", "evidence": "Perch doubled by 2010.", "label": "full", **values}


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("supported", Label.FULL), ("SUPPORTS", Label.FULL), (1, Label.FULL), (1.0, Label.FULL), ("1.0", Label.FULL),
        (True, Label.FULL), ("Partially Supported", Label.PARTIAL), ("partially-supported", Label.PARTIAL),
        (0.5, Label.PARTIAL), ("not_supported", Label.NONE), ("NOT ENOUGH INFO", Label.NONE), (0, Label.NONE),
        (False, Label.NONE), (" neutral ", Label.NONE), ("REFUTES", Label.CONTRADICTS),
        ("contradiction", Label.CONTRADICTS),
    ],
)  # fmt: skip
def test_common_names_of_labels_are_known(written: object, means: Label) -> None:
    assert read_label(written) is means


def test_the_page_lists_every_name_of_a_label() -> None:
    page = (Path(__file__).parents[3] / "docs" / "comparing.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ((?:`[^`]+`(?:, )?)+) \|$", page, re.MULTILINE))
    listed = {label: tuple(re.findall("`([^`]+)`", rows[label])) for label in Label}
    assert listed == {label: tuple(one for one in names if one != label) for label, names in ALIASES.items()}


def test_no_name_means_two_labels() -> None:
    names = [name for aliases in ALIASES.values() for name in aliases]
    assert len(names) == len(set(names))
    assert all(read_label(label.value) is label for label in Label)


@pytest.mark.parametrize("written", [None, "", "maybe", 2, -1, 0.75, [], {}, 10**400, "1e400"])
def test_a_label_that_is_not_known_is_refused_and_never_guessed(written: object) -> None:
    with pytest.raises(BadRow) as refused:
        read_label(written)
    assert refused.value.code == "no_label"


def test_in_a_set_of_inconsistencies_the_user_says_what_means_supported() -> None:
    assert [read_label(value, positive="0") for value in (0, "0.0", 1, "anything")] == [
        Label.FULL, Label.FULL, Label.NONE, Label.NONE,
    ]  # fmt: skip
    assert read_label("Consistent", positive="consistent") is Label.FULL


def test_evidence_is_a_text_a_list_of_texts_or_snippets() -> None:
    assert [s.text for s in read_label_row(row()).query.snippets] == ["Perch doubled by 2010."]
    assert [s.text for s in read_label_row(row(evidence=["One.", "One."])).query.snippets] == ["One.", "One."]
    snippets = [{"id": "S1", "text": "One.", "title": "Survey", "url": "x", "rank": 3}, {"text": "Two."}]
    read = read_label_row(row(evidence=None, snippets=snippets)).query.snippets
    assert [(s.id, s.title, s.text) for s in read] == [("S1", "Survey", "One."), ("e2", None, "Two.")]


def test_rows_belong_to_their_cluster_or_question_or_claim() -> None:
    assert read_label_row(row(cluster=7)).cluster == read_label_row(row(cluster="7", question="x")).cluster
    assert read_label_row(row(question=" Did  perch? ")).cluster == read_label_row(row(question="Did perch?")).cluster
    assert read_label_row(row()).cluster == "Perch doubled."
    assert read_label_row(row(question="Did perch?")).query.question == "Did perch?"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (row(claim=None), "no_claim"), (row(claim=" \n"), "no_claim"), (row(claim=3), "no_claim"),
        (row(evidence=None), "bad_evidence"), (row(evidence=[]), "bad_evidence"), (row(evidence=" "), "bad_evidence"),
        (row(evidence={"text": "x"}), "bad_evidence"), (row(evidence=["x", 3]), "bad_evidence"),
        (row(snippets=[{"text": "x"}]), "bad_evidence"), (row(evidence=None, snippets=["x"]), "bad_evidence"),
        (row(evidence=None, snippets=[{"text": "x", "id": "no id!"}]), "bad_evidence"),
        (row(question=3), "bad_field"), (row(cluster=[1]), "bad_field"), (row(cluster=True), "bad_field"),
        ({}, "no_claim"),
    ],
)  # fmt: skip
def test_what_is_no_labelled_claim_has_a_code(values: dict[str, Any], code: str) -> None:
    with pytest.raises(BadRow) as refused:
        read_label_row(values)
    assert (refused.value.code, code in REFUSALS) == (code, True)


@given(st.dictionaries(st.sampled_from(["claim", "label", "evidence", "snippets", "question", "cluster"]), JSON))
def test_any_row_is_read_or_refused_with_a_known_code(values: dict[str, Any]) -> None:
    code = None
    try:
        read_label_row(values)
    except BadRow as refused:
        code = refused.code
    assert code is None or code in REFUSALS
