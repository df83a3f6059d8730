"""Criteria of one rubric that ask the same, or the opposite of each other.

In: a rubric. Out: at most one finding of each kind a criterion. Only criteria that share rare words are compared, each
with a bounded number of others, so that the cost grows with the length of the rubric. Not here: what alike means
(citerefine.rubrics.likeness).
"""

import re
import unicodedata
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from typing import Final

from rapidfuzz import fuzz

from citerefine.rubrics.criterion import Criterion, walk
from citerefine.rubrics.likeness import is_alike, is_mirrored
from citerefine.rubrics.lint.finding import Finding
from citerefine.rubrics.rubric import Rubric

RARE: Final = 3
"""Words of a criterion, rarest first, by which others are found."""
LAST: Final = 12
"""Most others that one word leads to."""
READ: Final = 2_000
"""Most code points that are compared."""
SAME_WORD: Final = 80.0
"""Least similarity of two forms of one word."""

_WORD: Final = re.compile(r"\w+")
_SMALL: Final = frozenset(
    [
        *("a", "an", "the", "of", "in", "on", "at", "to", "for", "from", "by", "with", "and", "or", "as", "is", "are"),
        *("be", "it", "its", "that", "this", "which", "their", "there", "does", "do", "should", "must", "will", "can"),
        *("may", "not", "no", "never", "without", "any", "each"),
    ]
)
_FRAME: Final = frozenset(
    [
        *("answer", "response", "report", "article", "text", "mentions", "mention", "states", "state", "includes"),
        *("include", "provides", "provide", "gives", "give", "contains", "contain", "fails", "fail", "omits", "omit"),
        *("lacks", "lack", "avoids", "avoid"),
    ]
)
"""Words that say that something is told, or not, and not what."""


def check_pairs(rubric: Rubric) -> Iterator[Finding]:
    """Duplicates by key, near-duplicates, and mirrored pairs."""
    first = dict[str, Criterion]()
    different = list[Criterion]()
    group = {child.id: node.id for node in walk(rubric.criteria) for child in node.children}
    for leaf in rubric.judged:
        if other := first.get(leaf.key):
            apart = group.get(leaf.id) != group.get(other.id)  # in a tree, the group can say what else is meant
            message = f"it asks what {other.id!r} asks, word for word; {_ADVICE[apart]}"
            yield Finding("duplicate", leaf.id, message, "note" if apart else "error")
        else:
            first[leaf.key] = leaf
            different.append(leaf)
    yield from _near(different)


_ADVICE: Final = {False: "leave one out", True: "say in its own words what its group makes of it"}


def _near(criteria: list[Criterion]) -> Iterator[Finding]:
    words = [_content(criterion.text) for criterion in criteria]
    frequency = Counter(word for each in words for word in each)
    found: defaultdict[str, deque[int]] = defaultdict(lambda: deque(maxlen=LAST))
    for place, criterion in enumerate(criteria):
        rare = sorted(words[place], key=lambda word: (frequency[word], word))[:RARE]
        seen = dict.fromkeys(other for word in rare for other in found[word])
        others = [other for other in seen if _same_content(words[place], words[other])]
        yield from _compared(criterion, [criteria[other] for other in others])
        for word in rare:
            found[word].append(place)


def _compared(criterion: Criterion, others: list[Criterion]) -> Iterator[Finding]:
    if alike := next((other for other in others if is_alike(other, criterion)), None):
        message = f"it asks nearly what {alike.id!r} asks ({alike.text[:60]!r}); leave one out, or say what differs"
        yield Finding("duplicate", criterion.id, message, "warning")
    if mirror := next((other for other in others if is_mirrored(other, criterion)), None):
        message = f"it asks the opposite of {mirror.id!r} ({mirror.text[:60]!r}); leave one out"
        yield Finding("mirrored", criterion.id, message, "warning")


def _content(text: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKC", text[:READ]).casefold()
    return frozenset(_WORD.findall(plain)) - _SMALL - _FRAME


def _same_content(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether each word that only one of them has is a form of one that only the other has, numbers aside."""
    rest, against = sorted(one - other), sorted(other - one)
    if len(rest) > 3 or len(rest) != len(against) or not one & other:
        return False
    return all(not word.isnumeric() and any(_is_form(word, form) for form in against) for word in rest)


def _is_form(word: str, other: str) -> bool:
    return word[:3] == other[:3] and fuzz.ratio(word, other) >= SAME_WORD
