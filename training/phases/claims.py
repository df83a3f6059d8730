"""What an improvement did to the claims of a draft: `compare_claims`.

In: two answers to one question, each with its breakdown. Out: `ClaimChanges`, counts. A claim of the improvement is the
same as one of the draft if their words, in any order, are alike enough; the likest pairs are taken first, and each
claim once. Whether a claim is supported was judged when the answers were rewarded; nobody is asked here. Not here:
figures over many answers (transitions.py).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from rapidfuzz import fuzz, process

from citerefine.judges.claim_key import claim_key
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.training.rewards.breakdown import Breakdown, ClaimValue

LEAST_LIKENESS: Final = 65.0
"""Of the words of two claims, sorted, in per cent (rapidfuzz's `token_sort_ratio`), from which on they are the same."""
_WHOLE: Final = 1 - 1e-9
"""Support from which on a claim is supported: of several sentences each, but for rounding."""


class ClaimChanges(NamedTuple):
    """Counts of one improvement. The first four are of claims that both answers make and that were judged in both."""

    kept: int = 0
    """Supported before and after."""
    fixed: int = 0
    """Not wholly supported before, supported after."""
    damaged: int = 0
    """Supported before, not wholly supported after."""
    unfixed: int = 0
    """Not wholly supported before or after."""
    added: int = 0
    """Claims that the draft does not make."""
    dropped: int = 0
    """Claims of the draft that the improvement does not make."""
    gained: int = 0
    """Citations that claims of both have after, and did not have before."""
    lost: int = 0
    """Citations that claims of both had before, and do not have after."""


class _Claim(NamedTuple):
    words: str
    ids: frozenset[str]
    support: float | None


def compare_claims(draft: str, before: Breakdown, improved: str, after: Breakdown) -> ClaimChanges:
    """What changed from `draft` to `improved`, texts as they were written, each with its breakdown."""
    old, new = _claims(draft, before.claims), _claims(improved, after.claims)
    pairs = _matched([claim.words for claim in old], [claim.words for claim in new])
    states = [_state(old[i].support, new[j].support) for i, j in pairs]
    return ClaimChanges(
        kept=states.count("kept"),
        fixed=states.count("fixed"),
        damaged=states.count("damaged"),
        unfixed=states.count("unfixed"),
        added=len(new) - len(pairs),
        dropped=len(old) - len(pairs),
        gained=sum(len(new[j].ids - old[i].ids) for i, j in pairs),
        lost=sum(len(old[i].ids - new[j].ids) for i, j in pairs),
    )


def _claims(text: str, values: Sequence[ClaimValue]) -> list[_Claim]:
    found = list[_Claim]()
    for value in values:
        parse = parse_tags(text[value.start : value.end])
        ids = frozenset(id for span in parse.spans for id in span.ids)
        found.append(_Claim(claim_key(parse.text), ids, value.support))
    return found


def _matched(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Places of claims that are the same."""
    if not old or not new:
        return []
    alike = process.cdist(old, new, scorer=fuzz.token_sort_ratio, score_cutoff=LEAST_LIKENESS).tolist()
    close = [(-likeness, i, j) for i, row in enumerate(alike) for j, likeness in enumerate(row) if likeness]
    pairs, used_old, used_new = list[tuple[int, int]](), set[int](), set[int]()
    for _, i, j in sorted(close):
        if i not in used_old and j not in used_new:
            pairs.append((i, j))
            used_old.add(i)
            used_new.add(j)
    return pairs


def _state(before: float | None, after: float | None) -> str | None:
    """The field of `ClaimChanges` that counts the pair; None if one of them was not judged."""
    if before is None or after is None:
        return None
    names = (("unfixed", "fixed"), ("damaged", "kept"))
    return names[before >= _WHOLE][after >= _WHOLE]
