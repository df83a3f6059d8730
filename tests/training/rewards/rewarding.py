"""What the tests of rewards share: a row, answers to it, judges that decide by words and can fail."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.judges.verdict import Label, SupportQuery, Verdict, not_judged
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet, Usage
from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.rubric import Rubric
from citerefine.training.data.row import TrainingRow

PERCH = Criterion(id="perch", text="It says that perch doubled.")
ICE = Criterion(id="ice", text="It says when ice came.")
EELS = Criterion(id="eels", text="It says that eels left.")
PIKE = Criterion(id="pike", text="It claims that pike vanished.", weight=-2, polarity=Polarity.NEGATIVE)
RUBRIC = Rubric(criteria=(PERCH, ICE, EELS, PIKE))
EVIDENCE = Evidence(
    [
        Snippet(id="a", text="The survey found that perch doubled in Lake Orven by 2010."),
        Snippet(id="b", text="Records show that ice came late in December, and eels left the lake."),
    ]
)


def training_row(**values: Any) -> TrainingRow:
    """A row with evidence and a rubric of three merits and a fault."""
    fields = {"id": "r1", "question": "What happened in Lake Orven?", "evidence": EVIDENCE, "rubric": RUBRIC}
    return TrainingRow.model_validate({**fields, "answerable": True, **values})


ROW = training_row()


def answer(*words: str) -> str:
    """An answer that makes one cited claim a word; `lies` is cited and not supported."""
    claims = {
        "perch": "<snippet id=S1>In the lake, perch doubled in number by 2010.</snippet>",
        "ice": "<snippet id=S2>Over the years, ice came late in December.</snippet>",
        "eels": "<snippet id=S2>At the same time, eels left the whole lake.</snippet>",
        "pike": "<snippet id=S1>It is known that pike vanished from the lake.</snippet>",
        "lies": "<snippet id=S1>Some say lies about what trout did there.</snippet>",
    }
    return f"<answer>{' '.join(claims[word] for word in words)}</answer>"


def never(query: GradeQuery, criterion: Criterion) -> bool:
    return False


class WordRubricJudge:
    """Finds a criterion met where the answer has its id as a word. Fails where a test says so."""

    name = "words"

    def __init__(self, fails: Callable[[GradeQuery, Criterion], bool] = never, code: str = "unreachable") -> None:
        self._fails, self._code = fails, code
        self.asked = list[GradeQuery]()
        self.closed = 0

    async def grade(self, query: GradeQuery) -> Graded:
        self.asked.append(query)
        await asyncio.sleep(0)
        return Graded(tuple(self._cell(query, one) for one in query.criteria), Usage(cost=0.5))

    def _cell(self, query: GradeQuery, criterion: Criterion) -> Cell:
        known: dict[str, Any] = {"criterion": criterion.id, "key": criterion.key, "weight": criterion.weight}
        if self._fails(query, criterion):
            return Cell(status=Status.FAILED, reason=f"{self._code}: no verdict", **known)
        met = criterion.id.split("/")[-1] in query.answer.split()
        return Cell(status=Status.OK, verdict="MET" if met else "UNMET", value=float(met), **known)

    async def aclose(self) -> None:
        self.closed += 1


class WordSupportJudge:
    """Full support for all but claims that speak of lies or pike. Fails where a test says so."""

    name = "words"
    asks_at_once = False

    def __init__(self, fails: Callable[[SupportQuery], bool] = lambda query: False, code: str = "deadline") -> None:
        self._fails, self._code = fails, code
        self.closed = 0

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        await asyncio.sleep(0)
        return [self._verdict(query) for query in queries]

    def _verdict(self, query: SupportQuery) -> Verdict:
        if self._fails(query):
            return not_judged(self.name, self._code, "no verdict")
        is_false = {"lies", "pike"} & {*query.claim.split()}
        return Verdict(label=Label.NONE if is_false else Label.FULL, judge=self.name)

    async def aclose(self) -> None:
        self.closed += 1
