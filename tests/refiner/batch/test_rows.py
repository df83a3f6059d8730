"""Reading rows: bad ones are told apart, and the rows around them are read."""

import io
from pathlib import Path

import pytest

from citerefine.refiner.batch import rows
from citerefine.refiner.batch.batch import FATAL
from citerefine.refiner.batch.rows import BAD_ROWS, BadRow, opened_rows, read_rows
from citerefine.refiner.errors import InputError


def read(data: bytes) -> dict[int, object]:
    """Line → values, or the code of what is wrong."""
    found = read_rows(io.BytesIO(data))
    return {row.line: row.values.code if isinstance(row.values, BadRow) else row.values for row in found}


def test_each_line_is_a_row_and_blank_ones_are_passed_over() -> None:
    assert read(b'\xef\xbb\xbf{"a": 1}\r\n\n \t\n{"a": "\xc3\xa9"}\n{"a": 3}') == {
        1: {"a": 1},
        4: {"a": "é"},
        5: {"a": 3},
    }
    assert read(b"") == read(b"\xef\xbb\xbf") == {}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{'a': 1}", "invalid_json"),
        (b'{"a": 1} {"a": 2}', "invalid_json"),
        (b'{"a": NaN}', "invalid_json"),
        (b'{"a": -Infinity}', "invalid_json"),
        (b'{"a": 1e999}', "invalid_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "invalid_json"),
        (b'{"a": "\xff"}', "invalid_utf8"),
        (b'{"a": "\xed\xa0\x80"}', "invalid_utf8"),
        (b'{"a": ' + b"[" * 100_000 + b"}", "too_deep"),
        (b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", "too_deep"),
        (b"[1, 2]", "no_object"),
        (b"null", "no_object"),
    ],
)
def test_a_bad_line_has_a_code_and_the_next_one_is_read(line: bytes, code: str) -> None:
    assert code in BAD_ROWS
    assert read(b'{"a": 1}\n' + line + b'\n{"a": 3}\n') == {1: {"a": 1}, 2: code, 3: {"a": 3}}


def test_wide_and_just_deep_enough_rows_are_read() -> None:
    deep = b'{"a": ' + b"[" * 99 + b"]" * 99 + b"}"
    wide = b'{"a": [' + b"[]," * 500 + b"[]]}"
    assert all(isinstance(values, dict) for values in read(deep + b"\n" + wide).values())


def test_a_line_that_is_too_long_is_passed_over_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_ROW_BYTES", 100)
    longest: list[int] = []

    class Watched(io.BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            longest.append(size or -1)
            return super().readline(size)

    file = Watched(b'{"a": "' + b"x" * 5_000_000 + b'"}\n{"a": 2}\n')
    found = [row.values.code if isinstance(row.values, BadRow) else row.values for row in read_rows(file)]
    assert found == ["too_long", {"a": 2}]
    assert 0 < min(longest) <= max(longest) <= 1 << 20


def test_the_ends_of_rows_add_up_to_the_file() -> None:
    data = b'{"a": 1}\n\nbad\n{"a": 3}'
    assert [row.end for row in read_rows(io.BytesIO(data))] == [9, 14, len(data)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'[\n  {"a": 1}\n]\n', "jq -c"),
        (b'[{"a": 1}]\n', "jq -c"),
        (b'{\n  "a": 1\n}\n', "jq -c"),
        ('{"a": 1}\n'.encode("utf-16"), "save the file as UTF-8"),
    ],
)
def test_a_file_that_is_no_json_lines_is_refused_as_a_whole(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(data)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.jsonl cannot be read: No such file"), opened_rows("none.jsonl"):
        pass
    with pytest.raises(InputError, match="cannot be read: Is a directory"), opened_rows(tmp_path):
        pass


def test_the_page_names_every_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "batch.md").read_text()
    assert all(f"`{code}`" in page for code in [*BAD_ROWS, *FATAL])
