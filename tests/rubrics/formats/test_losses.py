"""A rubric in another format: what it can say is written, what it cannot is named, and never lost in silence."""

from typing import Any

import pytest
from tests.rubrics.shapes import DOCS, SHAPES_FILE, same_text

from citerefine.rubrics.aggregation import default_formula
from citerefine.rubrics.criterion import Criterion, Level, Polarity, Scale
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import FORMATS
from citerefine.rubrics.loading import dump_rubric, list_losses, read_row_rubric, read_rubric
from citerefine.rubrics.rubric import Rubric

FAULT = Criterion(id="c2", text="Claims that salt makes it rise.", weight=-2, polarity=Polarity.NEGATIVE)
GOOD = Criterion(id="c1", text="States the gas.", weight=2)
with_documents = pytest.mark.skipif(not DOCS, reason=f"the shared test vectors are not at {SHAPES_FILE}")


def rubric_of(*criteria: Criterion) -> Rubric:
    return Rubric(query="Why does bread rise?", criteria=criteria)


@with_documents
@pytest.mark.parametrize("target", FORMATS)
def test_whatever_is_written_is_a_document_of_the_format_and_means_the_same(target: str) -> None:
    for doc in DOCS:
        rubric = read_rubric(doc["native"])
        losses = list_losses(rubric, target)
        if any(loss.changes_meaning for loss in losses):
            with pytest.raises(RubricError, match=f"cannot be written as {target}"):
                dump_rubric(rubric, target, lossy=True)
            continue
        native = dump_rubric(rubric, target, lossy=True)
        again = read_rubric(native, format=target)
        left_out = {loss.criterion_id for loss in losses if "left out" in loss.message}
        kept = [leaf for leaf in rubric.leaves if leaf.id not in left_out]
        assert sorted((leaf.text, leaf.weight) for leaf in again.leaves) == sorted((c.text, c.weight) for c in kept)
        if losses:
            with pytest.raises(RubricError):
                dump_rubric(rubric, target)
        else:
            assert same_text(dump_rubric(rubric, target), native)


@with_documents
@pytest.mark.parametrize("target", [name for name in FORMATS if name not in ("citerefine", "toml", "seed")])
def test_a_converted_document_is_recognised_as_what_it_is_now(target: str) -> None:
    for doc in DOCS:
        rubric = read_rubric(doc["native"])
        # Items alone, or without the keys that tell a format, are no document that anybody could recognise.
        if not any(loss.changes_meaning for loss in list_losses(rubric, target)) and rubric.query:
            native = dump_rubric(rubric, target, lossy=True)
            assert FORMATS[target].recognises(native), (doc["name"], target)


@pytest.mark.parametrize(
    ("target", "criteria", "why"),
    [
        ("rubrichub", [GOOD, FAULT], "c2: the weight -2 is negative"),
        ("rubrichub", [GOOD.model_copy(update={"weight": 2.5})], "2.5 is no whole number from 0 to 10"),
        ("verifiers", [FAULT], "negative"),
        ("paperbench", [FAULT], "negative"),
        ("sqa", [FAULT], "negative"),
        ("profbench", [GOOD.model_copy(update={"weight": 7})], "has no word"),
        ("prometheus", [GOOD, FAULT], "one criterion, and there are 2"),
        ("prometheus", [GOOD], "5 anchored steps"),
        ("writingbench", [GOOD], "5 anchored steps"),
        ("paperbench_graded", [GOOD], "no grade"),
        ("drb_race", [GOOD], "no dimension"),
        ("drtulu_generated", [GOOD], "its weight 2 would become 1"),
        ("healthbench", [GOOD.model_copy(update={"veto": True})], "its veto True would become False"),
        ("seed", [GOOD.model_copy(update={"children": (FAULT,)})], "no trees"),
        ("healthbench", [FAULT.model_copy(update={"weight": 0})], "polarity 'negative' would become 'positive'"),
    ],
)
def test_what_would_change_the_meaning_is_refused_even_where_losses_are_allowed(
    target: str, criteria: list[Criterion], why: str
) -> None:
    with pytest.raises(RubricError, match=why):
        dump_rubric(rubric_of(*criteria), target, lossy=True)


def test_words_of_levels_are_no_small_loss_and_a_range_of_numbers_is() -> None:
    levels = (Level(anchor="Says nothing.", value=0), Level(anchor="Says it all.", value=1))
    anchored = rubric_of(GOOD.model_copy(update={"scale": Scale(kind="ordinal", levels=levels)}))
    numeric = rubric_of(GOOD.model_copy(update={"scale": Scale(kind="numeric", hi=2)}))
    with pytest.raises(RubricError, match="scale"):
        dump_rubric(anchored, "healthbench", lossy=True)
    with pytest.raises(RubricError, match=r"scale .numeric from 0 to 2. would become binary.*allow losses"):
        dump_rubric(numeric, "healthbench")
    dump_rubric(numeric, "healthbench", lossy=True)


def test_native_keys_without_a_place_are_listed() -> None:
    native = {"prompt": [], "rubrics": [{"criterion": "a", "points": 1, "note": "x"}], "canary": "c"}
    told = [str(loss) for loss in list_losses(read_rubric(native), "rubrichub")]
    assert told == ["the document's key `canary` has no place", "the key `note` of 1 criteria has no place"]
    assert dump_rubric(read_rubric(native), "rubrichub", lossy=True) == {
        "question": "",
        "id": "",
        "rubrics": [{"criterion": "a", "points": 1}],
    }


def test_keys_that_two_formats_share_by_name_do_not_leak_from_one_into_the_other() -> None:
    drtulu = {"query": "q", "rubrics": [{"description": "a", "weight": 1.0, "title": "t", "extra": 1}]}
    native = dump_rubric(read_rubric(drtulu), "rubrichub_pipeline", lossy=True)
    assert native == [{"title": "t", "description": "a", "weight": 1.0}]


def test_criteria_that_no_judge_is_asked_about_are_left_out_and_named() -> None:
    rule = Criterion(id="length", text="Keeps to the length.", verifier="rule", rule="length")
    resting = Criterion(id="old", text="Is retired.", state="inactive")
    rubric = rubric_of(GOOD, rule, resting)
    assert [loss.criterion_id for loss in list_losses(rubric, "healthbench")] == ["length", "old"]
    assert not any(loss.changes_meaning for loss in list_losses(rubric, "healthbench"))
    native: Any = dump_rubric(rubric, "healthbench", lossy=True)
    assert [item["criterion"] for item in native["rubrics"]] == ["States the gas."]


def test_an_edit_that_the_format_of_origin_cannot_say_is_refused_too() -> None:
    rubric = read_rubric([{"requirement": "a", "weight": 1.0}])
    assert dump_rubric(rubric) == [{"requirement": "a", "weight": 1.0}]
    titled = rubric.model_copy(update={"criteria": (rubric.criteria[0].model_copy(update={"title": "T"}),)})
    with pytest.raises(RubricError, match="title 'T' has no place"):
        dump_rubric(titled)


def test_a_fault_and_a_merit_of_the_same_words_are_told_apart() -> None:
    rubric = rubric_of(FAULT.model_copy(update={"text": GOOD.text}), GOOD)
    assert list_losses(rubric, "seed") == []
    native: Any = dump_rubric(rubric, "seed")
    assert native["positive_rubrics"] == native["negative_rubrics"] == [{"description": GOOD.text, "weight": 2}]


def test_several_criteria_get_a_root_in_a_tree() -> None:
    native: Any = dump_rubric(
        rubric_of(GOOD, GOOD.model_copy(update={"id": "c2", "text": "b"})), "paperbench", lossy=True
    )
    assert native["requirements"] == "Why does bread rise?"
    assert [node["weight"] for node in native["sub_tasks"]] == [2, 2]
    assert FORMATS["paperbench"].recognises(native)


@pytest.mark.parametrize("target", ["seed", "toml", "citerefine"])
def test_the_formula_goes_along_where_a_format_has_a_key_for_it(target: str) -> None:
    for source in (
        Rubric(criteria=(Criterion(id="c1", weight=2, text="Names the lake."),)),
        read_rubric({"positive_rubrics": ["A b."]}),
    ):
        native = dump_rubric(source, target)
        assert default_formula(read_rubric(native, format=target)) == default_formula(source)


def test_a_formula_that_cannot_go_along_is_a_loss() -> None:
    source = read_rubric({"positive_rubrics": ["Names the lake."]})  # flip_then_mean
    (loss,) = list_losses(source, "healthbench")
    assert "formula pos_norm" in loss.message
    with pytest.raises(RubricError, match="flip_then_mean"):
        dump_rubric(source, "healthbench")
    dump_rubric(source, "healthbench", lossy=True)


def test_a_rows_formula_is_read_with_its_criteria() -> None:
    row = {"positive_rubrics": ["Names the lake."], "aggregate": "pos_norm"}
    rubric = read_row_rubric(row)
    assert rubric is not None
    assert rubric.aggregate == "pos_norm"
    assert read_rubric({"positive_rubrics": ["A b."], "aggregate": "mean of all"}).aggregate == ""
