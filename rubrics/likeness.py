"""Whether two criteria ask the same, or one the opposite of the other.

In: two criteria. Out: yes or no, by their words alone. Numbers and negations are never taken for noise: criteria that
differ in one are not alike. Not here: what is done about it (generation/, buffer/, lint/).
"""

import re
import unicodedata
from typing import Final

from rapidfuzz import fuzz

from citerefine.rubrics.criterion import Criterion

ALIKE: Final = 88.0
"""Least similarity, in 0 to 100, of two criteria that ask the same (token sort ratio of rapidfuzz)."""
MIRRORED: Final = 85.0
"""Least similarity of a criterion and a fault, both without their negations, of which one is the other's opposite."""

_WORD: Final = re.compile(r"\w+(?:[.,]\d+)*")
_NEGATION: Final = re.compile(
    r"\b(?:does not|do not|is not|are not|doesn['’]t|don['’]t|isn['’]t|aren['’]t|cannot|not|no|never|without|"
    r"fails? to|failing to|lacks?|lacking|omits?|omitting|avoids?|avoiding|misses|missing)\b"
)
_SUBJECT: Final = re.compile(r"^the (?:answer|response|reply|report|text) ")
_MODAL: Final = re.compile(r"^(?:should|must|does|do|will) ")


def is_alike(a: Criterion, b: Criterion) -> bool:
    """Whether both ask the same of an answer: one polarity, the same numbers and negations, nearly the same words."""
    if a.is_negative != b.is_negative:
        return False
    one, other = _plain(a.text), _plain(b.text)
    if _numbers(one) != _numbers(other) or bool(_NEGATION.search(one)) != bool(_NEGATION.search(other)):
        return False
    return _ratio(one, other) >= ALIKE


def is_mirrored(a: Criterion, b: Criterion) -> bool:
    """Whether one is a fault and the other its opposite, so that one and the same thing would be paid twice."""
    if a.is_negative == b.is_negative:
        return False
    one, other = _plain(a.text), _plain(b.text)
    if _numbers(one) != _numbers(other):
        return False
    return _ratio(_NEGATION.sub(" ", one), _NEGATION.sub(" ", other)) >= MIRRORED


def _plain(text: str) -> str:
    """The text in lower case on one line, without the subject that criteria share."""
    line = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return _MODAL.sub("", _SUBJECT.sub("", line)) if not _NEGATION.match(_SUBJECT.sub("", line)) else line


def _numbers(text: str) -> list[str]:
    return sorted(word for word in _WORD.findall(text) if any(map(str.isdigit, word)))


def _ratio(one: str, other: str) -> float:
    return fuzz.token_sort_ratio(" ".join(map(_stem, _WORD.findall(one))), " ".join(map(_stem, _WORD.findall(other))))


def _stem(word: str) -> str:
    """Without a plural or third-person s: `names` and `name` are one word after `does not`."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
