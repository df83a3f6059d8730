"""Run files, rubrics and judges for tests of grading them."""

import asyncio
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.judges.rubric.runs.grade_file import grade_file
from citerefine.judges.rubric.runs.grade_row import GradeRow
from citerefine.judges.rubric.runs.grade_summary import GradeSummary
from citerefine.judges.rubric.runs.grade_watch import GradeSettings, GradeWatch
from citerefine.judges.rubric.runs.matching import RubricShelf
from citerefine.refiner.errors import CallError
from citerefine.refiner.records import Usage
from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.rubric import Rubric

PERCH = Criterion(id="perch", text="Says that perch doubled", weight=2)
ICE = Criterion(id="ice", text="Says when ice came", weight=2)
PIKE = Criterion(id="pike", text="Claims that pike vanished", weight=-1, polarity=Polarity.NEGATIVE)
RUBRIC = Rubric(criteria=(PERCH, ICE, PIKE))


def run_row(number: int, says: str = "perch ice", **values: Any) -> dict[str, Any]:
    """A row whose answer says the words."""
    text = f"Here is what answer {number} finds: " + " and ".join(f"the {word} of the lake" for word in says.split())
    answer = f"<answer><snippet id=a>{text} changed a lot.</snippet></answer>"
    snippets = [{"id": "a", "text": "Perch doubled; ice came late."}]
    return {"id": f"q{number}", "question": f"Question {number % 5}?", "snippets": snippets, "answer": answer, **values}


def write_run(path: Path, rows: Iterable[dict[str, Any] | bytes]) -> Path:
    """Writes rows, or lines as they are."""
    lines = (row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def grade_rows(path: Path) -> dict[Any, GradeRow]:
    """The rows of OUT by id, or by line where there is none; each is there once."""
    rows = [GradeRow.model_validate_json(line) for line in path.read_bytes().splitlines()]
    found = {row.id if row.id is not None else row.line: row for row in rows}
    assert len(found) == len(rows)
    return found


class WordJudge:
    """Finds a criterion met where the answer has its id as a word; counts what it is asked, and what runs at once."""

    code = "unparsable"
    """Of the failures."""

    def __init__(
        self,
        name: str = "words-1",
        fails: Callable[[GradeQuery, Criterion], bool] = lambda query, criterion: False,
        stop_after: int | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.name = name
        self._fails, self._stop_after, self._seconds = fails, stop_after, seconds
        self.asked = list[str]()
        self.at_once = self.most_at_once = 0
        self.closed = False

    async def grade(self, query: GradeQuery) -> Graded:
        """The cells. Raises CallError once more was asked than `stop_after`."""
        if self._stop_after is not None and len(self.asked) >= self._stop_after:
            raise CallError("the budget is spent", "budget")
        self.asked.append(query.answer)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(self._seconds)
        finally:
            self.at_once -= 1
        usage = Usage(prompt_tokens=10, completion_tokens=2)
        return Graded(tuple(self._cell(query, one) for one in query.criteria), usage)

    def _cell(self, query: GradeQuery, criterion: Criterion) -> Cell:
        known: dict[str, Any] = {"criterion": criterion.id, "key": criterion.key, "weight": criterion.weight}
        if self._fails(query, criterion):
            return Cell(status=Status.FAILED, reason=f"{self.code}: no verdict for {criterion.id}", **known)
        met = criterion.id in query.answer.split()
        word = f"the {criterion.id} of the lake" if met else None
        return Cell(status=Status.OK, verdict="MET" if met else "UNMET", value=float(met), evidence=word, **known)

    async def aclose(self) -> None:
        """Remembers that it was closed."""
        self.closed = True


def grade_run(
    source: Path,
    out: Path | None = None,
    judge: WordJudge | None = None,
    rubrics: Iterable[Rubric] = (RUBRIC,),
    watch: GradeWatch | None = None,
    **settings: Any,
) -> GradeSummary:
    """Grades a file with the judge, by the rubrics."""
    shelf = RubricShelf([*rubrics])
    return grade_file(source, judge or WordJudge(), shelf, settings=GradeSettings(**settings), out=out, watch=watch)
