"""Measures a judge on a file of labels.

In: JSON Lines of labelled claims (label_rows.py), a judge. Out: its `JudgeCard`. A row that is no labelled claim is
told by line and reason, and counted; the rest is measured. Not here: keeping the card (card_files.py), showing it
(app/calibrate.py).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from citerefine.judges.calibration.judge_card import JudgeCard
from citerefine.judges.calibration.label_rows import LabelRow, label_key, read_label_row
from citerefine.judges.calibration.labelled_file import CalibrationWatch, LabelledRows, file_digest
from citerefine.judges.calibration.measuring import LabelSource, Measurement, make_card, measure
from citerefine.judges.judge import SupportJudge
from citerefine.judges.verdict import Label
from citerefine.refiner.batch.rows import opened_rows
from citerefine.refiner.errors import InputError


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
        source = LabelSource(name or labels.stem, file_digest(file), positive)
        said = Counter[Label]()
        rows = LabelledRows(file, file.tell(), _counting(positive, said), watch or CalibrationWatch())
        measurement = asyncio.run(_measure(rows, judge, concurrency))
    _refuse_nothing(labels, rows, said, positive)
    return make_card(measurement, judge.name, source, rows=rows.n, refused=dict(rows.refused.most_common()))


async def _measure(rows: Iterable[LabelRow], judge: SupportJudge, concurrency: int) -> Measurement:
    try:
        return await measure(rows, judge, concurrency=concurrency)
    finally:
        await judge.aclose()


def _counting(positive: str | None, labels: Counter[Label]) -> Callable[[Mapping[str, Any]], LabelRow]:
    """A reader of rows that counts what people say."""

    def counted(values: Mapping[str, Any]) -> LabelRow:
        row = read_label_row(values, positive)
        labels[row.label] += 1
        return row

    return counted


def _refuse_nothing(path: Path, rows: LabelledRows[LabelRow], labels: Counter[Label], positive: str | None) -> None:
    """Raises InputError if there is nothing to measure on."""
    if not labels:
        why = ", ".join(f"{n} {code}" for code, n in rows.refused.items()) or "it is empty"
        raise InputError(
            f"{path} holds no labelled claims ({why}); write one object a line, with claim, evidence and label"
        )
    if positive is not None and not labels[Label.FULL]:
        raise InputError(f"no row of {path} has the label {positive!r}, which was to mean supported; name another")
