"""Which verdicts flip when a judge is asked again: all that say something else, and those that come or go."""

from pathlib import Path
from typing import Any

import pytest
from tests.judges.calibration.test_rubric_calibrating import Scripted, measured, row, told

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.rubric_judge import GradeQuery
from citerefine.rubrics.criterion import Criterion


def says_verdicts(*said: tuple[Status, str | None, float | None]) -> Scripted:
    """A judge that says these of the criteria of a row, in order."""

    class Telling(Scripted):
        def _cell(self, query: GradeQuery, criterion: Criterion) -> Cell:
            status, verdict, value = said[query.criteria.index(criterion)]
            fields: dict[str, Any] = {"criterion": criterion.id, "key": criterion.key, "weight": criterion.weight}
            reason = "deadline: too slow" if status is Status.FAILED else ""
            return Cell(**fields, status=status, verdict=verdict, value=value, reason=reason)

    return Telling(told)


def test_a_verdict_that_comes_or_goes_or_moves_by_a_level_flips_too(tmp_path: Path) -> None:
    met, unmet = (Status.OK, "MET", 1.0), (Status.OK, "UNMET", 0.0)
    unknown, failed = (Status.ABSTAIN, "CANNOT_ASSESS", 0.0), (Status.FAILED, None, None)
    three, four = (Status.OK, "3", 0.75), (Status.OK, "4", 1.0)
    pairs = [(met, met), (met, unknown), (unknown, unmet), (failed, met), (three, four), (failed, failed)]
    rows = [row("one answer", f"c{n}", n % 2) for n in range(len(pairs))]
    first, again = (says_verdicts(*side) for side in zip(*pairs, strict=True))
    card = measured(tmp_path, rows, first, again=[again])
    assert card.flip_rate.value == pytest.approx(4 / 5)
    assert card.flip_rate.n == 5
    assert "1 of the verdicts that flipped were there one time, and failed the other" in card.notes


def test_a_judge_that_has_no_words_for_its_values_flips_with_these(tmp_path: Path) -> None:
    first, again = says_verdicts((Status.OK, None, 0.6)), says_verdicts((Status.OK, None, 0.7))
    assert measured(tmp_path, [row("a", "c", 1)], first, again=[again]).flip_rate.value == 1
