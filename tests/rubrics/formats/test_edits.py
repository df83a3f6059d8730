"""What is edited shows in the document, and nothing else of it moves; unknown keys stay."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rubrics.shapes import DOCS, SHAPES_FILE, differences, edited, same_text, through_json

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.loading import dump_rubric, read_rubric

pytestmark = pytest.mark.skipif(not DOCS, reason=f"the shared test vectors are not at {SHAPES_FILE}")
WITHOUT_WEIGHTS = ("drtulu_ingredients", "drtulu_generated", "writingbench", "prometheus")
documents = st.sampled_from(DOCS)
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(lambda text: text.strip())
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


def editable(native: Any) -> list[Criterion]:
    """The leaves that a judge is asked about; the fixed components of a format have texts of ours."""
    return [leaf for leaf in read_rubric(native).leaves if leaf.origin != "static"]


@given(documents, st.data(), words)
def test_an_edited_text_is_the_only_thing_that_changes(doc: dict[str, Any], data: st.DataObject, text: str) -> None:
    leaf = data.draw(st.sampled_from(editable(doc["native"])))
    native = dump_rubric(through_json(edited(read_rubric(doc["native"]), leaf.id, text=text)))
    again = next(node for node in read_rubric(native, format=doc["format"]).leaves if node.id == leaf.id)
    assert again.text == text
    # RACE has a key for the first line of a text and one for the rest; a text of ours may be an item by itself.
    assert len(list(differences(doc["native"], native))) <= (2 if doc["format"] == "drb_race" else 1)


@given(documents, st.data(), st.integers(1, 4))
def test_an_edited_weight_is_written_or_refused(doc: dict[str, Any], data: st.DataObject, size: int) -> None:
    rubric = read_rubric(doc["native"])
    leaf = data.draw(st.sampled_from(rubric.leaves))
    weight = -size if leaf.is_negative else size
    tier = ["Additional", "Minor", "Major", "Critical"][size - 1] if doc["format"] == "profbench" else leaf.tier
    changed = edited(rubric, leaf.id, weight=weight, tier=tier)
    if doc["format"] in WITHOUT_WEIGHTS and size != 1:
        with pytest.raises(RubricError, match="weight"):
            dump_rubric(changed, lossy=True)
        return
    again = next(node for node in read_rubric(dump_rubric(changed), format=doc["format"]).leaves if node.id == leaf.id)
    assert again.weight == weight


@given(documents, words, values)
def test_unknown_keys_of_a_document_stay(doc: dict[str, Any], key: str, value: object) -> None:
    if not isinstance(doc["native"], dict) or key in doc["native"]:
        return
    native = {f"x {key}": value, **doc["native"]}
    rubric = read_rubric(native, format=doc["format"])
    assert same_text(dump_rubric(through_json(rubric)), native)


@given(documents, st.data(), words, values)
def test_unknown_keys_of_items_stay(doc: dict[str, Any], data: st.DataObject, key: str, value: object) -> None:
    native = copy.deepcopy(doc["native"])
    items = [item for item in objects_in(native) if known_item(item, native, doc["format"])]
    if not items:
        return
    data.draw(st.sampled_from(items))[f"x {key}"] = value
    assert same_text(dump_rubric(through_json(read_rubric(native, format=doc["format"]))), native)


def objects_in(value: Any) -> list[dict[str, Any]]:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    found = [entry for part in inner for entry in objects_in(part)]
    return [value, *found] if isinstance(value, dict) else found


def known_item(item: dict[str, Any], native: Any, format: str) -> bool:
    """Whether it is an object that holds a criterion."""
    return any(leaf.extra and leaf.extra == item for leaf in read_rubric(native, format=format).leaves)


@pytest.mark.parametrize("doc", DOCS, ids=[doc["name"] for doc in DOCS])
def test_a_criterion_that_is_taken_out_is_gone_from_the_document(doc: dict[str, Any]) -> None:
    rubric = read_rubric(doc["native"])
    flat = [criterion for criterion in rubric.criteria if not criterion.children]
    if len(flat) < 2:
        return
    fewer = rubric.model_copy(update={"criteria": rubric.criteria[1:]})
    again = read_rubric(dump_rubric(fewer, lossy=True), format=doc["format"])
    assert [leaf.text for leaf in again.leaves] == [leaf.text for leaf in fewer.leaves]


@pytest.mark.parametrize("doc", DOCS, ids=[doc["name"] for doc in DOCS])
def test_neither_the_native_document_nor_the_rubric_is_shared_with_what_is_written(doc: dict[str, Any]) -> None:
    native = copy.deepcopy(doc["native"])
    rubric = read_rubric(native)
    for item in objects_in(native):
        item.clear()
    written = dump_rubric(rubric)
    assert same_text(written, doc["native"])
    for item in objects_in(written):
        item.clear()
    assert same_text(dump_rubric(rubric), doc["native"])
