"""Finds answers that say nothing that could be judged, before any judge is asked.

In: an answer. Out: a code of `GATES`, or nothing. Judging models call such answers right in up to 80 to 90 % of cases
(2507.08794); and where faults count against an answer, one that says nothing has none. What has a sentence that cites
something, or a few words of its own, passes: whether it is a good answer is for the judge, and an answer that is gated
in error loses all. An answer of a size that would hold up all others is not read either. Linear. Not here: what a gated
answer is worth (grading.py, group.py).
"""

import re
from functools import cache
from importlib.resources import files
from typing import Final

from citerefine.judges.abstention import abstains
from citerefine.judges.claim_key import claim_key
from citerefine.judges.claim_words import count_content, count_words
from citerefine.judges.units import Unit, split_units
from citerefine.refiner.tags.scanner import TagParse, parse_tags

GATES: Final = {
    "empty": "there is no word in it",
    "boilerplate": "it only announces an answer, or praises itself",
    "refusal": "it declines, or only says that the sources do not tell",
    "too_short": "it cites nothing and has next to no words",
    "too_long": "it is longer than a judge reads",
}
"""Code → meaning."""
LEAST_CONTENT: Final = 3
"""With fewer content words, an answer that cites nothing says nothing."""
LEAST_CITED: Final = 2
"""With fewer, a claim that cites something does not."""
LEAST_TOLD: Final = 4
"""With fewer content words behind its refusals, an answer tells nothing beside them."""
MOST_CHARACTERS: Final = 200_000
"""Longest answer that is judged, as a reader sees it: 30,000 words."""
MOST_RAW: Final = 10 * MOST_CHARACTERS
"""Longest text that is read at all, with thinking and all else that no reader sees."""
_HEAD: Final = 500
"""Characters that tell of most answers that they say something."""

_SORRY: Final = r"(?:i[’']?m|i am|we are|we[’']re) (?:very |so |really )?(?:sorry|afraid)\b"
_WILL_NOT: Final = (
    r"(?:can[’']?t|cannot|can not|am unable to|are unable to|am not able to|are not able to|won[’']t|will not)"
)
_DO: Final = (
    r"(?:advise|answer|assist|comment|complete|comply|continue|discuss|do (?:that|this|so)|engage|fulfil|give|help|"
    r"offer|provide|respond|say|share|speak|support|tell|write)"
)
_MODEL: Final = r"(?:ai(?: (?:assistant|(?:language )?model))?|artificial intelligence|(?:large )?language model)"
_REFUSES: Final = re.compile(
    rf"\W*(?:{_SORRY}\W*\Z|(?:{_SORRY}[^.!?]{{0,40}}?\b)?(?:i[’']m (?:not able|unable) to (?:\w+ )?{_DO}\b|"
    rf"(?:i|we) (?:{_WILL_NOT} (?:\w+ )?{_DO}|must decline|"
    # Followed by other words, it is a model that is written about.
    rf"decline|refuse)\b|as an? {_MODEL}(?=\s*,|\s+i\b))|"
    r"please (?:ask|consult|contact|refer to|see|seek|try)\b)",
    re.IGNORECASE,
)
_TELLS: Final = re.compile(
    r"\d|[:;]\s*\w|\b(?:but|however|although|because|since|which|found|shows?|showed)\b", re.IGNORECASE
)
"""What a sentence has that declines and then tells something after all."""
_OF_REFUSALS: Final = re.compile(
    r"advice|answers?|assistance|content|doctors?|experts?|financial|healthcare|help|information|lawyers?|legal|medical|"
    r"opinions?|personal|physicians?|professionals?|providers?|qualified|questions?|requests?|sources?|topic|treatment"
)
"""Content words that a refusal has without telling anything."""
_ANNOUNCES: Final = re.compile(
    r"(?:(?:absolutely|certainly|of course|sure) )?(?:here|below|the following) (?:s|is|are) (?:[^\W\d_]+ ){0,4}?"
    r"(?:analysis|answer|breakdown|explanation|overview|reply|report|response|review|solution|summary)"
    r"(?: (?:for|of|on|to) (?:the|this|that|your) (?:problem|prompt|query|question|request|task|topic))?"
)
"""A sentence, as `claim_key` gives it, that says that an answer comes."""


def gate(answer: str | TagParse) -> str:
    """Why no judge need be asked about an answer, a text or what was read in it; empty if one should be.

    >>> gate("Thought process:"), gate("I cannot help with that."), gate("Perch doubled in Lake Orven by 2010.")
    ('boilerplate', 'refusal', '')
    """
    if isinstance(answer, str):
        if len(answer) > MOST_RAW:
            return "too_long"
        answer = parse_tags(answer)
    if len(answer.text) > MOST_CHARACTERS:
        return "too_long"
    if _begins_well(answer):
        return ""
    return _code(split_units(answer), sum(count_words(answer.text[start:end]) for start, end in answer.code))


def _begins_well(parse: TagParse) -> bool:
    """Whether the first sentences of an answer without code pass by themselves, so that the rest need not be read."""
    if len(parse.text) <= _HEAD or parse.code:
        return False
    spans = tuple(span for span in parse.spans if span.end <= _HEAD)
    whole = split_units(TagParse(parse.text[:_HEAD], spans, (), ()))[:-1]  # the last one is cut off
    return not _code(whole, 0)


def _code(units: list[Unit], code_words: int) -> str:
    if not units and not code_words:
        return "empty"
    saying = [unit for unit in units if not _is_boilerplate(unit)]
    if not saying and not code_words:
        return "boilerplate"
    if abstains(units, code_words) or _declines(saying, code_words):
        return "refusal"
    return "" if code_words or _says_something(saying) else "too_short"


def _says_something(saying: list[Unit]) -> bool:
    cited = any(unit.ids and unit.n_content >= LEAST_CITED for unit in saying)
    return cited or sum(unit.n_content for unit in saying) >= LEAST_CONTENT


def _declines(saying: list[Unit], code_words: int) -> bool:
    """Whether all that it says is that it will not say anything, with next to nothing behind that."""
    if code_words or not saying:
        return False
    told = 0
    for unit in saying:
        n = None if unit.ids else _told_in_refusing(unit.text)
        if n is None:
            return False
        told += n
    return told < LEAST_TOLD


def _told_in_refusing(sentence: str) -> int | None:
    """Content words behind the refusal with which a sentence begins; None if it does not, or tells something then."""
    match = _REFUSES.match(sentence)
    if match is None or _TELLS.search(sentence, match.end()):
        return None
    words = claim_key(sentence[match.end() :]).split()
    return count_content(" ".join(word for word in words if not _OF_REFUSALS.fullmatch(word)))


def _is_boilerplate(unit: Unit) -> bool:
    if _says_nothing(unit.key):
        return True
    keys = [claim_key(part) for part in unit.text.split(":")] if ":" in unit.text else [unit.key]
    return all(_says_nothing(key) for key in keys if key)


def _says_nothing(key: str) -> bool:
    return key in _boilerplate() or _ANNOUNCES.fullmatch(key) is not None


@cache
def _boilerplate() -> frozenset[str]:
    lines = files("citerefine.judges.rubric").joinpath("boilerplate.txt").read_text("utf-8").splitlines()
    return frozenset(claim_key(line) for line in lines if not line.startswith("#"))
