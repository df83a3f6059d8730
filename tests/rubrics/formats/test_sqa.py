"""ScholarQA: the bounds of the length stand in the criterion's rule, and in the document as it gives them."""

from typing import Any

import pytest

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.loading import dump_rubric, read_rubric
from citerefine.rubrics.rubric import Rubric


def document(**bounds: object) -> dict[str, Any]:
    """A document with these bounds."""
    items = [{"name": "most_0", "criterion": "Names the weir.", "weight": 0.3, "evidence": []}]
    config = {"question": "Perch?", "length_weight": 0.05, "ingredients": items, **bounds}
    return {"initial_prompt": "Perch?", "metric_config": {"name": "m", "config": config}, "case_id": "7"}


def with_rule(rubric: Rubric, rule: str) -> Rubric:
    """The rubric with another rule for the length."""
    length = rubric.criteria[0].model_copy(update={"rule": rule})
    return rubric.model_copy(update={"criteria": (length, *rubric.criteria[1:])})


def config_of(native: Any) -> dict[str, Any]:
    """The config of a document."""
    return dict(native["metric_config"]["config"])


@pytest.mark.parametrize(
    ("bounds", "rule"),
    [
        ({"low_length": 5, "high_length": 10}, "length:5:10"),
        ({"low_length": 5.0, "high_length": 10}, "length:5:10"),
        ({"low_length": 400}, "length:400:600"),
        ({"low_length": None, "high_length": None}, "length"),
        ({}, "length"),
    ],
)
def test_bounds_are_read_into_the_rule_and_written_as_they_were(bounds: dict[str, object], rule: str) -> None:
    rubric = read_rubric(document(**bounds))
    assert rubric.criteria[0].rule == rule
    assert dump_rubric(rubric) == document(**bounds)
    assert read_rubric(dump_rubric(rubric)) == rubric


@pytest.mark.parametrize("value", ["5", -1, 2.5, True, [], 10**7])
def test_bounds_that_are_no_number_of_words_are_refused(value: object) -> None:
    with pytest.raises(RubricError, match=r"low_length is .*; give a whole number of words"):
        read_rubric(document(low_length=value))


def test_other_bounds_are_written_into_the_document() -> None:
    rubric = read_rubric(document(low_length=5, high_length=10))
    config = config_of(dump_rubric(with_rule(rubric, "length:7:90")))
    assert (config["low_length"], config["high_length"]) == (7, 90)
    assert not config_of(dump_rubric(with_rule(rubric, "length"))).keys() & {"low_length", "high_length"}
    fresh = with_rule(rubric, "length:7:90").model_copy(update={"format": "citerefine", "extra": {}})
    assert config_of(dump_rubric(fresh, "sqa", lossy=True))["high_length"] == 90


@pytest.mark.parametrize("rule", ["length:5", "length:a:b", "length:1:2:3", "max_words:9", ""])
def test_a_rule_that_the_document_cannot_hold_is_refused(rule: str) -> None:
    with pytest.raises(RubricError, match="write `length:LOW:HIGH`"):
        dump_rubric(with_rule(read_rubric(document()), rule))


def test_another_length_is_another_rubric() -> None:
    one, other = (read_rubric(document(low_length=5, high_length=high)) for high in (10, 20))
    assert one.key != other.key
