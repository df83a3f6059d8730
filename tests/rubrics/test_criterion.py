"""A criterion: its sign, its scale, its content key, and walks over trees."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from citerefine.rubrics.criterion import Criterion, Level, Polarity, Scale, leaves, walk

BASE = Criterion(id="c1", text="States the gas.")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"weight": float("nan")}, "finite"),
        ({"weight": float("inf")}, "finite"),
        ({"weight": 10**400}, "finite"),
        ({"weight": True}, "must be a number, got True"),
        ({"weight": "4"}, "must be a number, got '4'"),
        ({"weight": -1}, "needs the polarity `negative`"),
        ({"weight": 1, "polarity": "negative"}, "at most 0"),
        ({"id": ""}, "at least 1 character"),
        ({"text": "a" * 100_001}, "at most 100000"),
        ({"verifier": "regex"}, "'llm', 'rule' or 'citation'"),
        ({"unknown": 1}, "not permitted"),
    ],
)
def test_what_a_criterion_cannot_be_is_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Criterion(**{"id": "c1", "text": "a", **fields})


def test_a_copy_is_checked_anew() -> None:
    with pytest.raises(ValidationError):
        BASE.model_copy(update={"weight": -1})
    with pytest.raises(ValidationError):
        BASE.weight = 3


def test_weights_keep_their_type_through_json() -> None:
    for weight in (1, 1.0, 0, -2, -0.5):
        polarity = Polarity.NEGATIVE if weight < 0 else Polarity.POSITIVE
        criterion = Criterion(id="c1", text="a", weight=weight, polarity=polarity)
        again = Criterion.model_validate_json(criterion.model_dump_json())
        assert (again.weight, type(again.weight)) == (weight, type(weight))


def test_the_key_is_that_of_what_a_judge_is_asked() -> None:
    same = BASE.model_copy(update={"id": "c9", "title": "T", "weight": 7, "tags": ("x",), "evidence": ("e",)})
    assert same.key == BASE.key
    assert len(BASE.key) == 16
    for change in ({"text": "States the gases."}, {"scale": Scale(kind="numeric", hi=2)}):
        assert BASE.model_copy(update=change).key != BASE.key
    assert BASE.model_copy(update={"polarity": "negative", "weight": -1}).key != BASE.key


def test_the_key_does_not_see_how_characters_are_composed() -> None:
    assert Criterion(id="a", text="caf\u00e9").key == Criterion(id="b", text="cafe\u0301").key


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(0, 1))
def test_native_scores_and_values_are_two_spellings(lo: float, width: float, value: float) -> None:
    scale = Scale(kind="numeric", lo=lo, hi=lo + width)
    assert scale.to_unit(min(scale.to_native(value), scale.hi)) == pytest.approx(value, abs=1e-4)
    for outside in (scale.lo - 1, scale.hi + 1):
        with pytest.raises(ValueError, match="outside the scale"):
            scale.to_unit(outside)


@pytest.mark.parametrize(
    "fields",
    [
        {"lo": 1, "hi": 1},
        {"lo": 2, "hi": 1},
        {"hi": float("inf")},
        {"lo": float("nan")},
        {"kind": "ordinal"},
        {"kind": "ordinal", "levels": [Level(value=0)]},
        {"levels": [Level(value=0)] * 27},
    ],
)
def test_a_scale_that_nobody_can_judge_by_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Scale(**fields)


def test_walks_go_down_in_the_order_of_the_document_without_recursion() -> None:
    node = Criterion(id="0", text="a")
    for depth in range(1, 5000):
        node = Criterion.model_construct(**{**dict(BASE), "id": str(depth), "children": (node,)})
    ids = [criterion.id for criterion in walk((node,))]
    assert ids == [str(depth) for depth in range(4999, -1, -1)]
    assert [leaf.id for leaf in leaves((node, BASE))] == ["0", "c1"]
