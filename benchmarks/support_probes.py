"""Edits of labelled claims that a support judge should notice, or should not fall for.

In: supported and unsupported claims. Out: for each probe the edited queries, and whether a careful reader would say
`supported`. Edits follow templates, with a fixed seed; some read oddly. Not here: judging, tables
(support_agreement.py).
"""

import random
import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from benchmarks.support_sets import SEED, LabelledClaim

from citerefine.judges.copying import copied_share
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner.language.sentences import sentences
from citerefine.refiner.language.words import content_words

KEYWORDS: Final = 20
APART: Final = 100

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?![\w%]|[.,]\d)")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,})*")
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|has|have|had|can|could|will|would|does|did|should|may)\b")
_DENIAL = re.compile(r"\b(?:not|never) ")
_GLUE: Final = ("and", "of the", "in the", "with", "by the", "to")
_OPPOSITES: Final = {
    "first": "last", "last": "first", "more": "fewer", "before": "after", "after": "before", "above": "below",
    "high": "low", "higher": "lower", "large": "small", "largest": "smallest", "increased": "decreased",
    "decreased": "increased", "won": "lost", "lost": "won", "best": "worst", "early": "late", "earlier": "later",
    "north": "south", "south": "north", "east": "west", "west": "east", "old": "new", "new": "old", "born": "died",
    "male": "female", "father": "mother", "positive": "negative", "public": "private", "began": "ended",
    "started": "stopped", "long": "short", "most": "least", "inside": "outside", "major": "minor", "strong": "weak",
    "success": "failure", "rise": "fall", "brother": "sister", "son": "daughter", "husband": "wife",
}  # fmt: skip
_OPPOSED = re.compile(rf"\b(?:{'|'.join(_OPPOSITES)})\b")


class Probe(NamedTuple):
    """Edited claims of one kind."""

    name: str
    supported: bool
    """Whether the edited claims are supported."""
    queries: tuple[tuple[SupportQuery, str], ...]
    """With the name of the set that each is from."""


Sources = Sequence[tuple[LabelledClaim, str]]
Edit = Callable[[str, str, random.Random], str | None]
"""Claim, evidence, random numbers → the edited claim; None where the edit has nothing to take hold of."""


def make_probes(supported: Sources, unsupported: Sources) -> list[Probe]:
    """All probes.

    Args:
        supported: claims that people call supported in full, with the names of their sets.
        unsupported: claims that they call not supported.
    """
    probes = [_edited("supported, unchanged", True, supported, lambda claim, evidence, chance: claim)]
    probes += [_edited(name, False, supported, edit) for name, edit in _SPOILING.items()]
    probes.append(Probe("wrong snippet", False, tuple(_wrong_snippets(supported))))
    probes.append(_edited("unsupported, natural", False, unsupported, lambda claim, evidence, chance: claim))
    probes += [_edited(name, False, unsupported, edit) for name, edit in _DRESSING.items()]
    probes.append(_edited("a sentence of the snippet, word for word", True, unsupported, _a_sentence))
    return probes


def _edited(name: str, is_supported: bool, sources: Sources, edit: Edit) -> Probe:
    chance = random.Random(f"{SEED} {name}")
    found = list[tuple[SupportQuery, str]]()
    for claim, of in sources:
        edited = edit(claim.query.claim, _evidence(claim.query), chance)
        if edited is not None:
            found.append((claim.query._replace(claim=edited), of))
    return Probe(name, is_supported, tuple(found))


def _evidence(query: SupportQuery) -> str:
    return " ".join(snippet.text for snippet in query.snippets)


def _wrong_snippets(sources: Sources) -> list[tuple[SupportQuery, str]]:
    """Each claim with the snippet of another claim of the same set, from another document or question.

    The sets repeat their texts: the snippet has no run of words in common with the claim's own. Where a set does not
    say which claims are of one text, the other claim is at least `APART` rows away.
    """
    chance = random.Random(f"{SEED} wrong snippet")
    found = list[tuple[SupportQuery, str]]()
    for claim, of in sources:
        others = [other for other, also_of in sources if also_of == of and _is_apart(claim, other)]
        chance.shuffle(others)
        own = _evidence(claim.query)
        for other in others:
            if not copied_share([own], [_evidence(other.query)]):
                found.append((claim.query._replace(snippets=other.query.snippets), of))
                break
    return found


def _is_apart(claim: LabelledClaim, other: LabelledClaim) -> bool:
    if claim.row is not None and other.row is not None:
        return abs(claim.row - other.row) >= APART
    return other.cluster != claim.cluster


# --- edits that make a supported claim false --------------------------------------------------------------------------


def _negate(claim: str, evidence: str, chance: random.Random) -> str | None:
    if _DENIAL.search(claim):
        return _DENIAL.sub("", claim, count=1)
    return _AUXILIARY.sub(r"\g<0> not", claim, count=1) if _AUXILIARY.search(claim) else None


def _new_number(claim: str, evidence: str, chance: random.Random) -> str | None:
    found = _NUMBER.search(claim)
    if not found:
        return None
    known = {*_NUMBER.findall(claim), *_NUMBER.findall(evidence)}
    digits = found[0]
    while digits in known:
        digits = re.sub(r"\d", lambda digit: str(chance.randint(1, 9)), digits)
        digits = digits if digits not in known else digits + str(chance.randint(1, 9))
    return claim[: found.start()] + digits + claim[found.end() :]


def _other_of_evidence(pattern: re.Pattern[str]) -> Edit:
    def edit(claim: str, evidence: str, chance: random.Random) -> str | None:
        found = pattern.search(claim)
        others = sorted({*pattern.findall(evidence)} - {*pattern.findall(claim)})
        if not found or not others:
            return None
        other: str = chance.choice(others)
        return claim[: found.start()] + other + claim[found.end() :]

    return edit


def _new_name(claim: str, evidence: str, chance: random.Random) -> str | None:
    names = [name for name in ("Quarndon", "Velthuis", "Ostrava", "Mbeki", "Harlow") if name not in evidence]
    return _NAME.sub(chance.choice(names), claim, count=1) if names and _NAME.search(claim) else None


def _exchange_names(claim: str, evidence: str, chance: random.Random) -> str | None:
    names = list(dict.fromkeys(_NAME.findall(claim)))
    if len(names) < 2:
        return None
    one, other = names[:2]
    both = re.compile(rf"\b(?:{re.escape(one)}|{re.escape(other)})\b")
    return both.sub(lambda name: other if name[0] == one else one, claim)


def _oppose(claim: str, evidence: str, chance: random.Random) -> str | None:
    if not _OPPOSED.search(claim):
        return None
    return _OPPOSED.sub(lambda word: _OPPOSITES[word[0]], claim, count=1)


def _shuffle(claim: str, evidence: str, chance: random.Random) -> str:
    words = claim.split()
    chance.shuffle(words)
    return " ".join(words)


_SPOILING: Final[dict[str, Edit]] = {
    "negated": _negate,
    "number → new number": _new_number,
    "number → other number of the evidence": _other_of_evidence(_NUMBER),
    "name → new name": _new_name,
    "name → other name of the evidence": _other_of_evidence(_NAME),
    "two names exchanged": _exchange_names,
    "a word → its opposite": _oppose,
    "words shuffled": _shuffle,
}


# --- edits that dress up an unsupported claim -------------------------------------------------------------------------


def _keywords(evidence: str, chance: random.Random) -> list[str]:
    words = list(dict.fromkeys(content_words(evidence)))
    chance.shuffle(words)
    return words[:KEYWORDS]


def _stuff(claim: str, evidence: str, chance: random.Random) -> str:
    return f"{claim.rstrip(' .')} {' '.join(_keywords(evidence, chance))}."


def _stuff_glued(claim: str, evidence: str, chance: random.Random) -> str:
    return f"{claim.rstrip(' .')} {' '.join(f'{chance.choice(_GLUE)} {word}' for word in _keywords(evidence, chance))}."


def _append_quote(claim: str, evidence: str, chance: random.Random) -> str | None:
    quote = _a_sentence(claim, evidence, chance)
    return None if quote is None else f"{claim.rstrip(' .')}. {quote[:1].upper()}{quote[1:]}"


def _merge_quote(claim: str, evidence: str, chance: random.Random) -> str | None:
    quote = _a_sentence(claim, evidence, chance)
    return None if quote is None else f"{claim.rstrip(' .')}, and {quote[:1].lower()}{quote[1:]}"


def _a_sentence(claim: str, evidence: str, chance: random.Random) -> str | None:
    long_enough = [sentence for sentence in sentences(evidence) if 6 <= len(sentence.split()) <= 40]
    return chance.choice(long_enough) if long_enough else None


_DRESSING: Final[dict[str, Edit]] = {
    f"unsupported + {KEYWORDS} keywords of the evidence": _stuff,
    f"unsupported + {KEYWORDS} keywords with small words between": _stuff_glued,
    "unsupported + a quote of the snippet as a sentence": _append_quote,
    "unsupported + a quote within the same sentence": _merge_quote,
}
