"""What the tests of training data share: rows as they stand in files, and questions about lakes."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row

LAKES = ("Orven", "Saima", "Inari", "Vanern", "Peipus", "Ladoga", "Onega", "Balaton", "Garda", "Como", "Siljan")


def lake_values(number: int, **values: Any) -> dict[str, Any]:
    """A row about one lake, with two snippets of its own and one that all have."""
    lake = f"{LAKES[number % len(LAKES)]}{number // len(LAKES) or ''}"
    snippets = [
        {"id": f"perch-{number}", "text": f"The survey found that perch doubled in Lake {lake} by 2010."},
        {"id": f"ice-{number}", "text": f"Records show that ice came to Lake {lake} late in December."},
        {"id": "all", "text": "Perch is a fish that lives in many lakes.", "licence": "CC-BY-4.0"},
    ]
    return {"id": f"q{number}", "question": f"Did perch double in Lake {lake}?", "snippets": snippets, **values}


def lake_row(number: int = 0, **values: Any) -> TrainingRow:
    """The same as a training row."""
    return read_row(lake_values(number, **values))


def write_rows(path: Path, rows: Iterable[Any]) -> Path:
    """A file of JSON Lines; text stands in it as it is."""
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON Lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]
