"""Keeps what every scored completion was worth, and why, in a file of lines.

In: judged answers. Out: JSON Lines, one line a completion: `{"step", "phase", "id", "completion", "breakdown", "cells",
"verdicts"}`; `step` is the one that they are trained on in, and the first is 1, as in all that a run shows. The lines
of a batch are written in one step. A process that is killed leaves at most a torn last line, which the next one to open
the file takes away; a run that goes on from a checkpoint takes away the lines of the steps that it makes again
(`rewind`). Texts come from models and snippets: they are data. Not here: samples that are shown
(citerefine.training.watch).
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from citerefine.judges.citation_score import CitationScore
from citerefine.judges.rubric.cell import Cell
from citerefine.refiner.errors import InputError
from citerefine.refiner.recording.line_file import LineFile, json_line
from citerefine.training.rewards.combining import Judged

MOST_COMPLETION: Final = 40_000
"""Characters of a completion that are kept."""
MOST_REASON: Final = 300
MOST_PARTS: Final = 200
"""Cells and units of a completion that are kept, each."""
_BLOCK: Final = 1 << 16
_STEP: Final = re.compile(rb'\{"step": (\d+)[,}]')


class Transcripts:
    """The file. Opened at first use; one process writes it."""

    def __init__(self, path: Path) -> None:
        """Names it; its folder is made."""
        self.path = path
        self._file: LineFile | None = None

    def add(self, step: int, phase: str, texts: Sequence[str], judged: Sequence[Judged]) -> None:
        """Writes the lines of a batch, of which `step` steps were done before. Raises InputError if the file cannot be
        written."""
        lines = [json_line(_line(step, phase, *one)) for one in zip(texts, judged, strict=True)]
        if lines:
            self._opened().append(b"\n".join(lines))

    def rewind(self, step: int) -> None:
        """Takes away all lines but those of the first `step` steps. Raises InputError if the file cannot be written."""
        if self.path.exists():
            self._opened().cut(_size_until(self.path, step))

    def close(self) -> None:
        """Closes the file; a later use opens it anew."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> LineFile:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = LineFile(self.path)
            file.cut(_whole_size(file.descriptor))
            self._file = file
        return self._file

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_file": None}


def _line(step: int, phase: str, text: str, judged: Judged) -> dict[str, Any]:
    return {
        "step": step + 1,
        "phase": phase,
        "id": judged.breakdown.id,
        "completion": text[:MOST_COMPLETION],
        "breakdown": judged.breakdown.model_dump(mode="json"),
        "cells": [_cell(cell) for cell in judged.cells[:MOST_PARTS]],
        "verdicts": [] if judged.cited is None else _verdicts(judged.cited),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "criterion": cell.criterion,
        "status": cell.status.value,
        "verdict": cell.verdict,
        "value": cell.value,
        "weight": cell.weight,
        "reason": cell.reason[:MOST_REASON],
    }


def _verdicts(score: CitationScore) -> list[dict[str, Any]]:
    return [
        {
            "start": unit.start,
            "end": unit.end,
            "ids": [citation.id for citation in unit.citations],
            "support": unit.support,
            "reason": "" if unit.verdict is None else unit.verdict.reason[:MOST_REASON],
        }
        for unit in score.units[:MOST_PARTS]
    ]


def _whole_size(descriptor: int) -> int:
    """Bytes up to the end of the last whole line."""
    size = os.fstat(descriptor).st_size
    while size:
        start = max(0, size - _BLOCK)
        end = os.pread(descriptor, size - start, start).rfind(b"\n")
        if end >= 0:
            return start + end + 1
        size = start
    return 0


def _size_until(path: Path, step: int) -> int:
    """Bytes of the lines before the first one of a later step."""
    size = 0
    with path.open("rb") as lines:
        for line in lines:
            found = _STEP.match(line)
            if found is None:
                raise InputError(f"{path} holds a line that is no transcript, at byte {size}; move the file away")
            if int(found[1]) > step:
                break
            size += len(line)
    return size
