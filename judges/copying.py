"""Measures how much of the supported text is copied word for word from what it cites.

In: texts of fully supported units in the order of the answer, texts of the snippets that they cite. Out: the share of
words in verbatim runs. Runs may go on over neighbouring units, so that cutting a quotation into short tags hides
nothing. Linear. Not here: what is done about copying (factors.py).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from citerefine.judges.hidden import visible

MIN_RUN: Final = 12
"""Words in a row that make a verbatim run."""

_BASE: Final = 1_000_003
_MODULUS: Final = (1 << 61) - 1
_WORD = re.compile(r"[^\W_]+")


def copied_share(units: Iterable[str], snippets: Iterable[str]) -> float | None:
    """The share of the units' words that lie in runs of `MIN_RUN` or more words of one snippet; None without words."""
    words = [word for unit in units for word in _words(unit)]
    if not words:
        return None
    known = {run for text in snippets for run in _runs(_words(text))}
    copied_to = copied = 0
    for start, run in enumerate(_runs(words)):
        if run in known:
            copied += start + MIN_RUN - max(start, copied_to)
            copied_to = start + MIN_RUN
    return copied / len(words)


def _words(text: str) -> list[str]:
    return _WORD.findall(visible(text).lower())


def _runs(words: Sequence[str]) -> Iterator[int]:
    """A number for each run of `MIN_RUN` words: a rolling hash, so that each word is looked at twice only."""
    window, last = 0, pow(_BASE, MIN_RUN, _MODULUS)
    hashes = [hash(word) for word in words]
    for at, entering in enumerate(hashes):
        window = (window * _BASE + entering) % _MODULUS
        if at >= MIN_RUN:
            window = (window - hashes[at - MIN_RUN] * last) % _MODULUS
        if at >= MIN_RUN - 1:
            yield window
