"""Whether a criterion asks for several things at once.

In: a criterion, and the part of its text that is read. Out: at most one finding. Coordination of predicates is a
warning; of things, a note, since a list can be one thing. Where a clause between may own the second verb, nothing is
said. English. Not here: other faults of wording (wording.py).
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final, NamedTuple

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.lint.finding import Finding, Severity

_NUMBER: Final = r"(?:\d{1,2}|one|two|three|four|five|six|some|most|any)"
_OF_SEVERAL: Final = re.compile(
    rf"\bat least {_NUMBER} of (?!whom\b|which\b)|\b(?:any|all) {_NUMBER} of\b|"
    rf"\b(?:all|{_NUMBER}(?: or more)?) of the following\b",
    re.IGNORECASE,
)
_MARKS: Final = (
    re.compile(r"(?:\A|[\s:,;])\(?(?:1|a|i)\) ?\S.*[\s:,;]\(?(?:2|b|ii)\) ?\S", re.DOTALL),
    re.compile(r"^\s*(?:[-*•]|1\.) +\S.*\n\s*(?:[-*•]|2\.) +\S", re.MULTILINE),
)
_PARENTHESES: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\"[^\"]*\"|“[^”]*”")
_CLAUSE: Final = re.compile(
    r"\b(?:that|which|who|whom|whose|how|why|when|where|whether|if|because|while|as|so|to|what|by|of)\b", re.IGNORECASE
)
_ADVERB: Final = r"(?:(?:also|then|further|briefly|explicitly|clearly|correctly|\w+ly) )?"
_NEXT: Final = (
    r"(?= (?:the|an?|its|their|his|her|how|why|that|what|whether|which|who|where|when|each|every|all|any|some|no|one|"
    r"two|three|at|both|this|these|those|it|them|relevant|specific|possible|different|other)\b)"
)
_WORD: Final = re.compile(r"\w+")
_THREE: Final = re.compile(r"\s+([^,.;:\n]{1,60})((?:, [^,.;:\n]{1,60}){1,8}), and (\w[^,.;:\n]{0,30})")
_DETERMINED: Final = r"(?:the|its|their|an?|both the)"
_TWO: Final = re.compile(
    rf"\s+({_DETERMINED}(?: [\w'’-]+){{1,4}}?) and ({_DETERMINED} [\w'’-]+)(?=[ .]|\Z)", re.IGNORECASE
)
"""`the lake and the years`: two things, each of which can be left out."""
_TOLD: Final = re.compile(r"\b(?:names?|states?|mentions?|gives?|lists?|identif(?:y|ies))\Z", re.IGNORECASE)
"""Verbs of which each object is a thing to be told."""
_ELSEWHERE: Final = re.compile(
    r"\d|\b(?:that|which|who|how|why|when|where|whether|if|because|while|as|so|to|by|for|with|in|on|from|like|such|"
    r"between|among|using|through|across|including|based|not|e\.g)\b",
    re.IGNORECASE,
)
"""What shows that a list belongs to something else than the verb, or is one thing."""
_WHOSE: Final = re.compile(r"\b(?:of|and|or)\b", re.IGNORECASE)
"""In `the name of the lake and the river`, two things have one name."""
LEAST_BEFORE: Final = 3
"""Words before a semicolon that joins two things."""
LEAST_BEHIND: Final = 4
"""Words behind it; with fewer it is a reference, such as “see table 1”."""
_SENTENCE: Final = re.compile(r"(?<=[a-z)][.!?]) +(?=[A-Z])|\n+")


class _Verbs(NamedTuple):
    said: re.Pattern[str]
    """`explains`, at the start of a text or sentence, with a subject or without."""
    again: re.Pattern[str]
    """`and gives the`."""
    asked: re.Pattern[str]
    """`should explain`, or `Explain` at the start."""
    asked_again: re.Pattern[str]
    """`and give the`."""


def check_compound(criterion: Criterion, head: str) -> Iterator[Finding]:
    """That it asks for several things, if it does."""
    if (several := _several(head)) is not None:
        what, severity = several
        yield Finding("compound", criterion.id, f"{what}; ask for one thing in each criterion", severity)


def _several(text: str) -> tuple[str, Severity] | None:
    if match := _OF_SEVERAL.search(text):
        return f"it counts how many are met ({match[0].strip()!r})", "warning"
    if any(pattern.search(text) for pattern in _MARKS):
        return "it holds a list", "warning"
    bare = _PARENTHESES.sub(" ", text)
    if parts := _semicolon(bare):
        return f"a semicolon joins two things ({parts})", "warning"
    if joined := _predicates(bare):
        return f"it asks for two things ({joined})", "warning"
    if listed := _things(bare):
        return f"it lists several things ({listed})", "note"
    return None


def _semicolon(text: str) -> str:
    for before, after in pairwise(text.split(";")):
        if len(_WORD.findall(before)) >= LEAST_BEFORE and len(_WORD.findall(after)) >= LEAST_BEHIND:
            return repr(f"…{before.strip()[-25:]}; {after.strip()[:25]}…")
    return ""


def _predicates(text: str) -> str:
    """Where a second verb of the same form follows; empty if there is none, or a clause may own it."""
    verbs = _verbs()
    sentences = [sentence for sentence in _SENTENCE.split(text) if sentence]
    opening = [sentence for sentence in sentences if verbs.said.match(sentence)]
    if len(opening) > 1:
        return repr(f"{opening[0][:25]}… {opening[1][:25]}…")
    for sentence in sentences:
        for first, second in ((verbs.said, verbs.again), (verbs.asked, verbs.asked_again)):
            start = first.match(sentence)
            if start is None:
                continue
            for match in second.finditer(sentence, start.end()):
                between = sentence[start.end() : match.start()]
                # After a comma, the verb goes with the first one; without, with the nearest.
                if "not only" not in between and (match[0].startswith(",") or not _CLAUSE.search(between)):
                    return repr(f"{sentence[start.start() : start.end()][-25:]} … {match[0].strip(' ,')}")
    return ""


def _things(text: str) -> str:
    """A list of things right behind the verb, three or more, or two with an article each; empty if there is none."""
    verbs = _verbs()
    for sentence in _SENTENCE.split(text):
        start = verbs.said.match(sentence) or verbs.asked.match(sentence)
        match = start and _THREE.match(sentence, start.end())
        if match and not any(_ELSEWHERE.search(item) for item in match.groups()[:-1]) and not _is_names(match):
            return repr(f"{match[0].strip()[:60]}…")
        two = start and _TOLD.search(start[0]) and _TWO.match(sentence, start.end())
        if two and not _ELSEWHERE.search(two[1]) and not _WHOSE.search(two[1]):
            return repr(two[0].strip()[:60])
    return ""


def _is_names(match: re.Match[str]) -> bool:
    """Whether the list is of names, such as those of authors."""
    return all(item.strip()[:1].isupper() for item in (match[1], *match[2].split(",")[1:], match[3]))


@cache
def _verbs() -> _Verbs:
    bases = files(__package__).joinpath("verbs.txt").read_text("utf-8").split()
    base, third = "|".join(bases), "|".join(map(_third_person, bases))
    subject = r"(?:(?:the|this) (?:answer|response|reply|report|article|text|model) )?"
    start = r"\W*(?:(?:essential|important|optional|pitfall) criteria:\s*)?"
    near = r"(?:near the beginning, |ideally, )?"
    return _Verbs(
        re.compile(rf"{start}{subject}{_ADVERB}(?:{third})\b", re.IGNORECASE),
        re.compile(rf",? (?:and|or|but) {_ADVERB}(?:{third})\b{_NEXT}", re.IGNORECASE),
        re.compile(
            rf"{start}(?:{near}(?:the|this) (?:answer|response|reply|report|article|text|model) (?:should|must) "
            rf"{_ADVERB}(?:{base})\b|(?:should |must ){_ADVERB}(?:{base})\b)",
            re.IGNORECASE,
        ),
        re.compile(rf",? (?:and|or|but) (?:should |must )?{_ADVERB}(?:{base})\b{_NEXT}", re.IGNORECASE),
    )


def _third_person(base: str) -> str:
    if base.endswith(("s", "sh", "ch", "x", "z")):
        return f"{base}es"
    return f"{base[:-1]}ies" if base.endswith("y") and base[-2] not in "aeou" else f"{base}s"
