"""Reads training rows from where they are: files, or a data set of the hub.

In: a name: a .jsonl file, a .parquet file, or `hub:ORG/NAME[:SPLIT]`. Out: `RowsRead`: the rows, and which ones were
refused and why. Of the hub, data is loaded and never code, once; later it comes from the cache, also without a network.
Not here: what a row is made of (row_reading.py).
"""

import re
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from citerefine.refiner.batch.rows import MAX_DEPTH, BadRow, Row, opened_rows
from citerefine.refiner.batch.rows import read_rows as read_json_rows
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Mode
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import RefusedRow, RowReader

HUB: Final = "hub:"
_HUB_NAME: Final = re.compile(r"hub:(?P<name>[\w.-]+/[\w.-]+)(?::(?P<split>[\w.\[\]:%+-]+))?")
_ROWS_AT_ONCE: Final = 256
"""Of a table."""


class RowsRead(NamedTuple):
    """What a source holds."""

    rows: tuple[TrainingRow, ...]
    refused: tuple[RefusedRow, ...]


def read_rows(source: str, *, mode: Mode = Mode.ANSWER_ONLY, max_rows: int | None = None) -> RowsRead:
    """The rows of a source, in its order; a row that cannot be used is told with its line and the reason.

    Args:
        source: a .jsonl or .parquet file, or `hub:ORG/NAME[:SPLIT]`; without a split, `train`.
        mode: of rows that name none.
        max_rows: rows behind the first so many that can be used are not looked at.

    Raises:
        InputError: if the source cannot be read, or is something else.
    """
    rows, refused = list[TrainingRow](), list[RefusedRow]()
    for row in iterate_rows(source, mode):
        if isinstance(row, RefusedRow):
            refused.append(row)
        else:
            rows.append(row)
            if len(rows) == max_rows:
                break
    return RowsRead(tuple(rows), tuple(refused))


def iterate_rows(source: str, mode: Mode = Mode.ANSWER_ONLY) -> Iterator[TrainingRow | RefusedRow]:
    """The same one by one. Raises as `read_rows` does."""
    reader = RowReader(mode)
    for row in _rows(source):
        yield reader.read(row)


def _rows(source: str) -> Iterator[Row]:
    if source.startswith(HUB):
        yield from _of_hub(source)
    elif Path(source).suffix.lower() == ".parquet":
        yield from _of_parquet(Path(source))
    elif Path(source).suffix.lower() in (".jsonl", ".ndjson"):
        with opened_rows(source, "training rows") as file:
            yield from read_json_rows(file)
    else:
        raise InputError(f"{source[:200]!r} names no rows; these are in .jsonl, .parquet or hub:ORG/NAME[:SPLIT]")


def _of_parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    if not path.is_file():
        raise InputError(f"{path} cannot be read: there is no such file; name a file of training rows")
    try:
        with parquet.ParquetFile(path) as table:
            batches = table.iter_batches(batch_size=_ROWS_AT_ONCE)
            yield from _of_table(row for batch in batches for row in batch.to_pylist())
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        why = str(error).partition("\n")[0][:200]
        raise InputError(f"{path} is no whole Parquet file: {why}; write it again, or name another") from error


def _of_hub(source: str) -> Iterator[Row]:
    match = _HUB_NAME.fullmatch(source)
    if match is None:
        raise InputError(f"{source[:200]!r} is no name of a data set; write hub:ORG/NAME or hub:ORG/NAME:SPLIT")
    yield from _of_table(_load(match["name"], match["split"] or "train"))


def _load(name: str, split: str) -> Iterable[dict[str, Any]]:
    """The rows of a data set. Raises InputError if there is none of that name, no such split, or no network."""
    import datasets

    try:
        rows: Iterable[dict[str, Any]] = datasets.load_dataset(name, split=split)
    except (OSError, ValueError, RuntimeError) as error:  # what `datasets` and the hub's client raise, all three
        why = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        raise InputError(
            f"hub:{name}:{split} cannot be loaded: {why}; look at the name, the split and the network, or save the "
            "rows as .jsonl and name that file"
        ) from error
    return rows


def _of_table(values: Iterable[dict[str, Any]]) -> Iterator[Row]:
    for number, value in zip(count(1), values, strict=False):
        try:
            yield Row(number, 0, _without_none(value))
        except RecursionError:
            yield Row(number, 0, BadRow("too_deep", f"objects and lists nest more than {MAX_DEPTH} deep"))


def _without_none(value: Any) -> Any:
    """In a table, each object of a column has the keys of all of them; those that it lacked are None."""
    if isinstance(value, dict):
        return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_none(inner) for inner in value]
    return value
