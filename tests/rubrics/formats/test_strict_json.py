"""JSON of others: what is read equals what Python reads, what must not be is refused, and soon."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.strict_json import parse_json
from citerefine.rubrics.formats.values import MAX_DEPTH, check_document

text = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('[]{}"\\'), max_size=12)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=30,
)


@given(json_values, st.integers(0, 60))
def test_any_value_within_bounds_is_read_as_it_is(value: object, depth: int) -> None:
    for _ in range(depth):
        value = [value, "["]
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value
    check_document(value)


@given(st.binary(max_size=200) | st.text('[]{}":,\\ 1', max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        check_document(parse_json(data))
    except RubricError:
        return


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "not UTF-8 at byte 1"),
        (b'{"a": NaN}', "holds NaN"),
        (b"[-Infinity]", "holds -Infinity"),
        (b"[1e999]", "too large"),
        (b"[" + b"9" * 5000 + b"]", "5000 digits"),
        (b'{"a": 1, "a": 2}', "the key 'a' twice"),
        (b'{"a": {"b": 1, "b": 1}}', "the key 'b' twice"),
        (b"{'a': 1}", "is no JSON: .* in line 1, column 2"),
        (b'{"a": 1}\n{"a": 2}', "one value after another: name the file .jsonl"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested deeper"),
    ],
)
def test_what_no_rubric_holds_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(RubricError, match=told):
        parse_json(data)


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"sub_tasks":[' * 100_000 + b"]}" * 100_000,
        b'["' + b'\\"' * 500_000,
        b'"' * 500_001,
        b"[" * 90 + b'"' + b'\\"' * 500_000 + b"[" * 200,
        b"[" * 101 + b"]" * 500_000,
    ],
)
def test_hostile_text_is_refused_at_once(data: bytes) -> None:
    start = time.process_time()
    with pytest.raises(RubricError):
        parse_json(data)
    assert time.process_time() - start < 1


def test_brackets_in_strings_do_not_count() -> None:
    many = ["[{" * 1000, 'a"]}' * 1000]
    assert parse_json(json.dumps(many).encode()) == many


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1: 2}, {"a": {3, 4}}, (1, 2), "\ud800", {"\udc00": 1}, 10**200]
)
def test_python_values_that_json_has_no_way_to_write_are_refused(value: object) -> None:
    with pytest.raises(RubricError):
        check_document([value])


def test_cycles_and_lists_that_refer_to_one_another_are_refused_at_once() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    bomb: list[object] = ["a"]
    for _ in range(60):
        bomb = [bomb] * 10
    for value in (cycle, bomb):
        start = time.process_time()
        with pytest.raises(RubricError):
            check_document(value)
        assert time.process_time() - start < 1
