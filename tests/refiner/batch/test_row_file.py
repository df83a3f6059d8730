"""A file of rows as the record of what is done; how runs use it: test_journal.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from citerefine.refiner.batch.ledger import Ledger, id_key
from citerefine.refiner.batch.row_file import DoneRow, RowFile
from citerefine.refiner.errors import InputError


def look(values: dict[str, Any], offset: int) -> DoneRow | None:
    """Keeps the offset of each row in the ledger; those of the letter x are taken out."""
    return DoneRow(id_key(values["id"]), str(offset).encode(), failed=False, is_kept=values["id"][0] != "x")


def rows(*sizes: tuple[str, int]) -> bytes:
    return b"".join(json.dumps({"id": id, "text": "y" * size}).encode() + b"\n" for id, size in sizes)


@pytest.mark.parametrize("size", [0, 65_000, 65_536, 200_000])
def test_a_row_is_found_again_at_the_place_that_it_was_told_to_have(tmp_path: Path, size: int) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(rows(("a", size), ("x", 7), ("b", 3), ("x2", size), ("c", size)))
    with Ledger() as ledger, RowFile(path, ledger, look, "test") as file:
        for id in "abc":
            place = ledger.asked(id_key(id))
            assert place is not None
            assert json.loads(file.line_at(int(place)))["id"] == id
        assert ledger.asked(id_key("x")) is None
    assert path.read_bytes() == rows(("a", size), ("b", 3), ("c", size))


def test_a_file_that_changed_meanwhile_is_said_to_have(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(rows(("a", 5), ("b", 5)))
    with Ledger() as ledger, RowFile(path, ledger, look, "test") as file:
        path.write_bytes(b"something else")
        with pytest.raises(InputError, match="was changed while it was in use"):
            file.line_at(3)
