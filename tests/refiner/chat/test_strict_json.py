"""JSON of servers is read if it is sound, and refused in time and without recursion if not."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from citerefine.refiner.chat.strict_json import MAX_DEPTH, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_any_sound_value_is_read(value: JsonValue, ascii_only: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode(errors="replace")
    assert parse_json(data) == json.loads(data)


@given(st.binary())
def test_any_bytes_give_a_value_or_a_value_error(data: bytes) -> None:
    try:
        value = parse_json(data)
    except ValueError:
        return
    assert json.loads(json.dumps(value, allow_nan=False)) == value


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}', "1e999", "-1e999"])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="holds"):
        parse_json(text.encode())


def test_depth_is_bounded_and_brackets_in_strings_do_not_count() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(ValueError, match="nested deeper"):
        parse_json(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))
    assert parse_json(json.dumps("[" * 1000 + '\\"' + "{" * 1000).encode())
    assert parse_json(b"[" + b",".join([b"[]"] * 1000) + b"]")


@pytest.mark.parametrize(
    "data", [b'"' + rb"\"" * 1_000_000, b'"a' * 1_000_001, b'"' + b"\\" * 1_000_001, b"[" * 2_000_000, b'{"' * 999_999]
)
def test_hostile_text_is_refused_in_time(data: bytes) -> None:
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=r"."):
        parse_json(data)
    assert time.perf_counter() - begin < 2


@pytest.mark.parametrize("data", [b"", b" \n", b"\xef\xbb\xbf"])
def test_nothing_is_called_empty(data: bytes) -> None:
    with pytest.raises(ValueError, match="is empty"):
        parse_json(data)
