"""Finds where a sentence says the contrary of what its words alone would show.

In: text. Out: the text, blank where it tells what it calls false (“the claim that … is wrong”, “it is a myth that …”,
“rejects the idea that …”); and opposites (opposites.txt) of what is asked for. Linear: a that-clause is followed for
MOST characters. English. Not here: negations and common antonyms (judges/lexical/), verdicts.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from importlib.resources import files
from typing import Final

from citerefine.judges.lexical.words import key_of

MOST: Final = 400
"""Characters of a that-clause at most."""

_FALSE: Final = (
    r"(?:false|wrong|untrue|incorrect|inaccurate|mistaken|erroneous|unfounded|baseless|bogus|nonsense|debunked|"
    r"disprove[dn]|refuted|discredited|rejected|contradicted|"
    r"an? (?:\w{1,20} ){0,2}?(?:myth|falsehood|fallacy|misconception|mistake|lie|error|fiction|fabrication)|"
    r"not (?:\w{1,20}ly )?(?:true|the case|correct|so|right|accurate|supported))"
)
_TRUE: Final = r"(?:true|right|correct|confirmed|supported|accurate|sound)"
_BE: Final = (
    r"(?:is|was|are|were|(?:has|have|had) been|proves?|proved|turn(?:s|ed) out|remains?|seems?)(?: to be)?"
    r"(?: (?:\w{1,20}ly|also|just|now|still|quite|in fact)){0,2}"
)
_NOUN: Final = (
    r"(?:claim|assertion|statement|idea|notion|belief|view|opinion|stor(?:y|ie)|rumou?r|report|suggestion|theor(?:y|ie)|"
    r"hypothes[ie]s|assumption|argument|conclusion|finding|allegation|thought|impression|saying|proposition|contention)s?"
)
_TAIL: Final = rf"[^;]{{0,{MOST}}}?(?=,? (?:but|however|whereas|while|yet)\b|;|[.!?]?\s*$)"
_CALLED: Final = re.compile(
    rf"(?:\b{_NOUN} that\b|^\W{{0,9}}that\b)"
    rf"(?:(?!\b(?:is|was|are|were) {_TRUE}\b)[^;]){{0,{MOST}}}?\b{_BE} {_FALSE}(?!\w)",
    re.IGNORECASE,
)
"""What is told first, and then called false."""
_CALLING: Final = re.compile(
    rf"(?:\b{_BE} {_FALSE}(?: to \w{{1,20}})? that\b|"
    r"\b(?:falsely|wrongly|mistakenly|incorrectly|erroneously) (?:\w{1,20} ){1,3}?that\b|"
    rf"\b(?:false|wrong|untrue|incorrect|mistaken|erroneous|discredited|debunked) {_NOUN} that\b|"
    r"\b(?:myth|falsehood|fallacy|misconception|lie) that\b|"
    r"\b(?:den(?:y|ies|ied)|reject(?:s|ed)?|refute[sd]?|disprove[sd]?|debunk(?:s|ed)?|contradict(?:s|ed)?|"
    rf"dismiss(?:es|ed)?|dispute[sd]?|contrary to) (?:(?:the|this|any|every|all) )?(?:\w{{1,20}} )?(?:{_NOUN} )?that\b)"
    + _TAIL,
    re.IGNORECASE,
)
"""What is called false first, and then told."""
_THAT = re.compile(r"\bthat\b", re.IGNORECASE)
_NOT_BLANK = re.compile(r"\S")


def without_denied(sentence: str) -> str:
    """The sentence, blank where it tells what it calls false; as long as it was.

    >>> without_denied("The claim that perch doubled is false, but ice came late.").split()
    ['The', ',', 'but', 'ice', 'came', 'late.']
    """
    if not _THAT.search(sentence):
        return sentence
    for pattern in (_CALLED, _CALLING):
        sentence = pattern.sub(lambda found: _NOT_BLANK.sub(" ", found[0]), sentence)
    return sentence


def calls_false(text: str) -> bool:
    """Whether a text tells something that it calls false."""
    return bool(_THAT.search(text) and (_CALLED.search(text) or _CALLING.search(text)))


def is_opposed(asked: Collection[str], said: Collection[str]) -> bool:
    """Whether the opposite of a word that is asked for is said, and the word itself is not; both are keys."""
    return any(
        opposite in said and opposite not in asked
        for key in asked
        if key not in said
        for opposite in _opposites().get(key, ())
    )


@lru_cache(maxsize=1)
def _opposites() -> dict[str, frozenset[str]]:
    """Key → keys of its opposites."""
    found: dict[str, frozenset[str]] = {}
    for line in files("citerefine.judges.rubric.lexical").joinpath("opposites.txt").read_text("utf-8").splitlines():
        up, down = (frozenset(map(key_of, side.split())) for side in line.split("|"))
        for ones, others in ((up, down), (down, up)):
            for key in ones:
                found[key] = found.get(key, frozenset()) | others
    return found
