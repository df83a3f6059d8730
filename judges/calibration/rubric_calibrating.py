"""Measures a rubric judge on a file of labels.

In: JSON Lines of labelled criteria (criterion_rows.py), a judge. Out: its `RubricJudgeCard`. A row that has no labels
that can be used is told by line and reason, and counted; the rest is measured. Not here: keeping the card
(card_files.py), showing it (app/rubric_card_table.py), measuring support judges (calibrating.py).
"""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from citerefine.judges.calibration.criterion_rows import AnswerLabels, names_criteria, read_criterion_row
from citerefine.judges.calibration.labelled_file import CalibrationWatch, LabelledRows, file_digest
from citerefine.judges.calibration.measuring import LabelSource
from citerefine.judges.calibration.observing import Observations, observe
from citerefine.judges.calibration.rubric_card import RubricJudgeCard
from citerefine.judges.calibration.rubric_measuring import make_rubric_card
from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.refiner.batch.rows import BadRow, opened_rows, read_rows
from citerefine.refiner.errors import InputError


def calibrate_rubric(
    labels: Path,
    judge: RubricJudge,
    *,
    again: Sequence[RubricJudge] = (),
    name: str | None = None,
    concurrency: int = 8,
    watch: CalibrationWatch | None = None,
) -> RubricJudgeCard:
    """How far a rubric judge agrees with the labels of a file; the judges are closed at the end.

    Args:
        labels: the file.
        judge: who is measured.
        again: the same judge with other seeds, for the flip rate.
        name: of the set; by default the file's, without its suffix.
        concurrency: most answers that the judge is asked about at once.
        watch: who is told what happens.

    Raises:
        InputError: if the file cannot be read, or no row of it has labels that can be used.
        CallError: if the judge cannot go on.
    """
    with opened_rows(labels, "labels") as file:
        if not file.seekable():
            raise InputError(f"{labels} is no file that can be read twice; write the labels to a file")
        source = LabelSource(name or labels.stem, file_digest(file))
        rows = LabelledRows(file, file.tell(), read_criterion_row, watch or CalibrationWatch())
        seen = asyncio.run(_observe(rows, judge, again, concurrency))
    if not seen.rows and not seen.not_judged:
        why = ", ".join(f"{n} {code}" for code, n in rows.refused.items()) or "it is empty"
        raise InputError(
            f"{labels} holds no labelled criteria ({why}); write one object a line, with answer, criterion and label"
        )
    return make_rubric_card(seen, judge.name, source, rows=rows.n, refused=dict(rows.refused.most_common()))


async def _observe(
    rows: Iterable[AnswerLabels], judge: RubricJudge, again: Sequence[RubricJudge], concurrency: int
) -> Observations:
    try:
        return await observe(rows, judge, again=again, concurrency=concurrency)
    finally:
        for one in {id(one): one for one in (judge, *again)}.values():
            await one.aclose()


def holds_criteria(labels: Path) -> bool:
    """Whether a file is of labelled criteria, and not of labelled claims: what its first row with either says.

    Raises InputError if it cannot be read.
    """
    with opened_rows(labels, "labels") as file:
        if not file.seekable():
            return False
        for row in read_rows(file):
            if isinstance(row.values, BadRow):
                continue
            if names_criteria(row.values):
                return True
            if "claim" in row.values:
                return False
    return False
