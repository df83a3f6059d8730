"""A rubric: its bounds, its leaves, and its content key."""

from typing import Any

import pytest
from pydantic import ValidationError

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import MAX_DEPTH, MAX_NODES, Rubric

ONE = Criterion(id="one", text="a")
TWO = Criterion(id="two", text="b", state="inactive")
TREE = Criterion(id="top", text="c", children=(ONE, TWO))


def chain(depth: int) -> Criterion:
    node = Criterion(id=str(depth), text="a")
    for level in range(depth - 1, 0, -1):
        node = Criterion(id=str(level), text="a", children=(node,))
    return node


def test_leaves_are_what_is_asked_and_the_inactive_are_not_judged() -> None:
    rubric = Rubric(criteria=(TREE,))
    assert [leaf.id for leaf in rubric.leaves] == ["one", "two"]
    assert [leaf.id for leaf in rubric.judged] == ["one"]
    assert Rubric.model_validate_json(rubric.model_dump_json()) == rubric


def test_depth_and_number_have_bounds() -> None:
    assert len(Rubric(criteria=(chain(MAX_DEPTH),)).leaves) == 1
    with pytest.raises(ValidationError, match=f"deeper than {MAX_DEPTH}"):
        Rubric(criteria=(chain(MAX_DEPTH + 1),))
    many = tuple(Criterion.model_construct(**{**dict(ONE), "id": str(n)}) for n in range(MAX_NODES + 1))
    assert len(Rubric(criteria=many[1:]).leaves) == MAX_NODES
    with pytest.raises(ValidationError, match=r"more than 20,000"):
        Rubric(criteria=many)


def test_ids_differ_at_any_depth() -> None:
    with pytest.raises(ValidationError, match="two criteria have the id 'one'"):
        Rubric(criteria=(TREE, ONE))


def test_the_key_sees_what_decides_a_score_and_nothing_else() -> None:
    rubric = Rubric(criteria=(TREE,))
    for same in ({"id": "x"}, {"query": "q"}, {"extra": {"a": 1}}):
        assert rubric.model_copy(update=same).key == rubric.key
    changes: list[dict[str, Any]] = [{"weight": 2}, {"veto": True}, {"text": "d"}, {"children": (ONE,)}]
    for change in changes:
        assert Rubric(criteria=(TREE.model_copy(update=change),)).key != rubric.key
    assert rubric.model_copy(update={"aggregate": "floor0"}).key != rubric.key
    for change in ({"rule": "max_words:900"}, {"verifier": "rule"}, {"tier": "Critical"}, {"id": "length"}):
        assert Rubric(criteria=(ONE.model_copy(update=change),)).key != Rubric(criteria=(ONE,)).key
    assert Rubric(criteria=(ONE, TWO)).key != Rubric(criteria=(TWO, ONE)).key
