"""Run files and judges for tests of scoring them."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.verdict import Label, SupportQuery, Verdict, not_judged
from citerefine.refiner.errors import CallError

LAKES = ("Orven", "Saima", "Inari")


def run_row(number: int, **values: Any) -> dict[str, Any]:
    """A row with two cited claims, one of them supported, and one unknown id."""
    lake = LAKES[number % 3]
    snippets = [
        {"id": "a", "text": f"Perch in Lake {lake} doubled between 1990 and 2010."},
        {"id": "b", "text": "Nobody counted any bream there."},
    ]
    answer = (
        f"<answer><snippet id=a>Perch in Lake {lake} doubled between 1990 and 2010.</snippet> "
        f"<snippet id=b,z>Winter ice on row {number} came much later in 2011.</snippet></answer>"
    )
    question = f"Did perch double in Lake {lake}?"
    return {"id": f"q{number}", "question": question, "snippets": snippets, "answer": answer, **values}


def write_run(path: Path, rows: Iterable[dict[str, Any] | bytes]) -> Path:
    """Writes rows, or lines as they are."""
    with path.open("wb") as file:
        for row in rows:
            file.write((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n")
    return path


def score_rows(path: Path) -> list[ScoreRow]:
    """The rows of OUT."""
    return [ScoreRow.model_validate_json(line) for line in path.read_bytes().splitlines()]


class ScriptedJudge:
    """Finds every claim about perch supported, after the time that `wait` says; counts what runs at once."""

    name = "scripted"
    asks_at_once = True
    code = "unparsable"
    """Of the failures."""

    def __init__(
        self,
        wait: Callable[[SupportQuery], float] = lambda query: 0.0,
        fails: Callable[[SupportQuery], bool] = lambda query: False,
        stop_after: int | None = None,
    ) -> None:
        self._wait, self._fails, self._stop_after = wait, fails, stop_after
        self.asked = list[str]()
        self.at_once = self.most_at_once = 0
        self.closed = False

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        """The verdicts. Raises CallError once more was asked than `stop_after`."""
        if self._stop_after is not None and len(self.asked) >= self._stop_after:
            raise CallError("the budget is spent", "budget")
        self.asked += [query.claim for query in queries]
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await asyncio.sleep(max(map(self._wait, queries), default=0.0))
        finally:
            self.at_once -= 1
        return [self._verdict(query) for query in queries]

    def _verdict(self, query: SupportQuery) -> Verdict:
        if self._fails(query):
            return not_judged(self.name, self.code, "no connection")
        return Verdict(label=Label.FULL if "Perch" in query.claim else Label.NONE, judge=self.name)

    async def aclose(self) -> None:
        """Remembers that it was closed."""
        self.closed = True
