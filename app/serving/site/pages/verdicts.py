"""How far the claims of an answer follow from what they cite, by words in common.

In: an `Answer`. Out: a sign for each claim, with what words it misses; what has no citation and needs one. A claim of
several sentences is as good as the weakest of them. Not here: the judge (judges/lexical/), drawing.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.need import exemption
from citerefine.judges.report.marks import GLYPHS, WORDS, Mark, mark_of_label
from citerefine.judges.units import Unit, split_units
from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.answer import Answer
from citerefine.refiner.records import Claim
from citerefine.refiner.report.html_report import Sign
from citerefine.refiner.tags.scanner import parse_tags

MOST_MISSING: Final = 12
"""Words that a claim misses, as shown."""
_MEANING: Final = {
    Mark.SUPPORTED: ("same", "Its words stand together in the passages that it cites."),
    Mark.PARTLY: ("near", "The passages that it cites have only part of it, lack its number or name, or deny it."),
    Mark.UNSUPPORTED: ("none", "The passages that it cites have few of its words, or not in this order."),
    Mark.UNKNOWN: ("none", "It cites only ids that no passage has."),
}
_FLAGS: Final = {
    "number": "It has a number that they have not.",
    "name": "It has a name that they have not.",
    "negation": "It denies what they assert, or the other way round.",
    "antonym": "They have the opposite of one of its words.",
    "order": "Its words do not stand together as they do there.",
}


class ClaimVerdict(NamedTuple):
    """What is said of one claim."""

    sign: Sign
    missing: tuple[str, ...] = ()
    """Words that the passages do not have."""
    remarks: tuple[str, ...] = ()


def _sign(mark: Mark) -> Sign:
    style, meaning = _MEANING[mark]
    return Sign(GLYPHS[mark], WORDS[mark], style, meaning)


SIGNS: Final = {mark: _sign(mark) for mark in _MEANING}
"""The best first."""
_WORST_FIRST: Final = (Mark.UNSUPPORTED, Mark.PARTLY, Mark.SUPPORTED)


class Verdicts(NamedTuple):
    """What is said of an answer."""

    claims: dict[int, ClaimVerdict]
    """By the number of the claim, which counts from 1."""
    uncited: tuple[str, ...]
    """The sentences that need a citation and have none, in order."""


def read_verdicts(answer: Answer) -> Verdicts:
    """The verdict on each claim, and what lacks a citation."""
    units = split_units(parse_tags(answer.raw))
    cited = [unit for unit in units if unit.ids]
    claims = {number: _verdict(claim, cited, answer) for number, claim in enumerate(answer.claims, 1)}
    return Verdicts(claims, tuple(unit.text for unit in units if not unit.ids and exemption(unit) is None))


def _verdict(claim: Claim, units: Sequence[Unit], answer: Answer) -> ClaimVerdict:
    if not claim.citations:
        return ClaimVerdict(SIGNS[Mark.UNKNOWN])
    snippets = tuple(answer.evidence[id] for id in claim.citations)
    said = [unit for unit in units if unit.start < claim.end and claim.start < unit.end]
    verdicts = [_judge().verdict(SupportQuery(one.text, snippets, answer.question, one.context)) for one in said]
    marks = {mark_of_label(verdict.label) for verdict in verdicts}
    worst = next((mark for mark in _WORST_FIRST if mark in marks), Mark.UNSUPPORTED)  # a claim without a word
    return ClaimVerdict(SIGNS[worst], _missing(verdicts), _remarks(verdicts))


def _missing(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for verdict in verdicts for word in verdict.missing))[:MOST_MISSING]


def _remarks(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    flags = dict.fromkeys(flag for verdict in verdicts for flag in verdict.flags)
    return tuple(_FLAGS[flag] for flag in flags if flag in _FLAGS)


@cache
def _judge() -> LexicalJudge:
    return LexicalJudge()
