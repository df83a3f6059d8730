"""Measures a judge on a file of labels.

In: JSON Lines of labelled claims (label_rows.py), a judge. Out: its `JudgeCard`. A row that is no labelled claim is
told by line and reason, and counted; the rest is measured. Not here: keeping the card (card_files.py), showing it
(app/calibrate.py).
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from citerefine.judges.calibration.judge_card import JudgeCard
from citerefine.judges.calibration.label_rows import LabelRow, label_key, read_label_row
from citerefine.judges.calibration.measuring import LabelSource, Measurement, make_card, measure
from citerefine.judges.judge import SupportJudge
from citerefine.judges.verdict import Label
from citerefine.refiner.batch.rows import BadRow, opened_rows, read_rows
from citerefine.refiner.errors import InputError


def _nobody(*told: object) -> None:
    """Takes what nobody asked for."""


@dataclass(frozen=True, slots=True)
class CalibrationWatch:
    """Who is told what happens; called between rows."""

    progress: Callable[[int, int, int], None] = _nobody
    """Gets rows read so far, bytes of them, and bytes of the file."""
    refused: Callable[[int, BadRow], None] = _nobody
    """Gets line and reason of each row that is no labelled claim."""


def calibrate(
    labels: Path,
    judge: SupportJudge,
    *,
    name: str | None = None,
    positive: str | None = None,
    concurrency: int = 8,
    watch: CalibrationWatch | None = None,
) -> JudgeCard:
    """How far a judge agrees with the labels of a file; the judge is closed at the end.

    Args:
        labels: the file.
        judge: who is measured.
        name: of the set; by default the file's, without its suffix.
        positive: the label that means full support, all others meaning none; None: labels by their names.
        concurrency: most claims that the judge is asked about at once.
        watch: who is told what happens.

    Raises:
        InputError: if the file cannot be read, or no row of it is a labelled claim or has the label `positive`.
        CallError: if the judge cannot go on.
    """
    if positive is not None and not label_key(positive):
        raise InputError(f"the label that means supported is {positive!r}; name one that the file has")
    with opened_rows(labels, "labels") as file:
        if not file.seekable():
            raise InputError(f"{labels} is no file that can be read twice; write the labels to a file")
        source = LabelSource(name or labels.stem, _digest(file), positive)
        rows = _Rows(file, file.tell(), positive, watch or CalibrationWatch())
        measurement = asyncio.run(_measure(rows, judge, concurrency))
    _refuse_nothing(labels, rows)
    return make_card(measurement, judge.name, source, rows=rows.n, refused=dict(rows.refused.most_common()))


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


async def _measure(rows: Iterable[LabelRow], judge: SupportJudge, concurrency: int) -> Measurement:
    try:
        return await measure(rows, judge, concurrency=concurrency)
    finally:
        await judge.aclose()


class _Rows:
    """The labelled claims of a file, with a count of what it held."""

    def __init__(self, file: BinaryIO, size: int, positive: str | None, watch: CalibrationWatch) -> None:
        self.n = 0
        """Rows that were not blank."""
        self.labels = Counter[Label]()
        self.refused = Counter[str]()
        self.positive = positive
        self._file, self._size, self._watch = file, size, watch

    def __iter__(self) -> Iterator[LabelRow]:
        self._file.seek(0)
        for line, end, values in read_rows(self._file):
            self.n += 1
            try:
                if isinstance(values, BadRow):
                    raise values
                row = read_label_row(values, self.positive)
            except BadRow as reason:
                self.refused[reason.code] += 1
                self._watch.refused(line, reason)
            else:
                self.labels[row.label] += 1
                yield row
            self._watch.progress(self.n, end, self._size)


def _refuse_nothing(labels: Path, rows: _Rows) -> None:
    """Raises InputError if there is nothing to measure on."""
    if not rows.labels:
        why = ", ".join(f"{n} {code}" for code, n in rows.refused.items()) or "it is empty"
        raise InputError(
            f"{labels} holds no labelled claims ({why}); write one object a line, with claim, evidence and label"
        )
    if rows.positive is not None and not rows.labels[Label.FULL]:
        raise InputError(
            f"no row of {labels} has the label {rows.positive!r}, which was to mean supported; name another"
        )
