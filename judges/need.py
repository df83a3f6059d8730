"""Says whether a unit needs a citation.

In: a unit. Out: None if it needs one, or why it does not. What is cited always
counts; of the rest, headings, questions, lead-ins and short transitions are exempt, and all else needs a citation. A
rule cannot tell opinion from fact (notes on its reach: docs/metric.md). Not here: weights, scores.
"""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Final

from citerefine.judges.abstention import says_nothing_is_told
from citerefine.judges.units import SHORT, Unit

GAP: Final = "says that the sources do not tell"

_CLOSING: Final = " \t\"'”’»)]}*_"
_ASKS: Final = ("?", "？", "؟")
_LEADS: Final = (":", "：")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=1)
def _openings() -> re.Pattern[str]:
    """What an exempt unit begins with; the phrases are in exempt_openings.txt, one a line."""
    lines = files("citerefine.judges").joinpath("exempt_openings.txt").read_text("utf-8").splitlines()
    return re.compile(rf"[\W_]*(?:{'|'.join(re.escape(line) for line in lines if line)})\b", re.IGNORECASE)


def exemption(unit: Unit) -> str | None:
    """Why the unit needs no citation; None if it needs one."""
    if unit.ids:
        return None
    if unit.is_heading:
        return "heading"
    last = unit.text.rstrip(_CLOSING)[-1:]
    if last in _ASKS or last in _LEADS:
        return "question" if last in _ASKS else "lead-in"
    if unit.n_content < SHORT:
        return "short"
    if says_nothing_is_told(unit.text):
        return GAP
    if _openings().match(unit.text) and not _DIGIT.search(unit.text) and not _names_something(unit.text):
        return "transition or opinion"
    return None


def _names_something(text: str) -> bool:
    """Whether a word after the first is capitalised; `I` names nothing."""
    words = _WORD.findall(text)
    return any(word[0].isupper() and word != "I" for word in words[1:])
