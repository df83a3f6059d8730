"""The figures of a run, step by step, in a file that a killed run loses nothing of.

In: numbers by name. Out: `RUN/metrics.jsonl`, one line a step and phase: {"step", "time", "phase", "values"}; what was
read of it. A run that goes on from an earlier step writes steps again: `rewind` takes the later lines away first, and
readers take the last line of a step. What is not known is null. Not here: completions (samples.py), pictures.
"""

import json
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from citerefine.refiner.recording.line_file import LineFile, json_line
from citerefine.refiner.records import Record

Phase = Literal["train", "heldout", "sft"]
MAX_LINE: Final = 1 << 20
"""Longest line that is read, in bytes."""


class StepRow(Record):
    """What was measured at one step."""

    step: int = Field(ge=0)
    """Optimizer steps that were done before; 0 is the policy as it was."""
    time: float
    """Seconds since 1970."""
    phase: Phase
    values: dict[str, float | None]
    """Name → figure; None where it is not known."""


class RunJournal:
    """Writes the figures of one run."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file. Raises InputError if it cannot be written, or another process writes it."""
        self._file = LineFile(path)
        self.path = path

    def add(self, step: int, phase: Phase, values: Mapping[str, float | None]) -> StepRow:
        """Writes one line, and gives it back. What is no finite number is null."""
        row = StepRow(step=step, time=time.time(), phase=phase, values={k: _finite(v) for k, v in values.items()})
        self._file.append(json_line(row.model_dump(mode="json")))
        return row

    def rewind(self, step: int) -> None:
        """Takes away what was written after `step`, which will be done again, and a torn last line."""
        self._file.cut(kept_size(self.path, step))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def read_steps(path: Path) -> list[StepRow]:
    """The steps of a run in order, the last line of each step and phase; lines that cannot be read are left out."""
    found = dict[tuple[int, str], StepRow]()
    for row, _ in _rows(path):
        if row is not None:
            found[row.step, row.phase] = row
    return sorted(found.values(), key=lambda row: row.step)


def kept_size(path: Path, step: int) -> int:
    """How many bytes of a file of lines with a `step` are kept by a run that goes on from `step`."""
    kept = 0
    for line, end in _lines(path):
        values = _object(line)
        there = None if values is None else values.get("step")
        if not isinstance(there, int) or there > step:
            break
        kept = end
    return kept


def _rows(path: Path) -> Iterator[tuple[StepRow | None, int]]:
    for line, end in _lines(path):
        try:
            yield StepRow.model_validate_json(line), end
        except ValidationError:
            yield None, end


def _lines(path: Path) -> Iterator[tuple[bytes, int]]:
    """Whole lines, and where each ends; nothing if there is no file."""
    if not path.is_file():
        return
    end = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE):
            end += len(line)
            if line.endswith(b"\n"):
                yield line, end


def _object(line: bytes) -> dict[str, object] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
