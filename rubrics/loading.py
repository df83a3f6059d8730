"""Reads and writes rubrics: files, single documents, the rubrics of a run or training row.

In: paths, or JSON values. Out: `Rubric`, or documents in the format asked for. JSON, JSON Lines and TOML are read, and
nothing in them is executed, looked up or filled in. YAML is not read: what it can hide (aliases, tags) no rubric needs.
Not here: the formats (formats/), lints, scores.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from pydantic import JsonValue, ValidationError

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import FORMATS
from citerefine.rubrics.formats.losses import Loss, refuse, write
from citerefine.rubrics.formats.own import first_error
from citerefine.rubrics.formats.recognising import format_named, recognise
from citerefine.rubrics.formats.seed import SEED
from citerefine.rubrics.formats.spelling import refuse_misspelt
from citerefine.rubrics.formats.strict_json import parse_json
from citerefine.rubrics.formats.toml_form import load_all
from citerefine.rubrics.formats.toml_text import parse_toml, toml_text
from citerefine.rubrics.formats.values import as_object, check_document
from citerefine.rubrics.rubric import Rubric

MAX_JSON_BYTES: Final = 64 * 2**20
"""Largest JSON file, and longest line of JSON Lines."""
MAX_TOML_BYTES: Final = 2 * 2**20
"""Largest TOML file: it is written by hand."""
READ: Final = ".toml, .json and .jsonl"
_JSON_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{|\[[\s\[]*[{\"\]])")
"""What no TOML begins with: there, a word follows the brackets."""
_SEED_KEYS: Final = ("positive_rubrics", "negative_rubrics")


Skipped = Callable[[int, str], None]
"""Is told of a row without a rubric: its line, and why it has none."""


def load_rubrics(
    source: str | os.PathLike[str] | BinaryIO, *, format: str = "auto", skipped: Skipped | None = None
) -> list[Rubric]:
    """The rubrics of a file, in its order.

    Args:
        source: a file of TOML (our own, or that of verifiers), JSON (a document, or a list of them) or JSON Lines; or
            an open one, such as standard input, of which the text tells which of these it is.
        format: a key of `FORMATS`, or `auto`: by the keys of each document.
        skipped: is told of rows that `rubrics generate` could write no criteria for; they are passed over.

    Raises:
        RubricError: with the path, and the line in JSON Lines, if the file cannot be read or any of it is no rubric.
    """
    name = str(source) if isinstance(source, str | os.PathLike) else "standard input"
    lines = list[int]()

    def passed_over(line: int, reason: str) -> None:
        lines.append(line)
        if skipped is not None:
            skipped(line, reason)

    try:
        with _opened(source) as (suffix, file):
            rubrics = list(_read(suffix, file, format, passed_over))
    except OSError as error:
        raise RubricError(f"{name} cannot be read: {error.strerror}; name a file of rubrics") from error
    except RubricError as error:
        raise RubricError(f"{name}: {error}") from None
    if not rubrics:
        why = f"; its rows have a `rubric_error` that says why ({len(lines)})" if lines else ""
        raise RubricError(f"{name}: holds no rubric{why}")
    return rubrics


def read_rubric(native: object, *, format: str = "auto") -> Rubric:
    """The rubric that a JSON value holds.

    Args:
        native: a document in one of the formats.
        format: a key of `FORMATS`, or `auto`: by its keys.

    Raises:
        RubricError: if it is no rubric of the format, or of no known or of several formats.
    """
    return _load(_checked(native), format)


def read_row_rubric(row: Mapping[str, object]) -> Rubric | None:
    """The rubric of a run or training row; None if the row has none.

    Read are `positive_rubrics` and `negative_rubrics`, or else `rubrics`: a document of any format, or a list of items.
    The row's question becomes the rubric's, if that has none of its own.

    Raises:
        RubricError: if what stands there is no rubric, or the row has both.
    """
    lists: dict[str, object] = {key: row[key] for key in _SEED_KEYS if row.get(key) is not None}
    other = row.get("rubrics")
    if lists and other is not None:
        raise RubricError("the row has `rubrics` and `positive_rubrics` or `negative_rubrics`; keep one of the two")
    _refuse_misspelt_lists(row)
    if not lists and other is None:
        return None
    named = {"aggregate": row["aggregate"]} if isinstance(row.get("aggregate"), str) else {}
    rubric = read_rubric(lists | named, format=SEED.name) if lists else _read_items(other, row.get("rubrics_types"))
    question = row.get("question") or row.get("query")
    return rubric if rubric.query or not isinstance(question, str) else rubric.model_copy(update={"query": question})


def dump_rubric(rubric: Rubric, format: str = "", *, lossy: bool = False) -> JsonValue:
    """The document that a rubric is in a format.

    Args:
        rubric: any.
        format: a key of `FORMATS`; empty: the one that it came from.
        lossy: leave out what the format has no place for. What would change the meaning is refused all the same.

    Raises:
        RubricError: naming what the format cannot say.
    """
    target = format_named(format or rubric.format)
    written = write(rubric, target, FORMATS.get(rubric.format))
    refuse(written.losses, target, lossy=lossy)
    return written.native


def list_losses(rubric: Rubric, format: str) -> list[Loss]:
    """What `dump_rubric` would leave out, or refuse; empty if the format can say it all."""
    return write(rubric, format_named(format), FORMATS.get(rubric.format)).losses


def write_toml(rubrics: Iterable[Rubric], *, lossy: bool = False) -> str:
    """The text of a TOML file; several rubrics stand in `[[rubric]]` tables. Raises RubricError as `dump_rubric`."""
    tables = [as_object(dump_rubric(rubric, "toml", lossy=lossy), "a rubric") for rubric in rubrics]
    return toml_text(tables[0] if len(tables) == 1 else {"rubric": [*tables]})


@contextmanager
def _opened(source: str | os.PathLike[str] | BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """The file and its suffix."""
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield Path(source).suffix.lower(), file
    else:
        yield _recognised(source)


def _recognised(file: BinaryIO) -> tuple[str, BinaryIO]:
    """What suffix a file with this text would have, and the text."""
    data = _whole(file, MAX_JSON_BYTES)
    if not _JSON_BEGINS.match(data):
        return ".toml", BytesIO(_whole(BytesIO(data), MAX_TOML_BYTES))
    first, *others = data.strip().split(b"\n", 1)
    is_lines = bool(others) and _is_json(first)
    return ".jsonl" if is_lines else ".json", BytesIO(data)


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line)
    except RubricError:
        return False
    return True


def _read(suffix: str, file: BinaryIO, format: str, skipped: Skipped) -> Iterator[Rubric]:
    if suffix == ".toml":
        yield from _of_toml(_whole(file, MAX_TOML_BYTES), format)
    elif suffix == ".json":
        yield from _of_json(parse_json(_whole(file, MAX_JSON_BYTES)), format)
    elif suffix in (".jsonl", ".ndjson"):
        yield from _of_lines(file, format, skipped)
    elif suffix in (".yaml", ".yml"):
        raise RubricError(f"YAML is not read, since it can hold more than data; rubrics are read from {READ}")
    else:
        raise RubricError(f"files that end in {suffix[:20] or 'nothing'!r} are not read; rubrics are in {READ}")


def _whole(file: BinaryIO, most: int) -> bytes:
    data = file.read(most + 1)
    if len(data) > most:
        raise RubricError(f"is larger than {most >> 20} MB; split it, or write one rubric a line as .jsonl")
    return data


def _of_toml(data: bytes, format: str) -> list[Rubric]:
    tables = parse_toml(data)
    if format in ("auto", "toml") and "criteria" not in tables:
        return load_all(tables)
    return [read_rubric(tables, format=format)]


def _of_json(native: JsonValue, format: str) -> list[Rubric]:
    """One document, or the list of several."""
    check = format_named(format).recognises if format != "auto" else _is_known
    if not isinstance(native, list) or check(native) or not any(isinstance(item, dict | list) for item in native):
        return [read_rubric(native, format=format)]
    return [_placed(f"document {place}", item, format) for place, item in enumerate(native, 1)]


def _of_lines(file: BinaryIO, format: str, skipped: Skipped) -> Iterator[Rubric]:
    number = 0
    while line := file.readline(MAX_JSON_BYTES + 1):
        number += 1
        if len(line) > MAX_JSON_BYTES:
            raise RubricError(f"line {number} is longer than {MAX_JSON_BYTES >> 20} MB")
        if line.strip():
            try:
                native = parse_json(line)
            except RubricError as error:
                raise RubricError(f"line {number} {error}") from None
            if why := _why_none(native):
                skipped(number, why)
            else:
                yield _placed(f"line {number}", native, format)


def _why_none(native: JsonValue) -> str:
    """Why no criteria could be written for a row; empty for all other rows."""
    error = native.get("rubric_error") if isinstance(native, dict) else None
    return f"{error.get('code')}: {error.get('message')}"[:300] if isinstance(error, dict) else ""


def _placed(place: str, native: JsonValue, format: str) -> Rubric:
    try:
        return read_rubric(native, format=format)
    except RubricError as error:
        raise RubricError(f"{place}: {error}") from None


def _is_known(native: JsonValue) -> bool:
    return any(format.recognises(native) for format in FORMATS.values())


def _checked(native: object) -> JsonValue:
    check_document(native)
    value: JsonValue = native  # type: ignore[assignment]  # just checked
    return value


def _load(native: JsonValue, format: str) -> Rubric:
    found = recognise(native) if format == "auto" else format_named(format)
    try:
        return found.load(native)
    except ValidationError as error:
        raise RubricError(f"{found.name}: {first_error(error)}") from None


def _refuse_misspelt_lists(row: Mapping[str, object]) -> None:
    """Raises RubricError for criteria under a key that is nearly one of those that are read.

    Other keys of a row are those of whoever wrote it: only what can hold criteria is looked at.
    """
    holding = {key: value for key, value in row.items() if isinstance(value, list | dict)}
    known = _SEED_KEYS if any(key in holding for key in _SEED_KEYS) else (*_SEED_KEYS, "rubrics")
    refuse_misspelt(holding, () if "rubrics" in holding else known, "the row")


def _read_items(native: object, types: object) -> Rubric:
    """The rubric of a row's `rubrics`."""
    if types is not None:
        return read_rubric({"rubrics": native, "rubrics_types": types}, format="drtulu")
    items = _checked(native)
    plain = {_SEED_KEYS[0]: items}
    if isinstance(items, list) and not _is_known(items) and SEED.recognises(plain):
        return _load(plain, SEED.name)
    return _load(items, "auto")
