"""Finds answers that say nothing that could be judged, before any judge is asked.

In: an answer. Out: a code of `GATES`, or nothing. Judging models call such answers right in up to 80 to 90 % of cases
(2507.08794); and where faults count against an answer, one that says nothing has none. What has a sentence that cites
something, or a few words of its own, passes: whether it is a good answer is for the judge. Linear. Not here: what a
gated answer is worth (grading.py).
"""

import re
from functools import cache
from importlib.resources import files
from typing import Final

from citerefine.judges.abstention import abstains
from citerefine.judges.claim_key import claim_key
from citerefine.judges.claim_words import count_words
from citerefine.judges.units import Unit, split_units
from citerefine.refiner.tags.scanner import parse_tags

GATES: Final = {
    "empty": "there is no word in it",
    "boilerplate": "it only announces an answer, or praises itself",
    "refusal": "it declines, or only says that the sources do not tell",
    "too_short": "it cites nothing and has next to no words",
}
"""Code → meaning."""
LEAST_CONTENT: Final = 3
"""With fewer content words, an answer that cites nothing says nothing."""
LEAST_CITED: Final = 2
"""With fewer, a claim that cites something does not."""

_SORRY: Final = r"(?:i[’']?m|i am|we are|we[’']re) (?:very |so |really )?(?:sorry|afraid)\b"
_WILL_NOT: Final = (
    r"(?:can[’']?t|cannot|can not|am unable to|are unable to|am not able to|are not able to|won[’']t|will not)"
)
_DO: Final = (
    r"(?:advise|answer|assist|comment|complete|comply|continue|discuss|do (?:that|this|so)|engage|fulfil|give|help|"
    r"offer|provide|respond|say|share|speak|support|tell|write)"
)
_REFUSES: Final = re.compile(
    rf"\W*(?:{_SORRY}\W*\Z|(?:{_SORRY}[^.!?]{{0,40}}?\b)?(?:(?:i|we) (?:{_WILL_NOT} (?:\w+ )?{_DO}|must decline|"
    r"decline|refuse)\b|as an? (?:ai|artificial intelligence|(?:large )?language model)\b)|"
    r"please (?:ask|consult|contact|refer to|see|seek|try)\b)",
    re.IGNORECASE,
)
_TELLS: Final = re.compile(r"\d|\b(?:but|however|although|because|found|shows?|showed)\b", re.IGNORECASE)
"""What a sentence has that declines and then tells something after all."""


def gate(answer: str) -> str:
    """Why no judge need be asked about an answer; empty if one should be.

    >>> gate("Thought process:"), gate("I cannot help with that."), gate("Perch doubled in Lake Orven by 2010.")
    ('boilerplate', 'refusal', '')
    """
    parse = parse_tags(answer)
    units = split_units(parse)
    code_words = sum(count_words(parse.text[start:end]) for start, end in parse.code)
    if not units and not code_words:
        return "empty"
    saying = [unit for unit in units if not _is_boilerplate(unit.text)]
    if not saying and not code_words:
        return "boilerplate"
    if abstains(units, code_words) or _declines(saying, code_words):
        return "refusal"
    return "" if code_words or _says_something(saying) else "too_short"


def _says_something(saying: list[Unit]) -> bool:
    cited = any(unit.ids and unit.n_content >= LEAST_CITED for unit in saying)
    return cited or sum(unit.n_content for unit in saying) >= LEAST_CONTENT


def _declines(saying: list[Unit], code_words: int) -> bool:
    """Whether all that it says is that it will not say anything."""
    return not code_words and bool(saying) and all(not unit.ids and _is_refusal(unit.text) for unit in saying)


def _is_refusal(sentence: str) -> bool:
    match = _REFUSES.match(sentence)
    return match is not None and not _TELLS.search(sentence, match.end())


def _is_boilerplate(sentence: str) -> bool:
    known = _boilerplate()
    keys = [claim_key(part) for part in sentence.split(":")]
    return claim_key(sentence) in known or all(key in known for key in keys if key)


@cache
def _boilerplate() -> frozenset[str]:
    lines = files("citerefine.judges.rubric").joinpath("boilerplate.txt").read_text("utf-8").splitlines()
    return frozenset(claim_key(line) for line in lines if not line.startswith("#"))
