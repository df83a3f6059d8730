"""Makes requests of rows, and run rows of what came of them.

In: rows as they were read, an `Answer` or an error. Out: `RequestRow`, or `RefusedRow` with the reason; the object
that is written for each. A run row is its request row with what came of it: nothing that stood in the request row is
lost, but for the names that are ours (`OWN_FIELDS`). Not here: reading lines (rows.py), asking (batch.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from citerefine.refiner.answer import Answer
from citerefine.refiner.batch.ledger import Id, Ledger, Place, id_key, line_key
from citerefine.refiner.batch.rows import BadRow, Row
from citerefine.refiner.errors import CallError, CitationError, EvidenceError, ReplyError
from citerefine.refiner.evidence import Evidence, read_tool_output
from citerefine.refiner.records import Mode, Snippet
from citerefine.refiner.request import RefineRequest

OWN_FIELDS: Final = ("answer", "model", "usage", "issues", "notes", "error")
"""What a run row says beside its request row. A request row may have them too, as an earlier run row does."""

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


def read_requests(rows: Iterable[Row], ledger: Ledger, mode: Mode) -> Iterator[RequestRow | RefusedRow | None]:
    """For each row what is to be done: ask it, or tell that it cannot be; None where that is done already.

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
            id = _id(values)
            place = ledger.see(line_key(line) if id is None else id_key(id))
            if place is Place.REPEATED:
                raise BadRow("duplicate_id", f"an earlier row has the id {id!r}; give each row its own")
            yield RequestRow(line, id, values, _request(values, line, id, mode)) if place is Place.NEW else None
        except BadRow as reason:
            known_by_line = id is None or reason.code == "duplicate_id"
            is_done = known_by_line and ledger.see(line_key(line)) is Place.DONE
            yield None if is_done else RefusedRow(line, id, reason)


def _id(values: Mapping[str, Any]) -> Id | None:
    id = values.get("id")
    if id is None or (isinstance(id, str | int) and not isinstance(id, bool) and id != ""):
        return id
    raise BadRow("bad_id", f"the id {str(id)[:60]!r} is neither text nor a whole number")


def _request(values: Mapping[str, Any], line: int, id: Id | None, mode: Mode) -> RefineRequest:
    evidence = _evidence(values)
    fields = {name: values[name] for name in ("question", "reasoning", "mode") if values.get(name) is not None}
    try:
        return RefineRequest.model_validate(
            {"mode": mode, **fields, "evidence": evidence, "id": f"line-{line}" if id is None else str(id)}
        )
    except ValidationError as error:
        place, message = _first_problem(error)
        raise BadRow("no_question" if place == "question" else "bad_field", f"{place}: {message}") from None


def _evidence(values: Mapping[str, Any]) -> Evidence:
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
            raise BadRow("bad_snippets", f"snippets.{number} must be an object, got {type(fields).__name__}")
        try:
            yield Snippet.model_validate({name: fields[name] for name in Snippet.model_fields if name in fields})
        except ValidationError as error:
            place, message = _first_problem(error)
            raise BadRow("bad_snippets", f"snippets.{number}{place and '.'}{place}: {message}") from None


def _read_tool_output(text: object) -> list[Snippet]:
    if not isinstance(text, str):
        raise BadRow("bad_snippets", f"tool_output must be text, got {type(text).__name__}")
    snippets = read_tool_output(text)
    if text.strip() and not snippets:
        raise BadRow("bad_snippets", "tool_output holds no <snippet id=…> and no <webpage id=…> block with text")
    return snippets


def _first_problem(error: ValidationError) -> tuple[str, str]:
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")


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
    """The run row of a row that the model gave no answer for."""
    found = error.findings if isinstance(error, CitationError) else ()
    return {
        **_carried(row),
        "answer": None,
        "model": model,
        "usage": None,
        "issues": [{"code": finding.code, "message": finding.message} for finding in found],
        "notes": [],
        "error": {"code": error.code, "message": str(error)},
    }


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
