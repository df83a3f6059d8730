"""Which rubric an answer is graded by."""

from typing import Any

import pytest

from citerefine.judges.rubric.runs.matching import RubricShelf
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.errors import InputError
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric


def rubric(text: str, **fields: Any) -> Rubric:
    return Rubric(criteria=(Criterion(id="c1", text=text),), **fields)


ICE = rubric("Says when ice came", id="q1", query="When did  ice come?")
PERCH = rubric("Says how many perch", id="q2", query="How many perch?")
ANY = rubric("Is short")
STATIC = Rubric(id="form", criteria=(Criterion(id="form", text="Has citations", origin="static"),))


def test_one_rubric_that_names_no_question_is_for_all_rows() -> None:
    shelf = RubricShelf([ANY])
    assert shelf.find("q7", "Whatever?", {}) == ANY
    assert shelf.find(None, "", {}) == ANY


def test_the_id_comes_before_the_question_and_that_before_a_rubric_for_any() -> None:
    shelf = RubricShelf([ANY, ICE, PERCH])
    assert shelf.find("q2", ICE.query, {}) == PERCH
    assert shelf.find("other", "When did ice\ncome?", {}) == ICE
    assert shelf.find(7, "Something else?", {}) == ANY


def test_an_id_that_is_a_number_matches_its_digits() -> None:
    assert RubricShelf([rubric("x", id="7"), ICE]).find(7, "", {}).id == "7"


def test_the_only_rubric_is_meant_where_a_row_has_no_question_but_not_for_another_one() -> None:
    shelf = RubricShelf([ICE])
    assert shelf.find(None, "", {}) == ICE
    with pytest.raises(BadRow, match="none is for the question 'Other\\?'") as refused:
        shelf.find("x", "Other?", {})
    assert refused.value.code == "no_rubric"


def test_rubrics_that_fit_equally_well_are_not_guessed_among() -> None:
    twins = RubricShelf([rubric("a", query="Q?"), rubric("b", query="Q?")])
    with pytest.raises(BadRow, match="2 rubrics fit it equally well"):
        twins.find("x", "Q?", {})


def test_two_rubrics_of_one_id_are_refused_unless_they_are_the_same() -> None:
    with pytest.raises(InputError, match="two rubrics have the id 'q1'"):
        RubricShelf([ICE, PERCH.model_copy(update={"id": "q1"})])
    RubricShelf([ICE, ICE])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Rubric(id="e"), "the rubric 'e' holds no criterion that is judged"),
        (rubric("x", aggregate="nonsense"), "names a formula that is none: there is no formula 'nonsense'"),
        (rubric("x", aggregate="policy_aware"), "needs the values of a whole group of answers"),
    ],
)
def test_rubrics_that_nothing_can_be_graded_by_are_refused(bad: Rubric, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RubricShelf([bad])


def test_without_a_file_each_row_brings_its_own() -> None:
    found = RubricShelf().find("x", "", {"positive_rubrics": ["Says when ice came"], "negative_rubrics": ["Pads"]})
    assert [(one.text, one.is_negative) for one in found.judged] == [("Says when ice came", False), ("Pads", True)]
    assert RubricShelf().keys is None


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "no_rubric"),
        ({"positive_rubrics": 7}, "bad_rubric"),
        ({"rubrics": {"criteria": [{"id": "a", "text": "x", "weight": "much"}]}}, "bad_rubric"),
        ({"positive_rubrics": [], "negative_rubrics": []}, "bad_rubric"),
    ],
)
def test_a_row_without_a_usable_rubric_says_why(values: dict[str, Any], code: str) -> None:
    with pytest.raises(BadRow) as refused:
        RubricShelf().find("x", "", values)
    assert refused.value.code == code


def test_static_sets_are_added_to_each_rubric_and_alone_where_there_is_none() -> None:
    assert {one.text for one in RubricShelf([ANY], [STATIC]).find("x", "", {}).judged} == {"Is short", "Has citations"}
    assert [one.text for one in RubricShelf(None, [STATIC]).find("x", "", {}).judged] == ["Has citations"]


def test_the_keys_are_those_of_what_rows_are_graded_by() -> None:
    shelf = RubricShelf([ANY, ICE], [STATIC])
    assert shelf.find("x", "", {}).key in (shelf.keys or ())
    assert ANY.key not in (shelf.keys or ())
