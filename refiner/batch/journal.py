"""OUT of `refine`: one run row for each row of IN that is done.

In: run rows. Out: a file to which each was added in one step. Not here: how the file is written and read
(row_file.py), what a row is made of (requests.py).
"""

import os
from typing import Any

from citerefine.refiner.batch.ledger import Ledger
from citerefine.refiner.batch.requests import asked_digest, key_of_run_row
from citerefine.refiner.batch.row_file import DoneRow, OtherRun, RowFile
from citerefine.refiner.recording.line_file import json_line


class Journal(RowFile):
    """OUT, open to be added to; also a context manager. Nobody else can write it meanwhile."""

    def __init__(self, path: str | os.PathLike[str], model: str, ledger: Ledger, *, retry_failed: bool = False) -> None:
        """Opens or makes the file, and tells the ledger which rows are in it.

        Args:
            path: OUT.
            model: the model string of this run.
            ledger: learns which rows are done, and what they were asked.
            retry_failed: whether rows without an answer are taken out, to be asked again; all of them in one step.

        Raises:
            InputError: if it cannot be written, another process writes it, it holds something else than run rows, or
                answers of another model.
        """
        self._model, self._retry_failed = model, retry_failed
        super().__init__(path, ledger, self._done_row, "refine")

    def _done_row(self, values: dict[str, Any], offset: int) -> DoneRow | None:
        key = key_of_run_row(values)
        if key is None:
            return None
        other = values.get("model")
        if other is not None and other != self._model:
            raise OtherRun(f"rows of the model {other!r}", f"with {self._model!r}", "the same --model")
        asked = asked_digest(values) if "question" in values else None
        failed = values["answer"] is None
        return DoneRow(key, asked, failed, is_kept=not (failed and self._retry_failed))

    def write(self, values: dict[str, Any]) -> None:
        """Adds a run row. Raises InputError if that cannot be done, as on a full disk."""
        self.append(json_line(values))
