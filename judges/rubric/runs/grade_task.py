"""What is asked about one run row: its answer, as a reader sees it, and the rubric.

In: a row as it was read, the rubrics of the run. Out: `GradeTask`; or BadRow with the reason. Not here: reading lines
and forms of citations (judges/runs/run_rows.py), asking.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from citerefine.judges.rubric.runs.matching import RubricShelf
from citerefine.judges.rubric.shown import tagged
from citerefine.judges.runs.run_rows import UNANSWERED, RunRow, read_run_row
from citerefine.refiner.batch.ledger import Id
from citerefine.refiner.batch.rows import BadRow
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.scanner import TagParse
from citerefine.rubrics.rubric import Rubric

ASKED_FIELDS = ("answer", "question", "snippets", "tool_output")
"""What of a row is judged; one in which any of them changes is another answer."""


class GradeTask(NamedTuple):
    """One answer, ready to be graded."""

    line: int
    id: Id | None
    question: str
    system: str | None
    parse: TagParse
    """The plain answer, and what it cites."""
    snippets: tuple[Snippet, ...]
    rubric: Rubric
    asked: str
    """Stands for answer, question and evidence."""
    raw: str | None = None
    """The answer as the row has it, if that is text: rules about form look at it."""

    @property
    def answer(self) -> str:
        """The answer with its citations as tags, in whichever form it wrote them."""
        return tagged(self.parse)


def read_task(row: RunRow, shelf: RubricShelf, form: str = "auto") -> GradeTask:
    """The task of a row.

    Args:
        row: as it was read.
        shelf: the rubrics of the run.
        form: how its answer writes citations.

    Raises:
        BadRow: if it cannot be graded; the code is one of run_rows.REFUSALS, matching.NO_RUBRIC, or `unanswered`.
    """
    read = read_run_row(row.values, form)
    if read.cited is None:
        raise BadRow(UNANSWERED, read.why_not)
    rubric = shelf.find(row.id, read.question, row.values)
    evidence = read.cited.evidence
    snippets = () if evidence is None else evidence.snippets
    answer = row.values["answer"]
    return GradeTask(
        line=row.line,
        id=row.id,
        question=read.question,
        system=read.system,
        parse=read.cited.parse,
        snippets=snippets,
        rubric=rubric,
        asked=asked_key(row.values),
        raw=answer if isinstance(answer, str) else None,
    )


def asked_key(values: Mapping[str, Any]) -> str:
    """16 hex digits that stand for what of a row is judged. What is missing, null or empty is alike."""
    asked = [values.get(name) or None for name in ASKED_FIELDS]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
