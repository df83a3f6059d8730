"""Graded answers for tests of the page."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from citerefine.judges.rubric.cell import Status
from citerefine.judges.rubric.report.grade_page import GradePage
from citerefine.judges.rubric.runs.grade_row import CellRow, GradeRow
from citerefine.judges.rubric.runs.grade_tally import GradeTally
from citerefine.judges.rubric.runs.grade_task import GradeTask
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.rubric import Rubric

PERCH = Criterion(id="c1", title="Perch", text="Says that perch doubled between 1990 and 2010", weight=3)
CAUSE = Criterion(id="c2", text="Names a cause that the evidence gives", weight=2)
ROACH = Criterion(id="c3", text="Puts the biomass of roach in kilograms", weight=1)
PADDING = Criterion(
    id="padding",
    title="Off-query padding",
    text="Holds sentences that do not help to answer the question",
    weight=-1,
    polarity=Polarity.NEGATIVE,
    origin="static",
)
RUBRIC = Rubric(criteria=(PERCH, CAUSE, ROACH, PADDING))
ANSWER = (
    "<answer><snippet id=a>Perch doubled between 1990 and 2010.</snippet> Warmer water is the cause, as a survey of "
    "twelve lakes found. <snippet id=b,c>Roach fell by 12 kg in each haul.</snippet> The ferry was painted.</answer>"
)


def task(line: int, answer: str = ANSWER, rubric: Rubric = RUBRIC, **fields: Any) -> GradeTask:
    """A task, asked in the given line."""
    known = {"id": f"q{line}", "question": "Why did perch double?", "system": "model-1", **fields}
    return GradeTask(line=line, parse=parse_tags(answer), snippets=(), rubric=rubric, asked="0" * 16, **known)


def cell(criterion: Criterion, value: float | None, evidence: str | None = None, **fields: Any) -> CellRow:
    """A cell; without a value it failed."""
    status = Status.FAILED if value is None else Status.OK
    word = None if value is None else "MET" if value >= 0.5 else "UNMET"
    known: dict[str, Any] = {"status": status, "verdict": word, "p_met": None, "value": value, "evidence": evidence}
    known |= {"reason": "unparsable: the reply ends in the middle"} if value is None else {}
    return CellRow(**{"criterion": criterion.id, "weight": criterion.weight, **known, **fields})


def row(one: GradeTask, score: float | None, *cells: CellRow, **fields: Any) -> GradeRow:
    """The grade of a task."""
    known = {"coverage": 1.0, "formula": "pos_norm", "judge": "words-1", "rubric": one.rubric.key, **fields}
    reason = "" if score is not None else "too_little_known: 40 % of the weight has no value"
    return GradeRow(id=one.id, score=score, cells=cells, **{"reason": reason, **known})


def lake_grades() -> list[tuple[GradeTask, GradeRow]]:
    """Four answers: bad, good, gated, and one that could not be judged."""
    bad, good, gated, failed = (task(n) for n in range(1, 5))
    nothing = tuple(cell(one, 0.0, status=Status.GATED, verdict=None) for one in RUBRIC.judged)
    some = (cell(PERCH, None), cell(CAUSE, None), cell(ROACH, 1.0), cell(PADDING, 0.0))
    return [
        (
            good,
            row(
                good,
                0.9,
                cell(PERCH, 1.0, "Perch doubled between 1990 and 2010.", p_met=0.97),
                cell(CAUSE, 1.0, "Warmer water is the cause,  as a survey of twelve lakes found."),
                cell(ROACH, 0.5, "fell by 12 kg</snippet>", votes=("MET", "UNMET", "MET")),
                cell(PADDING, 0.0),
            ),
        ),
        (
            bad,
            row(
                bad,
                -0.17,
                cell(PERCH, 0.0, reason="it says tripled"),
                cell(CAUSE, 0.0, "no such words", status=Status.ABSTAIN, verdict="CANNOT_ASSESS"),
                cell(ROACH, 0.0),
                cell(PADDING, 1.0, "The ferry was painted."),
            ),
        ),
        (gated, row(gated, 0.0, *nothing, gate="empty", reason="gated: no judge was asked, since the answer is empty")),
        (failed, row(failed, None, *some, coverage=0.3)),
    ]


def rendered(
    grades: Iterable[tuple[GradeTask, GradeRow]], limit: int = 500, title: str = "run.jsonl", judge: str = "words-1"
) -> str:
    """The page of the grades."""
    page, tally = GradePage(limit), GradeTally()
    for one, grade in grades:
        page.add(one, grade)
        tally.add(one, grade)
    trust = [f"NOT MEASURED: how far {judge} agrees with people"]
    return page.render(tally.summary(judge), title, trust=trust, when=date(2026, 11, 26))
