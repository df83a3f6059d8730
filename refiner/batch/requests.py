"""Makes requests of rows, and run rows of what came of them.

In: rows as they were read, an `Answer` or an error. Out: `RequestRow`, or `RefusedRow` with the reason; the object
that is written for each. A run row is its request row with what came of it: nothing that stood in the request row is
lost, but for the names that are ours (`OWN_FIELDS`). Not here: reading lines (rows.py), asking (batch.py).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from citerefine.refiner.answer import Answer
from citerefine.refiner.batch.ledger import Id, Ledger, Place, id_key, line_key
from citerefine.refiner.batch.rows import BadRow, Row
from citerefine.refiner.errors import CallError, CitationError, EvidenceError, ReplyError
from citerefine.refiner.evidence import Evidence, read_tool_output
from citerefine.refiner.records import Mode, Snippet, Usage
from citerefine.refiner.request import RefineRequest

OWN_FIELDS: Final = ("answer", "model", "usage", "issues", "notes", "rejected", "error")
"""What a run row says beside its request row. A request row may have them too, as an earlier run row does."""
ASKED_FIELDS: Final = ("question", "reasoning", "snippets", "tool_output", "mode")
"""What is asked; a row in which one of them changes asks something else."""

RowFailure = CallError | ReplyError | CitationError
"""What makes one row fail."""


class RequestRow(NamedTuple):
    """A row that can be asked."""

    line: int
    id: Id | None
    """None where the row has none; it is known by its line then."""
    values: Mapping[str, Any]
    """The row as it was read."""
    request: RefineRequest


class RefusedRow(NamedTuple):
    """A row that cannot be asked."""

    line: int
    id: Id | None
    """None also where it could not be read."""
    reason: BadRow


class ChangedRow(NamedTuple):
    """A row that is done, and asks something else than it did then."""

    line: int
    id: Id | None


ToDo = RequestRow | RefusedRow | ChangedRow
"""What one row of IN leaves to be done."""


def read_requests(rows: Iterable[Row], ledger: Ledger, mode: Mode) -> Iterator[ToDo | None]:
    """For each row what is to be done: ask it, tell that it cannot be or has changed; None where it is done already.

    Args:
        rows: as they stand in IN.
        ledger: knows what is done; learns what is seen.
        mode: what a row is asked in that names no mode.
    """
    for line, _, values in rows:
        id: Id | None = None
        try:
            if isinstance(values, BadRow):
                raise values
            id = read_id(values)
            key = line_key(line) if id is None else id_key(id)
            place = ledger.see(key)
            if place is Place.REPEATED:
                raise BadRow("duplicate_id", f"an earlier row has the id {id!r}; give each row its own")
            if place is Place.NEW:
                yield RequestRow(line, id, values, _request(values, line, id, mode))
            else:
                yield ChangedRow(line, id) if _has_changed(key, values, ledger) else None
        except BadRow as reason:
            known_by_line = id is None or reason.code == "duplicate_id"
            if known_by_line and ledger.see(line_key(line)) is Place.DONE:
                yield ChangedRow(line, id) if _has_changed(line_key(line), values, ledger) else None
            else:
                yield RefusedRow(line, id, reason)


def _has_changed(key: bytes, values: Mapping[str, Any] | BadRow, ledger: Ledger) -> bool:
    """Whether a row asks something else than the row of OUT, as far as that says what it was asked."""
    asked = ledger.asked(key)
    return asked is not None and (isinstance(values, BadRow) or asked != asked_digest(values))


def asked_digest(values: Mapping[str, Any]) -> bytes:
    """What tells apart what a request row asks, or a run row was asked. What is missing, null or empty is alike."""
    asked = [values.get(name) or None for name in ASKED_FIELDS]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()


def read_id(values: Mapping[str, Any]) -> Id | None:
    """The id of a row; None if it has none. Raises BadRow."""
    id = values.get("id")
    if id is None or (isinstance(id, str | int) and not isinstance(id, bool) and id != ""):
        return id
    raise BadRow("bad_id", f"the id {str(id)[:60]!r} is neither text nor a whole number")


def _request(values: Mapping[str, Any], line: int, id: Id | None, mode: Mode) -> RefineRequest:
    evidence = read_evidence(values)
    fields = {name: values[name] for name in ("question", "reasoning", "mode") if values.get(name) is not None}
    try:
        return RefineRequest.model_validate(
            {"mode": mode, **fields, "evidence": evidence, "id": f"line-{line}" if id is None else str(id)}
        )
    except ValidationError as error:
        code = "no_question" if error.errors()[0]["loc"] == ("question",) else "bad_field"
        raise BadRow(code, _first_problem(error)) from None


def read_evidence(values: Mapping[str, Any]) -> Evidence:
    """The evidence of a row: its snippets, or what its tool output holds. Raises BadRow."""
    snippets, tool_output = values.get("snippets"), values.get("tool_output")
    if (snippets is None) == (tool_output is None):
        has = "neither snippets nor" if snippets is None else "both snippets and"
        raise BadRow("bad_snippets", f"it has {has} tool_output; give one of them")
    try:
        return Evidence([*_snippets(snippets)] if tool_output is None else _read_tool_output(tool_output))
    except EvidenceError as error:
        raise BadRow("bad_snippets", str(error)) from None


def _snippets(values: object) -> Iterator[Snippet]:
    if not isinstance(values, list):
        raise BadRow("bad_snippets", f"snippets must be a list, got {type(values).__name__}")
    for number, fields in enumerate(values):
        if not isinstance(fields, dict):
            got = type(fields).__name__
            raise BadRow("bad_snippets", f'snippets.{number} must be an object, as {{"text": "…"}}, got {got}')
        try:
            yield Snippet.model_validate({name: fields[name] for name in Snippet.model_fields if name in fields})
        except ValidationError as error:
            raise BadRow("bad_snippets", _first_problem(error, f"snippets.{number}")) from None


def _read_tool_output(text: object) -> list[Snippet]:
    if not isinstance(text, str):
        raise BadRow("bad_snippets", f"tool_output must be text, got {type(text).__name__}")
    snippets = read_tool_output(text)
    if text.strip() and not snippets:
        raise BadRow("bad_snippets", "tool_output holds no <snippet id=…> and no <webpage id=…> block with text")
    return snippets


_NEEDED: Final = {"question": "give the row a question", "text": "give the snippet a text, or leave it out"}
"""What to do about a field that nothing goes without."""


def _first_problem(error: ValidationError, whole: str = "") -> str:
    """Where the first problem lies, beginning with `whole`, what it is, and what to do."""
    first = error.errors(include_url=False)[0]
    place = ".".join(map(str, (whole, *first["loc"]) if whole else first["loc"]))
    what_to_do = _NEEDED.get(place.rpartition(".")[2], "mend it, or leave it out")
    return f"{place}{'' if first['loc'] else ':'} {_said(first['type'], first['msg'], first['input'])}; {what_to_do}"


def _said(kind: str, message: str, value: object) -> str:
    """What pydantic says of a value, to people who never heard of it."""
    if kind == "missing":
        return "is missing"
    if kind == "string_type":
        return f"must be text, got {type(value).__name__}"
    if isinstance(value, str) and not value.strip():
        return "is empty or only white space"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return f"{re.sub('^(Input|String) should', 'must', message)}, got {str(value)[:60]!r}"


def answered_row(row: RequestRow, answer: Answer) -> dict[str, Any]:
    """The run row of a row that was answered."""
    return {
        **_carried(row),
        "answer": answer.tagged,
        "model": answer.model,
        "usage": answer.usage and answer.usage.model_dump(mode="json"),
        "issues": [{"code": issue.code, "message": issue.message} for issue in answer.issues],
        "notes": [*answer.notes],
        "error": None,
    }


def failed_row(row: RequestRow, error: RowFailure, model: str) -> dict[str, Any]:
    """The run row of a row that the model gave no answer for, or none that is taken: that one is kept beside it."""
    found, rejected = (error.findings, error.answer) if isinstance(error, CitationError) else ((), None)
    usage = usage_of(error)
    return {
        **_carried(row),
        "answer": None,
        "model": model,
        "usage": usage and usage.model_dump(mode="json"),
        "issues": [{"code": finding.code, "message": finding.message} for finding in found],
        "notes": [],
        **({"rejected": rejected.tagged} if rejected else {}),
        "error": {"code": error.code, "message": str(error)},
    }


def usage_of(error: RowFailure) -> Usage | None:
    """What the calls for a row that failed consumed; None where that is not known."""
    if isinstance(error, CitationError):
        return error.answer.usage
    return error.usage if isinstance(error, ReplyError) else None


def refused_row(row: RefusedRow) -> dict[str, Any]:
    """What is written for a row that cannot be asked."""
    return {
        "id": row.id,
        "line": row.line,
        "answer": None,
        "error": {"code": row.reason.code, "message": str(row.reason)},
    }


def _carried(row: RequestRow) -> dict[str, Any]:
    """The request row, its id first; a row without id gets its line, by which it is found again."""
    names = {"id": row.id} if row.id is not None else {"id": None, "line": row.line}
    return {**names, **{name: value for name, value in row.values.items() if name not in (*names, *OWN_FIELDS)}}


def key_of_run_row(values: Mapping[str, Any]) -> bytes | None:
    """What the request row was known by that a run row comes from; None if it is no run row."""
    id, line, error = values.get("id"), values.get("line"), values.get("error")
    if "answer" not in values or isinstance(id, bool):
        return None
    is_repeated = isinstance(error, dict) and error.get("code") == "duplicate_id"
    if isinstance(id, Id) and not is_repeated:
        return id_key(id)
    return line_key(line) if isinstance(line, int) else None
