"""Request rows from rows of other agents' runs.

In: rows as they were read, what kind they are. Out: for each question a request row, or the reason why there is none;
the rest goes on. A row of several questions gives `ID-1`, `ID-2`, … where all are asked for; its last one, with the
row's own id, is the default. Not here: reading lines (batch/rows.py), the forms of each kind.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from citerefine.refiner.batch.rows import BadRow, Row
from citerefine.refiner.importing.conversation import Turn, read_turns
from citerefine.refiner.importing.dr_tulu import read_dr_tulu
from citerefine.refiner.importing.kinds import RunKind
from citerefine.refiner.importing.langchain_messages import read_langchain
from citerefine.refiner.importing.openai_messages import read_openai

REFUSALS: Final[dict[str, str]] = {
    "no_messages": "the row holds no conversation of that kind",
    "no_question": "nobody asks anything in it",
    "no_evidence": "no tool gave anything that can be cited",
    "bad_id": "the id is neither text nor a whole number",
    "duplicate_id": "an earlier row has the same id",
}
"""What keeps a conversation from becoming a request, besides what keeps its line from being read: code → meaning."""
_IDS: Final = ("custom_id", "id", "example_id", "thread_id")


_READERS: Final[dict[RunKind, Callable[[Mapping[str, Any]], Iterator[Turn]]]] = {
    RunKind.DR_TULU: lambda row: iter([read_dr_tulu(row)]),
    RunKind.LANGCHAIN: lambda row: read_turns(read_langchain(row)),
    RunKind.OPENAI: lambda row: read_turns(read_openai(row)),
}


class Imported(NamedTuple):
    """A request row."""

    line: int
    """Of the row that it comes from."""
    values: dict[str, Any]
    warnings: list[str]
    """What of its conversation could not be taken."""


class Refused(NamedTuple):
    """A row, or one of its questions, that gives no request."""

    line: int
    reason: BadRow


def import_runs(rows: Iterable[Row], kind: RunKind, *, every_turn: bool = False) -> Iterator[Imported | Refused]:
    """The request rows of each row, in order; `every_turn`: of all its questions, else of the last one."""
    seen = set[str]()
    for line, _, values in rows:
        try:
            if isinstance(values, BadRow):
                raise values
            id, turns = _id(values, line), [*_READERS[kind](values)]
            if not turns:
                raise BadRow("no_question", f"{REFUSALS['no_question']}; there is no message of a person")
        except BadRow as reason:
            yield Refused(line, reason)
            continue
        named = [(f"{id}-{number}", turn) for number, turn in enumerate(turns, 1)] if every_turn else [(id, turns[-1])]
        for name, turn in named:
            yield _import(line, name, turn, seen)


def _import(line: int, id: str, turn: Turn, seen: set[str]) -> Imported | Refused:
    try:
        if not turn.question:
            raise BadRow("no_question", f"{id}: the question is missing, blank, or no text")
        if not turn.snippets:
            why = f" ({'; '.join(turn.warnings)})" if turn.warnings else ""
            raise BadRow("no_evidence", f"{id}: no tool gave anything since the question that can be cited{why}")
        if id in seen:
            raise BadRow("duplicate_id", f"an earlier row has the id {id!r}; give each row its own")
    except BadRow as reason:
        return Refused(line, reason)
    seen.add(id)
    return Imported(line, _request_row(id, turn), turn.warnings)


def _request_row(id: str, turn: Turn) -> dict[str, Any]:
    reasoning = {"reasoning": turn.reasoning} if turn.reasoning else {}
    snippets = [{"id": one.id, **one.model_dump(mode="json", exclude_defaults=True)} for one in turn.snippets]
    return {"id": id, "question": turn.question, **reasoning, "snippets": snippets}


def _id(row: Mapping[str, Any], line: int) -> str:
    """What a row is called; by its line where it has no name. Raises BadRow."""
    for name in _IDS:
        id = row.get(name)
        if id is not None and id != "":
            if isinstance(id, bool) or not isinstance(id, str | int):
                raise BadRow("bad_id", f"the {name} {str(id)[:60]!r} is neither text nor a whole number")
            return str(id)
    return f"line-{line}"
