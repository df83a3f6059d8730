"""Compares an answer with the reference answer of its row, as its task says (`Task.agrees`).

In: a row, a model's text. Out: `Scored` 1 or 0, `Missing`, or `Absent` for a row without reference answer. Of a cited
answer, the reference must stand in its text, word for word: case, white space and punctuation do not count. That says
that the answer is given, and not that nothing else is: pair it with the other terms. A task may bring a function
of its own. Not here: comparing mathematics (maths.py).
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable
from typing import Final

from citerefine.refiner.tags.scanner import parse_tags
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.tasks import task_of
from citerefine.training.rewards.maths import MathsGrader
from citerefine.training.rewards.parts import Absent, Missing, Scored

Verifier = Callable[[str, str, MathsGrader], Awaitable[Scored | Missing]]
"""Reference answer, a model's text, what compares mathematics → whether they agree."""

_NO_WORD: Final = re.compile(r"[\W_]+")


async def verify(row: TrainingRow, text: str, grader: MathsGrader) -> Scored | Missing | Absent:
    """Whether the answer is the reference answer of the row. Raises ModelError if a grader is not installed."""
    if row.gold is None or not row.gold.strip():
        return Absent("no_gold: the row has no reference answer")
    agrees = task_of(row).agrees
    if callable(agrees):
        return Scored(1.0) if agrees(row.gold, text) else _WRONG
    return await VERIFIERS[agrees](row.gold, text, grader)


async def _verify_words(gold: str, text: str, grader: MathsGrader) -> Scored | Missing:
    wanted = _words(gold)
    if not wanted.strip():
        return Missing(f"bad_gold: there is no word in the reference answer {gold[:60]!r}")
    if wanted in _words(parse_tags(text).text):
        return Scored(1.0)
    return Scored(0.0, "wrong: the reference answer does not stand in the answer")


async def _verify_maths(gold: str, text: str, grader: MathsGrader) -> Scored | Missing:
    return await grader.grade(gold, text)


VERIFIERS: Final[dict[str, Verifier]] = {"words": _verify_words, "mathematics": _verify_maths}
"""Name of a comparison → what compares."""
_WRONG: Final = Scored(0.0, "wrong: the answer does not agree with the reference answer")


def _words(text: str) -> str:
    """The words in lower case, one blank between them and at the ends, so that no word is found inside another.

    A sign or point that belongs to a number stays.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("−", "-")
    kept = re.sub(r"(?<=\d)[.,](?=\d)|(?<![\w)])[-+](?=\d)", lambda found: _SIGNS[found[0]], folded)
    return f" {_NO_WORD.sub(' ', kept).strip()} "


_SIGNS: Final = {".": "point", ",": "", "-": "minus", "+": ""}
"""What stands for a sign that belongs to a number: 1.5 is not the words 1 and 5, and 1,500 is 1500."""
