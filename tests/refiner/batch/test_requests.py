"""From rows to requests and back to run rows: nothing that stood in a row is lost."""

from typing import Any

import pytest

from citerefine.refiner.answer import parse_answer
from citerefine.refiner.batch.ledger import Ledger, id_key, line_key
from citerefine.refiner.batch.requests import (
    ChangedRow,
    RefusedRow,
    RequestRow,
    ToDo,
    answered_row,
    asked_digest,
    failed_row,
    key_of_run_row,
    read_requests,
    refused_row,
)
from citerefine.refiner.batch.rows import BAD_ROWS, BadRow, Row
from citerefine.refiner.errors import CallError, CitationError, ReplyError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Mode, Usage
from citerefine.refiner.validation import Finding

GOOD: dict[str, Any] = {"id": "a", "question": "Did perch double?", "snippets": [{"text": "Perch doubled."}]}


def requests(*values: dict[str, Any] | BadRow, ledger: Ledger | None = None) -> list[ToDo | None]:
    rows = [Row(line, 0, value) for line, value in enumerate(values, 1)]
    with ledger or Ledger() as open_ledger:
        return [*read_requests(rows, open_ledger, Mode.ANSWER_ONLY)]


def request(values: dict[str, Any]) -> RequestRow:
    [row] = requests(values)
    assert isinstance(row, RequestRow), row
    return row


def refusal(values: dict[str, Any]) -> tuple[str, str]:
    [row] = requests(values)
    assert isinstance(row, RefusedRow), row
    return row.reason.code, str(row.reason)


def test_a_row_becomes_a_request() -> None:
    asked = request({**GOOD, "reasoning": "I searched.", "mode": "think", "gold": ["yes"]}).request
    assert (asked.question, asked.reasoning, asked.mode, asked.id) == (GOOD["question"], "I searched.", "think", "a")
    assert asked.evidence.snippets[0].text == "Perch doubled."
    assert request({**GOOD, "reasoning": None, "mode": None, "tool_output": None}).request.mode is Mode.ANSWER_ONLY


def test_raw_tool_output_may_stand_in_place_of_snippets() -> None:
    output = "Found:\n<snippet id=7f>\nTitle: Lakes\nText: Perch doubled.\n</snippet>"
    evidence = request({"question": "x", "tool_output": output}).request.evidence
    assert [(snippet.id, snippet.title) for snippet in evidence.snippets] == [("7f", "Lakes")]
    assert not request({"question": "x", "tool_output": "\n"}).request.evidence.snippets


def test_fields_of_snippets_that_nobody_knows_are_no_fault() -> None:
    row = request({**GOOD, "snippets": [{"text": "Perch doubled.", "score": 0.7}]})
    assert row.values["snippets"][0]["score"] == 0.7


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"question": None}, "no_question", "question is missing; give the row a question"),
        ({"question": " \n"}, "no_question", "question is empty or only white space; give the row a question"),
        ({"question": ["x"]}, "no_question", "question must be text, got list; give the row a question"),
        ({"snippets": None}, "bad_snippets", "neither snippets nor tool_output"),
        ({"tool_output": ""}, "bad_snippets", "both"),
        ({"snippets": {}}, "bad_snippets", "must be a list, got dict"),
        ({"snippets": ["text"]}, "bad_snippets", "snippets.0 must be an object"),
        ({"snippets": [{}]}, "bad_snippets", "snippets.0.text is missing; give the snippet a text, or leave it out"),
        ({"snippets": [{"text": "x"}, {"text": " "}]}, "bad_snippets", "snippets.1.text is empty or only white space"),
        ({"snippets": [{"text": "x", "id": "a b"}]}, "bad_snippets", "snippets.0.id must match pattern"),
        ({"snippets": [{"text": "x", "page": 0}]}, "bad_snippets", "must be greater than or equal to 1, got '0'; mend"),
        ({"snippets": [{"text": "x", "start": 3}]}, "bad_snippets", "snippets.0: start and end belong together"),
        ({"snippets": [{"text": "x", "id": "1"}, {"text": "y", "id": "1"}]}, "bad_snippets", "have the id"),
        ({"snippets": None, "tool_output": "no block"}, "bad_snippets", "holds no <snippet id=…>"),
        ({"snippets": None, "tool_output": 5}, "bad_snippets", "must be text, got int"),
        ({"mode": "loud"}, "bad_field", "mode must be 'answer_only' or 'think', got 'loud'; mend it, or leave it out"),
        ({"reasoning": 5}, "bad_field", "reasoning must be text, got int; mend it, or leave it out"),
        ({"id": True}, "bad_id", "'True'"),
        ({"id": ""}, "bad_id", "''"),
        ({"id": [1]}, "bad_id", "neither text nor a whole number"),
    ],
)
def test_a_row_that_cannot_be_asked_says_why(change: dict[str, Any], code: str, message: str) -> None:
    assert code in BAD_ROWS
    assert refusal({**GOOD, **change})[0] == code
    assert message in refusal({**GOOD, **change})[1]


def test_an_id_may_come_once_and_text_and_numbers_differ() -> None:
    first, second, third, no_id = requests(*({**GOOD, "id": id} for id in (1, "1", 1, None)))
    assert isinstance(first, RequestRow)
    assert isinstance(second, RequestRow)
    assert isinstance(third, RefusedRow)
    assert (third.id, third.line, third.reason.code) == (1, 3, "duplicate_id")
    assert isinstance(no_id, RequestRow)
    assert (no_id.id, no_id.request.id) == (None, "line-4")


def test_a_run_row_is_the_request_row_with_what_came_of_it() -> None:
    row = request({"line": 9, "gold": ["yes"], "notes": "old", **GOOD})
    usage = Usage(prompt_tokens=5, completion_tokens=2)
    raw = "<answer><snippet id=S1,S2>Perch doubled.</snippet></answer>"
    answer = parse_answer(raw, row.request.evidence, model="m", usage=usage, notes=("one note",))
    written = answered_row(row, answer)
    assert next(iter(written)) == "id"
    assert written == {
        **row.values,
        "answer": answer.tagged,
        "model": "m",
        "usage": usage.model_dump(),
        "issues": [{"code": "unknown_id", "message": answer.issues[0].message}],
        "notes": ["one note"],
        "error": None,
    }


def test_a_run_row_without_id_carries_its_line() -> None:
    row = request({"question": "x", "snippets": []})
    written = answered_row(row, parse_answer("<answer>x</answer>", Evidence()))
    assert (written["id"], written["line"]) == (None, 1)


def test_a_failed_row_carries_the_reason_and_what_was_found() -> None:
    row = request(GOOD)
    written = failed_row(row, CallError("no server", "unreachable"), "m")
    assert written == {
        **GOOD, "answer": None, "model": "m", "usage": None, "issues": [], "notes": [],
        "error": {"code": "unreachable", "message": "no server"},
    }  # fmt: skip
    finding = Finding(code="unknown_id", message="no S9")
    answer = parse_answer("x", row.request.evidence)
    written = failed_row(row, CitationError("invalid", answer, (finding,)), "m")
    assert (written["error"]["code"], written["issues"]) == (
        "invalid_citations", [{"code": "unknown_id", "message": "no S9"}],
    )  # fmt: skip


def test_a_failed_row_carries_what_it_consumed_and_the_answer_that_was_not_taken() -> None:
    row, usage = request({**GOOD, "rejected": "of an earlier run"}), Usage(prompt_tokens=5, completion_tokens=2)
    answer = parse_answer("<answer><snippet id=S1>Perch</snippet></answer>", row.request.evidence, usage=usage)
    written = failed_row(row, CitationError("invalid", answer, ()), "m")
    assert (written["usage"], written["rejected"], written["answer"]) == (usage.model_dump(), answer.tagged, None)
    written = failed_row(row, ReplyError("nothing", "empty", usage), "m")
    assert (written["usage"], "rejected" in written) == (usage.model_dump(), False)


@pytest.mark.parametrize(
    ("change", "is_changed"),
    [
        ({"gold": ["yes"], "model": "other", "id": "b"}, False),
        ({"reasoning": "", "mode": None}, False),
        ({"question": "Did pike double?"}, True),
        ({"question": None}, True),
        ({"reasoning": "I searched."}, True),
        ({"mode": "think"}, True),
        ({"snippets": [{"text": "Perch doubled. Twice."}]}, True),
        ({"snippets": None, "tool_output": "<snippet id=7f>Perch doubled.</snippet>"}, True),
    ],
)
def test_what_is_asked_tells_a_row_that_has_changed(change: dict[str, Any], is_changed: bool) -> None:
    assert (asked_digest({**GOOD, **change}) != asked_digest(GOOD)) is is_changed


def test_a_row_that_is_done_is_compared_only_where_it_is_known_what_was_asked() -> None:
    ledger = Ledger()
    ledger.note_done(id_key("a"), asked_digest({**GOOD, "question": "Did pike double?"}))
    ledger.note_done(id_key("b"))
    ledger.note_done(line_key(3), asked_digest(GOOD))
    rows = (GOOD, {**GOOD, "id": "b"}, BadRow("invalid_json", "not JSON"))
    assert requests(*rows, ledger=ledger) == [ChangedRow(1, "a"), None, ChangedRow(3, None)]


def test_what_is_written_for_a_row_tells_the_next_run_which_row_it_was() -> None:
    rows: list[dict[str, Any] | BadRow] = [
        GOOD, {**GOOD, "id": None}, {**GOOD, "id": 1}, {**GOOD, "id": "b", "question": ""}, GOOD,
        {**GOOD, "id": []}, BadRow("invalid_json", "not JSON"),
    ]  # fmt: skip
    ledger = Ledger()
    for row in requests(*rows):
        assert isinstance(row, RequestRow | RefusedRow)
        answer = parse_answer("<answer>x</answer>", Evidence())
        written = answered_row(row, answer) if isinstance(row, RequestRow) else refused_row(row)
        key = key_of_run_row(written)
        assert key is not None
        ledger.note_done(key)
    assert requests(*rows, ledger=ledger) == [None] * len(rows)


@pytest.mark.parametrize("values", [{}, {"id": "a"}, {"answer": None}, {"id": True, "answer": None}])
def test_what_is_no_run_row_has_no_key(values: dict[str, Any]) -> None:
    assert key_of_run_row(values) is None
