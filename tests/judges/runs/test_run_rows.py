"""Which rows of a run file can be scored, and why others cannot."""

import io
import json
from typing import Any

import pytest

from citerefine.judges.runs.run_rows import REFUSALS, ReadRow, RefusedRow, RunRow, read_run_row, read_run_rows
from citerefine.refiner.batch.ledger import Ledger
from citerefine.refiner.batch.rows import BadRow, read_rows

SNIPPETS = [{"id": "s1", "text": "Perch doubled by 2010."}]
ANSWER = "<answer><snippet id=s1>Perch doubled by 2010.</snippet></answer>"


def read(*lines: bytes | dict[str, Any]) -> list[ReadRow]:
    text = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    with Ledger() as ledger:
        return [*read_run_rows(read_rows(io.BytesIO(text)), ledger)]


def codes(*lines: bytes | dict[str, Any]) -> list[str | None]:
    return [row.code if isinstance(row, RefusedRow) else None for row in read(*lines)]


def refusal(**values: Any) -> str:
    with pytest.raises(BadRow) as caught:
        read_run_row({"answer": ANSWER, **values})
    assert caught.value.code in REFUSALS
    return caught.value.code


def test_lines_that_are_no_rows_are_told_by_their_number() -> None:
    rows = read({"id": 1, "answer": ""}, b"", b"{nonsense", b'{"answer": NaN}', b'{"answer": "\xff"}', b"[1]")
    assert [(row.line, row.code) for row in rows if isinstance(row, RefusedRow)] == [
        (3, "invalid_json"), (4, "invalid_json"), (5, "invalid_utf8"), (6, "no_object"),
    ]  # fmt: skip


def test_the_second_row_of_an_id_is_refused() -> None:
    found = codes({"id": "a"}, {"id": "b"}, {"id": "a"}, {"id": 1}, {"id": "1"})
    assert found == [None, None, "duplicate_id", None, None]


def test_rows_without_an_id_are_never_duplicates() -> None:
    assert codes({"answer": "x"}, {"answer": "x"}, {"id": None, "answer": "x"}) == [None, None, None]


def test_a_request_that_refine_refused_as_a_duplicate_is_no_second_answer() -> None:
    refused = {"id": "a", "line": 2, "answer": None, "error": {"code": "duplicate_id", "message": "…"}}
    assert codes({"id": "a", "answer": "x"}, refused) == [None, None]
    assert codes({"id": "a", "answer": "x"}, {**refused, "answer": "y"}) == [None, "duplicate_id"]


@pytest.mark.parametrize("id", [1.5, True, [], {}, "", "\ud800"])
def test_an_id_is_text_that_can_be_written_or_a_whole_number(id: object) -> None:
    (row,) = read({"id": id, "answer": "x"})
    assert isinstance(row, RefusedRow)
    assert (row.id, row.code) == (None, "bad_id")


def test_sizes_add_up_to_the_file() -> None:
    lines = [b'{"answer": "x"}', b"", b"not JSON", b'{"answer": "y"}']
    assert sum(row.size for row in read(*lines)) == sum(len(line) + 1 for line in lines)


def test_a_row_says_question_system_and_evidence() -> None:
    values = {"question": "Q?", "model": "M", "snippets": SNIPPETS, "answer": ANSWER, "answerable": True}
    row = read_run_row({**values, "expected_claims": 2})
    assert row.cited is not None
    assert (row.question, row.system, row.form) == ("Q?", "M", "tags")
    assert (row.cited.answerable, row.cited.expected_claims) == (True, 2.0)
    assert [span.ids for span in row.cited.parse.spans] == [("s1",)]
    assert row.cited.evidence is not None
    assert "s1" in row.cited.evidence


def test_evidence_may_be_the_raw_text_of_the_tool_channel() -> None:
    row = read_run_row({"answer": ANSWER, "tool_output": "<snippet id=s1>\nPerch doubled.\n</snippet>"})
    assert row.cited is not None
    assert row.cited.evidence is not None
    assert row.cited.evidence["s1"].text == "Perch doubled."


def test_no_evidence_is_not_the_same_as_empty_evidence() -> None:
    without = read_run_row({"answer": ANSWER, "snippets": None})
    empty = read_run_row({"answer": ANSWER, "snippets": []})
    assert without.cited is not None
    assert empty.cited is not None
    assert without.cited.evidence is None
    assert empty.cited.evidence is not None


def test_snippets_that_an_answer_declares_are_no_evidence() -> None:
    declared = "<snippet id=own>Perch tripled.</snippet> <answer><snippet id=own>Perch tripled.</snippet></answer>"
    row = read_run_row({"answer": declared, "snippets": SNIPPETS})
    assert row.cited is not None
    assert row.cited.evidence is not None
    assert [snippet.id for snippet in row.cited.evidence.snippets] == ["s1"]


def test_a_row_without_an_answer_says_why() -> None:
    row = read_run_row({"answer": None, "error": {"code": "deadline", "message": "too late"}})
    assert (row.cited, row.why_not) == (None, "deadline: too late")
    assert read_run_row({"answer": None, "error": "broken"}).why_not == "broken"
    silent: list[object] = [None, " ", {}, {"code": None}, []]
    for error in silent:
        assert read_run_row({"answer": None, "error": error}).why_not == "the row has no answer, and does not say why"


def test_fields_with_values_that_they_cannot_have_refuse_the_row() -> None:
    assert refusal(question=5) == "bad_field"
    assert refusal(model=["M"]) == "bad_field"
    no_truths: list[object] = [1, 0, "true", []]
    for value in no_truths:
        assert refusal(answerable=value) == "bad_field"
    no_numbers: list[object] = [0, -1, "3", True, 10**400, []]
    for value in no_numbers:
        assert refusal(expected_claims=value) == "bad_field"


def test_snippets_that_cannot_be_cited_refuse_the_row() -> None:
    other = {"id": "s1", "text": "Something else."}
    bad: list[Any] = ["text", [1], [{"id": "s1"}], [{"id": "s 1", "text": "x"}], [{"text": " "}], [*SNIPPETS, other]]
    for snippets in bad:
        assert refusal(snippets=snippets) == "bad_snippets"
    assert refusal(snippets=SNIPPETS, tool_output="<snippet id=a>x</snippet>") == "bad_snippets"
    assert refusal(tool_output="no block") == "bad_snippets"


def test_a_row_needs_the_field_answer_and_an_answer_that_can_be_read() -> None:
    with pytest.raises(BadRow) as caught:
        read_run_row({"id": "a", "snippets": SNIPPETS})
    assert caught.value.code == "no_answer"
    for answer in (5, True, {"nonsense": 1}):
        refusal(answer=answer)


def test_half_characters_do_not_stop_a_row() -> None:
    row = read_run_row({"answer": "Perch \ud800 doubled.", "question": "\ud800?", "model": "\ud800"})
    assert (row.question, row.system) == ("\ufffd?", "\ufffd")


def test_a_good_row_carries_its_values() -> None:
    (row,) = read({"id": "a", "answer": "x", "mine": [1]})
    assert isinstance(row, RunRow)
    assert row.values["mine"] == [1]
