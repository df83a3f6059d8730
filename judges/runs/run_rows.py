"""Reads run rows: answers of any system, with the evidence that they may cite.

In: rows as they were read (refiner/batch/rows.py). Out: `RunRow`, or `RefusedRow` with the reason; of a `RunRow` its
`RunAnswer`. Evidence is what the row says beside its answer, never what the answer says. Not here: reading lines,
forms of citations (imports/), scoring.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, NamedTuple

from citerefine.judges.factors import EXPECTED_CLAIMS
from citerefine.judges.imports.bad_answer import BAD_ANSWERS
from citerefine.judges.imports.reading import read_answer
from citerefine.judges.scoring import CitedAnswer
from citerefine.refiner.batch.ledger import Id, Ledger, Place, id_key
from citerefine.refiner.batch.requests import read_evidence, read_id
from citerefine.refiner.batch.rows import BAD_ROWS, BadRow, Row
from citerefine.refiner.errors import InputError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.tags.markup import scrub

_LINES: Final = ("too_long", "invalid_utf8", "invalid_json", "too_deep", "no_object", "bad_id", "duplicate_id")

REFUSALS: Final[dict[str, str]] = {
    **{code: BAD_ROWS[code] for code in _LINES},
    "no_answer": "the row has no field `answer`",
    **BAD_ANSWERS,
    "bad_snippets": "there are both snippets and tool output, or some that cannot be cited",
    "bad_field": "question, model, answerable or expected_claims have a value that they cannot have",
}
"""What keeps a row from being scored: code → meaning."""

UNANSWERED: Final = "unanswered"
"""Why a row without an answer has no figures."""

_FIRST_ROWS: Final = 20
_FIRST_BYTES: Final = 1 << 20
"""So much is looked at to see what a file holds."""


class RunRow(NamedTuple):
    """A row with an id of its own."""

    line: int
    id: Id | None
    """None where the row has none; it is known by its line then."""
    size: int
    """Bytes of the line."""
    values: dict[str, Any]
    """The row as it was read."""


class RefusedRow(NamedTuple):
    """A row that cannot be scored."""

    line: int
    id: Id | None
    """None also where it could not be read."""
    code: str
    """One of `REFUSALS`."""
    message: str
    size: int = 0


ReadRow = RunRow | RefusedRow


class RunAnswer(NamedTuple):
    """What a run row says."""

    question: str
    system: str | None
    """The model that answered."""
    cited: CitedAnswer | None
    """None if the row has no answer; `why_not` then says what it says of that."""
    form: str = "tags"
    why_not: str = ""


def refuse_score_rows(rows: Iterator[Row]) -> Iterator[Row]:
    """The same rows, once the first of them were looked at. Raises InputError if most of these are score rows."""
    first, end = list[Row](), 0
    while len(first) < _FIRST_ROWS and end < _FIRST_BYTES and (row := next(rows, None)) is not None:
        first.append(row)
        end = row.end
    if sum(_is_score_row(row.values) for row in first) * 2 > len(first):
        raise InputError(
            "this looks like a file of score rows: give it to `citerefine compare`, or score the run file"
        )
    return chain(first, rows)


def _is_score_row(values: Mapping[str, Any] | BadRow) -> bool:
    return isinstance(values, Mapping) and {"precision", "units"} <= values.keys() and "answer" not in values


def read_run_rows(rows: Iterable[Row], ledger: Ledger) -> Iterator[ReadRow]:
    """Each row, with a look at its id only; the second row of an id is refused.

    Args:
        rows: as they stand in the file.
        ledger: learns which ids were seen.
    """
    start = 0
    for line, end, values in rows:
        size, start = end - start, end
        id: Id | None = None
        try:
            if isinstance(values, BadRow):
                raise values
            id = read_id(values)
            _refuse_unwritable(id)
            if id is not None and not is_refused_by_refine(values) and ledger.see(id_key(id)) is Place.REPEATED:
                raise BadRow("duplicate_id", f"an earlier row has the id {id!r}; give each row its own")
            yield RunRow(line, id, size, values)
        except BadRow as reason:
            if reason.code == "bad_id":
                id = None
            yield RefusedRow(line, id, reason.code, str(reason), size)


def _refuse_unwritable(id: Id | None) -> None:
    if isinstance(id, str) and scrub(id) != id:
        raise BadRow("bad_id", f"the id {id[:60]!a} holds half a character, and cannot be written")


def is_refused_by_refine(values: Mapping[str, Any]) -> bool:
    """Whether it stands for a request whose id another one has: no second answer to the same request."""
    error = values.get("error")
    return values.get("answer") is None and isinstance(error, dict) and error.get("code") == "duplicate_id"


def read_run_row(values: Mapping[str, Any], form: str = "auto") -> RunAnswer:
    """What a run row says.

    Args:
        values: the row.
        form: how its answer writes citations, a key of `imports.reading.FORMS`.

    Raises:
        BadRow: if it cannot be scored; `code` is one of `REFUSALS`.
    """
    if "answer" not in values:
        raise BadRow("no_answer", "it has no field `answer`; give the text, or null where there is none")
    question = _text(values, "question") or ""
    system = _text(values, "model")
    answerable, expected = _answerable(values), _expected_claims(values)
    answer = values["answer"]
    if answer is None:
        return RunAnswer(question, system, None, why_not=_why_not(values.get("error")))
    evidence = _evidence(values)
    read = read_answer(answer, evidence, form)
    raw = answer if isinstance(answer, str) and read.form == "numbered" else ""
    cited = CitedAnswer(read.parse, evidence, question, answerable, expected, raw)
    return RunAnswer(question, system, cited, read.form)


def _evidence(values: Mapping[str, Any]) -> Evidence | None:
    """None where the row has no evidence at all; an empty list of snippets is evidence that supports nothing."""
    if values.get("snippets") is None and values.get("tool_output") is None:
        return None
    return read_evidence(values)


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRow("bad_field", f"{name} must be text, got {type(value).__name__}; mend it, or leave it out")
    return value and scrub(value)


def _answerable(values: Mapping[str, Any]) -> bool | None:
    value = values.get("answerable")
    if value is not None and not isinstance(value, bool):
        got = f"{type(value).__name__} {str(value)[:60]!r}"
        raise BadRow("bad_field", f"answerable must be true or false, got {got}; mend it, or leave it out")
    return value


def _expected_claims(values: Mapping[str, Any]) -> float:
    value = values.get("expected_claims")
    if value is None:
        return EXPECTED_CLAIMS
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_positive(value):
        got = f"{type(value).__name__} {str(value)[:60]!r}"
        raise BadRow("bad_field", f"expected_claims must be a number above 0, got {got}; mend it")
    return float(value)


def _is_positive(number: int | float) -> bool:
    try:
        return number > 0 and math.isfinite(number)
    except OverflowError:  # a whole number that no float holds
        return False


def _why_not(error: object) -> str:
    if isinstance(error, str) and error.strip():
        return scrub(error[:600])
    if not isinstance(error, dict):
        return "the row has no answer, and does not say why"
    code, message = (str(error.get(name) or "")[:600] for name in ("code", "message"))
    return scrub(": ".join(part for part in (code, message) if part)) or "the row has no answer, and does not say why"
