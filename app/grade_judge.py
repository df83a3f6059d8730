"""What `grade` needs before the first row: rubrics, a judge that is there, and a word on how far to trust it.

In: options. Out: `RubricShelf`, `RubricJudge`, the file of its calls. What tries a judge out is outside of its budget
and its file of calls. Not here: grading (grade.py), what calls came to (grade_bill.py).
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from citerefine.app.grade_bill import place_calls
from citerefine.app.rubrics_source import read_rubrics
from citerefine.app.self_tests import try_out
from citerefine.app.verdicts import agreet, make_folder
from citerefine.judges.calibration.agreement_words import agreement_lines
from citerefine.judges.rubric.loading import load_rubric_judge
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery, RubricJudge
from citerefine.judges.rubric.runs.matching import RubricShelf
from citerefine.judges.runs.score_file import computes
from citerefine.refiner.chat.budget import Budget
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.errors import InputError
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.sets import load_set

_LEXICAL: Final = (
    "compares words and no meaning: it is for trying things out, misses what is said in other words, and is easily "
    "fooled; let a model judge what matters"
)


@dataclass(frozen=True, slots=True)
class Asking:
    """Who judges, and what that may use. Raises InputError for options that a judge without a model has no use for."""

    judge: str = "lexical"
    backup: str | None = None
    votes: int | None = None
    calls: int | None = None
    tokens: int | None = None
    dollars: float | None = None
    seconds: float | None = None
    cache: Path | None = None
    self_test: bool = True

    def __post_init__(self) -> None:
        named = {
            "--backup": self.backup,
            "--votes": self.votes,
            "--budget-calls": self.calls,
            "--budget-tokens": self.tokens,
            "--budget-dollars": self.dollars,
            "--budget-seconds": self.seconds,
            "--cache": self.cache,
        }
        given = [option for option, value in named.items() if value is not None]
        if computes(self.judge) and given:
            raise InputError(f"{given[0]} is for judges with a model, and {self.judge} asks none; leave it out")

    @property
    def budget(self) -> Budget | None:
        """The bounds; None if there are none. Raises InputError if a bound in dollars has no prices."""
        if self.calls is self.tokens is self.dollars is self.seconds is None:
            return None
        prices = Prices.read()
        return Budget(calls=self.calls, tokens=self.tokens, dollars=self.dollars, prices=prices, seconds=self.seconds)


def load_shelf(file: Path | None, format: str, static: tuple[str, ...]) -> RubricShelf:
    """The rubrics of a file with the static sets. Raises InputError if there is none, or it cannot be used."""
    try:
        rubrics = None if file is None else read_rubrics(file, format)
        sets = [load_set(name) for name in static]
        if rubrics is not None and not rubrics:
            raise InputError(f"{file} holds no rubric; write one (docs/rubrics.md)")
        return RubricShelf(rubrics, sets)
    except RubricError as error:
        raise InputError(str(error)) from error
    except InputError as error:
        raise error if file is None or str(file) in str(error) else InputError(f"{file}: {error}") from error


def calls_file(asking: Asking, out: Path | None) -> Path | None:
    """Where calls are kept. None for judges that make none. Raises InputError if that is no file."""
    return None if computes(asking.judge) else place_calls(asking.cache, out)


def load_judge(asking: Asking, calls: Path | None) -> RubricJudge:
    """The judge; that its server is there and that it works is seen before the first answer.

    Raises:
        ModelError: if the string names no judge.
        InputError: if a file or a bound cannot be used.
    """
    if calls is None:
        return load_rubric_judge(asking.judge)
    settings: dict[str, Any] = {} if asking.votes is None else {"votes": asking.votes}
    judge = load_rubric_judge(asking.judge, journal=calls, budget=asking.budget, backup=asking.backup, **settings)
    make_folder(calls)
    return _TriedJudge(judge, asking)


class _TriedJudge:
    """A judge that is tried out before the first answer it is asked about: where none is, nothing is asked at all."""

    def __init__(self, judge: RubricJudge, asking: Asking) -> None:
        self._judge, self._asking = judge, asking
        self._is_tried = False
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """Of the judge."""
        return self._judge.name

    async def grade(self, query: GradeQuery) -> Graded:
        """Its cells. Raises CallError if its server is not there, SelfTestError if its verdicts would mean little."""
        async with self._lock:
            if not self._is_tried:
                await agreet(self._asking.judge)
                if self._asking.self_test:
                    await try_out(self._asking.judge, self.name)
                self._is_tried = True
        return await self._judge.grade(query)

    async def aclose(self) -> None:
        """Closes the judge."""
        await self._judge.aclose()


def trust_in(judge: str) -> list[str]:
    """How far a judge of this name may be trusted."""
    words = [f"{judge} {_LEXICAL}"] if judge.startswith("lexical") else []
    return [*words, *agreement_lines(judge)]
