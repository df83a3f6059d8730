"""Tells answers that say the evidence does not tell from answers that merely cite nothing.

In: a sentence; the units of an answer. Out: whether it says that the sources give no answer. English. A sentence that
goes on to claim something, or reports what studies did not find, says more than that. Not here: what an abstention is
worth (metric.py).
"""

import re
from collections.abc import Sequence
from typing import Final

from citerefine.judges.claim_words import count_words
from citerefine.judges.units import Unit

MAX_OTHER_SHARE: Final = 0.35
"""Most words of an abstention that say something else: a heading, a greeting."""
MAX_WORDS: Final = 30
"""Longest sentence that only says that there is no answer."""

_SOURCES: Final = (
    r"(?:sources?|snippets?|evidence|passages?|documents?|context|texts?|excerpts?|materials?|search(?: results?)?|"
    r"(?:provided|given|available|retrieved) (?:\w+ )?"
    r"(?:information|results?|papers?|articles?|abstracts?|studies|data))"
)
_TELL: Final = (
    r"(?:say|state|mention|contain|provide|specify|address|answer|include|discuss|report|give|describe|cover|"
    r"explain|tell|offer|clarify|hold)"
)
_NOT: Final = r"(?:do(?:es)? not|don['’]t|doesn['’]t|did not|didn['’]t|cannot|can['’]t|fails? to)"
_THINGS: Final = r"(?:information|answer|mention|details?|data|snippets?|sources?|passages?|evidence)"
_SAID: Final = re.compile(
    r"(?:\W*(?:however|unfortunately|sorry|note that|overall|thus|therefore|in short|in summary)\b\W*)?"
    r"(?:\w+\W+){0,4}?(?:"
    rf"{_SOURCES}\b[^.;]{{0,40}}?\b{_NOT} (?:\w+ ){{0,2}}?{_TELL}\b"
    r"|no (?:information|answer|mention|details?|snippets?|sources?|passages?) "
    r"(?:on|about|for|regarding|as to|to) .{1,80}? "
    r"(?:is|are|was|were) (?:\w+ )?(?:given|available|provided|found|there)\b"
    rf"|no {_THINGS} .{{0,60}}?\bin (?:the|these|any) (?:\w+ )?{_SOURCES}\b"
    rf"|no (?:\w+ )?{_THINGS} (?:is|are|was|were) (?:\w+ )?(?:given|available|provided|found|there)\W*\Z"
    rf"|(?:not enough|insufficient|not sufficient|too little) (?:\w+ ){{0,2}}{_THINGS}\b"
    rf"|{_SOURCES}\b[^.;]{{0,40}}?\b(?:is|are|was|were) (?:silent|insufficient|not sufficient|not enough)\b"
    rf"|{_SOURCES}\b[^.;]{{0,40}}?\blacks? (?:\w+ ){{0,2}}{_THINGS}\b"
    rf"|none of (?:the|these) (?:\w+ )?{_SOURCES} (?:\w+ ){{0,2}}?{_TELL}s?\b"
    rf"|nothing in (?:the|these) (?:\w+ )?{_SOURCES} (?:\w+ ){{0,2}}?{_TELL}s\b"
    r"|there (?:is|are|was|were) no (?:mention|information|answer|details?)\b"
    r"|(?:can(?:not|['’]t| not)|could(?: not|n['’]t)|unable to|not able to|not possible to|impossible to) "
    r"(?:be )?"
    r"(?:answer(?:ed)?|determined?|find (?:an|any|the) answer|found|said|say|establish(?:ed)?|tell|told|conclude)\b"
    r"|I (?:do not|don['’]t) know\b"
    r")",
    re.IGNORECASE,
)
_GOES_ON: Final = re.compile(
    r"\b(?:but|although|though|nevertheless|nonetheless|yet|while|whereas|because)\b|;|, and\b", re.IGNORECASE
)
"""Where a sentence goes on to claim something after all."""


def says_nothing_is_told(sentence: str) -> bool:
    """Whether a sentence says that the sources do not tell, and nothing else."""
    if not _SAID.match(sentence) or _GOES_ON.search(sentence):
        return False
    return len(sentence.split()) <= MAX_WORDS


def abstains(units: Sequence[Unit], code_words: int = 0) -> bool:
    """Whether an answer only says that it cannot be given.

    Args:
        units: of the answer.
        code_words: words of its code blocks.
    """
    if any(unit.ids for unit in units):
        return False
    saying = [says_nothing_is_told(unit.text) for unit in units]
    words = [count_words(unit.text) for unit in units]
    other = code_words + sum(n for n, says in zip(words, saying, strict=True) if not says)
    return any(saying) and other <= MAX_OTHER_SHARE * (sum(words) + code_words)
