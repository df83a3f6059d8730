"""Whatever stands under the keys of the formats: it is a rubric that can be written again, or a RubricError."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rubrics.shapes import DOCS, SHAPES_FILE, same_text, through_json

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import FORMATS
from citerefine.rubrics.loading import dump_rubric, load_rubrics, read_row_rubric, read_rubric

KEYS = sorted({key for format in FORMATS.values() for key in format.known_keys} | {"rubric", "sections", "sub_tasks"})
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**13), 10**13)
    | st.floats(allow_nan=True)
    | st.sampled_from(["", " ", "a", "no", "Critical", "{x}", "\ud800", "c2"])
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


def written_again(native: Any, format: str) -> None:
    try:
        rubric = read_rubric(native, format=format)
    except RubricError:
        return
    if rubric.format != "citerefine":  # ours is written whole, with what was left out
        assert same_text(dump_rubric(through_json(rubric)), native)


@given(documents, st.sampled_from(["auto", *FORMATS]))
def test_made_up_documents_are_read_without_loss_or_refused(native: Any, format: str) -> None:
    written_again(native, format)


@pytest.mark.skipif(not DOCS, reason=f"the shared test vectors are not at {SHAPES_FILE}")
@settings(max_examples=300)
@given(st.data(), documents)
def test_documents_with_one_wrong_value_are_read_without_loss_or_refused(data: st.DataObject, value: Any) -> None:
    doc = data.draw(st.sampled_from(DOCS))
    native = copy.deepcopy(doc["native"])
    place: Any = native
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if data.draw(st.booleans()) or not isinstance(place[key], dict | list):
            place[key] = value
            break
        place = place[key]
    written_again(native, data.draw(st.sampled_from(["auto", doc["format"]])))


@given(documents)
def test_rows_are_read_or_refused(value: Any) -> None:
    whole = value if isinstance(value, dict) else {}
    for row in ({"rubrics": value, "question": "q"}, {"positive_rubrics": value}, whole):
        try:
            read_row_rubric(row)
        except RubricError:
            continue


@given(st.binary(max_size=300), st.sampled_from([".json", ".jsonl", ".toml", ".yaml", ""]))
def test_files_of_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(data)
    try:
        load_rubrics(path)
    except RubricError:
        return
