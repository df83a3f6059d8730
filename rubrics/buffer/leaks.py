"""Whether a text that the policy reads or writes tells what it is judged by.

In: a text, criteria. Out: `Leak`s; a criterion that is there only to be found (`canary`). A policy that has seen its
rubric is rewarded for reciting it. Not here: what is done about a leak.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

from citerefine.rubrics.criterion import Criterion

RUN: Final = 5
"""Words in a row that are compared at once."""
LEAST_SHARE: Final = 0.5
"""Of a criterion's runs of words, so many stand in a text that leaks it."""
_WORD: Final = re.compile(r"\w+")
_CODE: Final = re.compile(r"\bcanary ([0-9a-f]{16})\b")


class Leak(NamedTuple):
    """A criterion that a text tells."""

    criterion: str
    """Its id."""
    key: str
    share: float
    """How much of its wording stands in the text, in (0, 1]."""


def canary(name: str) -> Criterion:
    """A criterion of no weight with a code that stands nowhere else: where the code turns up, the rubric has been.

    Args:
        name: of the run or data set; the same name gives the same code.
    """
    code = hashlib.sha256(f"citerefine canary {name}".encode()).hexdigest()[:16]
    return Criterion(id=f"canary-{code[:8]}", text=f"Holds the code canary {code}.", weight=0, tags=("canary",))


def find_leaks(text: str, criteria: Iterable[Criterion]) -> tuple[Leak, ...]:
    """The criteria that a text tells, such as a prompt to the policy; by content, whatever its case and punctuation.

    Of a question's own words a short criterion may consist; then it is told by the question, and found here too.
    """
    words, codes = _words(text), {*_CODE.findall(_plain(text))}
    runs = dict[int, set[tuple[str, ...]]]()
    found = list[Leak]()
    for criterion in criteria:
        share = _share_told(_words(criterion.text), words, runs)
        if codes & {*_CODE.findall(_plain(criterion.text))}:
            share = 1.0
        if share >= LEAST_SHARE:
            found.append(Leak(criterion.id, criterion.key, share))
    return tuple(found)


def _share_told(wording: list[str], words: list[str], runs: dict[int, set[tuple[str, ...]]]) -> float:
    length = min(RUN, len(wording))
    if not length:
        return 0.0
    if length not in runs:  # once a length, for all criteria
        runs[length] = {*_runs(words, length)}
    own = _runs(wording, length)
    return sum(run in runs[length] for run in own) / len(own)


def _runs(words: list[str], length: int) -> list[tuple[str, ...]]:
    return [*zip(*(words[start:] for start in range(length)), strict=False)]


def _plain(text: str) -> str:
    visible = (sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    return " ".join("".join(visible).casefold().split())


def _words(text: str) -> list[str]:
    return _WORD.findall(_plain(text))
