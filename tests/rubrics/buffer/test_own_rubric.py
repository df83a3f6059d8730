"""What a query's own rubric says of an answer, it says in a buffer too."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rubrics.buffer.rollouts import PROOF, SETTINGS, WRITER, adaptive
from tests.rubrics.building import criterion, valued
from tests.rubrics.shapes import DOCS

from citerefine.rubrics.aggregation import aggregate, default_formula
from citerefine.rubrics.aggregation.formulas import COMPUTE
from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.buffer.events import Begin, canonical, dump_event, parse_event
from citerefine.rubrics.buffer.folding import fold
from citerefine.rubrics.buffer.own_rubric import is_adaptive
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.buffer.state import QueryState, is_drawn
from citerefine.rubrics.buffer.views import JudgeView, drtulu_buffer
from citerefine.rubrics.criterion import Criterion, Scale
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.loading import read_rubric
from citerefine.rubrics.rubric import Rubric

ALL_REWARDED = SETTINGS.model_copy(update={"held_out": 0.0})
ALL_HELD_OUT = SETTINGS.model_copy(update={"held_out": 0.999})
VALUES = st.none() | st.sampled_from([0.0, 0.25, 0.5, 1.0])


def begun(rubric: Rubric, settings=ALL_REWARDED) -> RubricBuffer:  # type: ignore[no-untyped-def]
    buffer = RubricBuffer(settings)
    assert buffer.begin("q", rubric, step=0, time=0.0) == ()
    return buffer


def seen(rubric: Rubric, settings=ALL_REWARDED) -> JudgeView:  # type: ignore[no-untyped-def]
    return begun(rubric, settings).judge_view("q")


def add(buffer: RubricBuffer, one: Criterion) -> str:
    """The code of the refusal; empty if it was taken."""
    refusal = buffer.add("q", one, writer=WRITER, evidence=PROOF, step=1, time=0.0)
    return refusal.code if refusal else ""


def group(id: str, weight: float, *children: Criterion, **more: Any) -> Criterion:
    return criterion(id, weight, children=children, **more)


TREE = Rubric(
    criteria=(
        group("big", 9, criterion("a")),
        group("small", 1, criterion("b", 50), criterion("c", 50)),
        group("bad", -10, criterion("d", 3)),
    )
)
RACE = read_rubric(
    {
        "id": 1,
        "prompt": "Which river floods?",
        "dimension_weight": {"comprehensiveness": 0.7, "readability": 0.3},
        "criterions": {
            "comprehensiveness": [
                {"criterion": "Rivers", "explanation": "Names each river.", "weight": 0.9},
                {"criterion": "Years", "explanation": "Gives each year.", "weight": 0.1},
            ],
            "readability": [{"criterion": "Order", "explanation": "Is in order of time.", "weight": 1.0}],
        },
    }
)
SEED = read_rubric(
    {
        "positive_rubrics": [{"title": "River", "description": "Names the river."}],
        "negative_rubrics": [{"title": "Year", "description": "Gives a wrong year."}],
    }
)


@st.composite
def rubrics(draw: st.DrawFn) -> Rubric:
    """Trees and lists with faults, vetoes, scales and formulas."""
    ids = (f"n{number}" for number in range(1000))
    scales = st.sampled_from([Scale(), Scale(kind="numeric", lo=0, hi=10)])

    def drawn(depth: int) -> Criterion:
        children = [drawn(depth + 1) for _ in range(draw(st.integers(0, 3) if depth < 2 else st.just(0)))]
        more: dict[str, Any] = {
            "veto": draw(st.sampled_from([False] * 4 + [True])),
            "scale": draw(scales),
            "children": children,
        }
        return criterion(next(ids), draw(st.sampled_from([-3, -1, 0, 0.5, 1, 2])), **more)

    criteria = tuple(drawn(0) for _ in range(draw(st.integers(1, 4))))
    return Rubric(criteria=criteria, aggregate=draw(st.sampled_from(["", *COMPUTE])))


@given(rubrics() | st.sampled_from([TREE, RACE, SEED]), st.data())
def test_the_score_of_an_answer_is_that_of_the_rubric_as_long_as_nothing_is_added(
    rubric: Rubric, data: st.DataObject
) -> None:
    view = seen(rubric)
    values = valued(rubric, [data.draw(VALUES) for _ in rubric.leaves])
    assert default_formula(view.rewarded) == default_formula(rubric)
    assert aggregate(view.rewarded, values) == aggregate(rubric, values)
    for formula in COMPUTE:
        assert aggregate(view.judged, values, formula) == aggregate(rubric, values, formula)


@pytest.mark.skipif(not DOCS, reason="the shared rubric documents are not here")
def test_the_documents_of_every_format_come_out_as_they_went_in() -> None:
    waiting = set[str]()
    for doc in DOCS:
        rubric = read_rubric(doc["native"], format=doc["format"])
        view = seen(rubric)
        if any(map(is_adaptive, rubric.leaves)):
            waiting.add(rubric.format)
        else:
            assert view.rewarded == rubric
    assert waiting == {"drtulu", "drtulu_buffer", "drtulu_generated"}


def test_a_fault_below_a_negative_group_stays_a_fault() -> None:
    only_the_fault = {"a": 0.0, "b": 0.0, "c": 0.0, "d": 1.0}
    assert aggregate(seen(TREE).rewarded, only_the_fault, "pos_norm").score == -1.0
    buffer = begun(TREE)
    key = next(entry.key for entry in buffer.query("q").entries if entry.criterion.id == "d")
    buffer.score("q", {key: (1.0, 1.0, 1.0, 0.0)}, judge="j", step=1, time=0.0)
    course = buffer.query("q").course
    assert course.now is not None
    assert course.now.rewarded == 1.0


def test_a_group_keeps_its_weight_where_some_of_it_is_held_out() -> None:
    members = [criterion(f"m{number}") for number in range(20)]
    rubric = Rubric(criteria=(group("g", 3, *members), group("h", 1, criterion("other", origin="static"))))
    view = seen(rubric, SETTINGS.model_copy(update={"held_out": 0.5}))
    held_out = {leaf.id for leaf in view.held_out.leaves}
    assert held_out == {leaf.id for leaf in members[1:] if is_drawn(leaf.key, 0.5, 0)}
    assert held_out.isdisjoint(leaf.id for leaf in view.rewarded.leaves)
    masses = {leaf.criterion.id: leaf.mass for leaf in weigh(view.rewarded)}
    assert masses.pop("other") == 1
    assert sum(masses.values()) == pytest.approx(3)


def test_what_decides_alone_is_never_held_out_and_the_formula_is_the_same_without_groups() -> None:
    first = criterion("first", origin="static")
    view = seen(Rubric(criteria=(first, criterion("v", veto=True), group("g", 1, criterion("m")))), ALL_HELD_OUT)
    assert [leaf.id for leaf in view.rewarded.leaves] == ["first", "v"]
    assert default_formula(view.rewarded) == default_formula(view.judged) == "tree_mean"


def test_adaptive_criteria_are_weighed_against_what_the_groups_count() -> None:
    buffer = begun(TREE)  # 20 in all, whatever stands inside the groups
    assert add(buffer, adaptive("dams", 14)) == "share"
    assert add(buffer, adaptive("dams", 13)) == ""
    assert buffer.query("q").adaptive_share == 13 / 33
    assert [node.id for node in buffer.judge_view("q").rewarded.criteria][:3] == ["big", "small", "bad"]


def test_nothing_is_added_to_a_rubric_whose_formula_does_not_count_by_weight() -> None:
    assert add(begun(RACE), adaptive("dams", 0.1)) == "formula"
    buffer = begun(RACE.model_copy(update={"aggregate": "tree_mean"}))
    assert add(buffer, adaptive("dams", 0.1)) == ""
    assert default_formula(buffer.judge_view("q").rewarded) == "tree_mean"


def test_what_cannot_be_kept_is_refused_and_an_unknown_formula_is_an_error() -> None:
    waiting = criterion("w", text="Names a dam.", state="inactive")
    twice = (criterion("x", text="Is right."), criterion("y", text="Is right."), criterion("z"), waiting)
    buffer = RubricBuffer(ALL_REWARDED)
    refused = buffer.begin("q", Rubric(criteria=(group("g", 1, *twice),)), step=0, time=0.0)
    assert [refusal.code for refusal in refused] == ["duplicate", "nested"]
    assert "'y' asks what 'x' asks" in refused[0].message
    assert [leaf.id for leaf in buffer.judge_view("q").rewarded.leaves] == ["x", "z"]
    with pytest.raises(RubricError, match="there is no formula 'best'"):
        buffer.begin("r", Rubric(criteria=(criterion("x"),), aggregate="best"), step=0, time=0.0)
    assert "r" not in buffer.state.queries


def test_ids_of_groups_are_taken_too() -> None:
    buffer = begun(Rubric(criteria=(group(f"a-{adaptive('dams').key}", 9, criterion("m")),)))
    assert add(buffer, adaptive("dams")) == "id_taken"


def test_what_a_caller_does_to_a_tree_afterwards_does_not_reach_the_buffer() -> None:
    said: dict[str, Any] = {"native": ["kept"]}
    member = criterion("m", extra=said)
    rubric = Rubric(criteria=(criterion("g", children=(member,), extra=said),), extra=said)
    buffer = begun(rubric)
    before = buffer.judge_view("q").judged
    for one in (rubric, rubric.criteria[0], rubric.leaves[0], before, before.criteria[0], before.leaves[0]):
        one.extra["native"].clear()  # type: ignore[union-attr]
    after = buffer.judge_view("q").judged
    assert [one.extra for one in (after, after.criteria[0], after.leaves[0])] == [{"native": ["kept"]}] * 3


def test_for_dr_tulu_a_tree_is_a_list_with_the_weights_that_it_comes_to() -> None:
    native = drtulu_buffer(begun(TREE).query("q"))
    assert isinstance(native, dict)
    listed = native["persistent_rubrics"]
    assert isinstance(listed, list)
    assert [one["weight"] for one in listed if isinstance(one, dict)] == [9, 0.5, 0.5, -10]


def test_no_event_brings_in_as_fixed_what_could_be_retired_or_under_a_wrong_key() -> None:
    rubric = Rubric(criteria=(criterion("x"), criterion("y", origin="adaptive")))
    event = Begin(query="q", key=rubric.key, rubric=rubric, step=0, time=0.0, reason="so")
    with pytest.raises(RubricError, match="'y' is adaptive, and enters by itself"):
        fold(QueryState(), event, ALL_REWARDED)
    with pytest.raises(RubricError, match=f"its key is {rubric.key}, not k"):
        fold(QueryState(), event.model_copy(update={"key": "k"}), ALL_REWARDED)


@given(rubrics())
def test_a_rubric_is_the_same_after_it_was_in_a_file(rubric: Rubric) -> None:
    event = Begin(query="q", key=rubric.key, rubric=rubric, step=0, time=0.0, reason="so")
    assert parse_event(canonical(dump_event(event))) == event
