"""Tells which snippets are passages of one work, whichever sources found them.

In: snippets. Out: a number for each of them, the same for those of one work. A DOI, PMID, PMCID or arXiv id that two
share is enough, as is the address. Else the title must be the same, or spelt almost the same, and must be long enough
to name one work; year and first author must not contradict each other, and one of them must agree. Two published
works with different DOIs are never one by address or title. In doubt they are two: nothing is lost by it. The order
of the snippets changes nothing. Linear: titles are compared only within small blocks. Not here: which passages are
duplicates (merging.py).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from rapidfuzz.distance import Levenshtein

from citerefine.refiner.records import Snippet, normalised
from citerefine.tools.fusing.identifiers import Identity, identity_of

_FEW_WORDS: Final = 4
_FEW_LETTERS: Final = 20
"""A title with fewer words or letters names a work only together with its author."""
_GENERIC: Final = frozenset(
    {
        "abstract", "abstracts", "acknowledgements", "addendum", "appendix", "authorsreply", "bookreview",
        "bookreviews", "comment", "commentary", "conclusion", "conclusions", "correction", "corrigendum", "discussion",
        "editorial", "erratum", "foreword", "home", "index", "inreply", "inthisissue", "introduction", "letter",
        "letterstotheeditor", "lettertotheeditor", "methods", "news", "obituary", "overview", "preface", "references",
        "reply", "replytotheauthors", "response", "results", "retraction", "review", "summary", "supplementarymaterial",
        "tableofcontents", "theauthorsreply", "untitled",
    }
)  # fmt: skip
"""Titles that no work has alone, without blanks."""
_MOST: Final = 50
"""A title or name that more works have than this tells none of them from another."""
_LONG_WORD: Final = 6
"""A word of so many letters may differ in one of them (`behavior`, `behaviour`; not `mice`, `rice`)."""


def works_of(snippets: Sequence[Snippet]) -> list[int]:
    """For each snippet the number of its work, counted from 0 in the order in which works first come."""
    identities = [identity_of(snippet) for snippet in snippets]
    groups = _Groups(identities)
    for same in _sharing((identity.keys | {_content(snippet)} for identity, snippet in _both(identities, snippets))):
        groups.join(same)
    for same in _sharing(identity.places for identity in identities):
        groups.join_unless_told_apart(same)
    for alike in _similar(groups, identities):
        groups.join_unless_told_apart(alike)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(groups.root(index), len(numbers)) for index in range(len(snippets))]


class _Groups:
    """Snippets that were found to be of one work (union-find), and the DOIs of each group."""

    def __init__(self, identities: Sequence[Identity]) -> None:
        self._parents = [*range(len(identities))]
        self._dois = [{identity.doi} if identity.doi else set[str]() for identity in identities]

    def root(self, index: int) -> int:
        """The first snippet of the group."""
        while self._parents[index] != index:
            self._parents[index] = index = self._parents[self._parents[index]]
        return index

    def join(self, indices: Iterable[int]) -> None:
        """Makes one group of all of theirs."""
        first, *others = sorted({self.root(index) for index in indices})
        for other in others:
            self._parents[other] = first
            self._dois[first] |= self._dois[other]

    def join_unless_told_apart(self, indices: Iterable[int]) -> None:
        """Makes one group of all of theirs; if DOIs tell some apart, only of those without, which may be of any."""
        roots = {self.root(index) for index in indices}
        named = {root for root in roots if self._dois[root]}
        joined = roots if len(named) < 2 else roots - named
        if len(joined) > 1:
            self.join(joined)

    def are_told_apart(self, first: int, second: int) -> bool:
        """Whether both have DOIs, and none in common."""
        dois, others = self._dois[self.root(first)], self._dois[self.root(second)]
        return bool(dois and others and dois.isdisjoint(others))


def _both(identities: Sequence[Identity], snippets: Sequence[Snippet]) -> Iterator[tuple[Identity, Snippet]]:
    return zip(identities, snippets, strict=True)


def _content(snippet: Snippet) -> str:
    """What two snippets share that nothing tells apart."""
    origin = snippet.doi or snippet.url or snippet.source or snippet.title or ""
    return f"text:{origin}\n{normalised(snippet.text)}"


def _sharing(keys_of_each: Iterable[Iterable[str]]) -> list[list[int]]:
    """The indices that share a key, for each key that several have, in the order of the keys."""
    found = defaultdict[str, list[int]](list)
    for index, keys in enumerate(keys_of_each):
        for key in keys:
            found[key].append(index)
    return [found[key] for key in sorted(found) if len(found[key]) > 1]


def _similar(groups: _Groups, identities: Sequence[Identity]) -> Iterator[set[int]]:
    """Indices of works that have a title in common, a few at a time; each work stands for all its snippets."""
    # What a work says several times is compared once.
    said = {(groups.root(index), identity): index for index, identity in enumerate(identities) if identity.title}
    blocks = defaultdict[str, list[int]](list)
    for (_, identity), index in said.items():
        blocks["title:" + "".join(identity.title)].append(index)
        if identity.family:
            blocks["name:" + identity.family].append(index)
    for block in sorted(blocks):
        yield from _alike_in(blocks[block], groups, identities)


def _alike_in(block: list[int], groups: _Groups, identities: Sequence[Identity]) -> Iterator[set[int]]:
    if not 1 < len(block) <= _MOST:
        return
    alike = {index: {index} for index in block}
    for first, second in combinations(block, 2):
        if not groups.are_told_apart(first, second) and _is_one(identities[first], identities[second]):
            both = alike[first] | alike[second]
            alike.update(dict.fromkeys(both, both))
    seen = set[int]()
    for index, together in alike.items():
        if index not in seen and len(together) > 1:
            yield together
        seen |= together


def _is_one(one: Identity, other: Identity) -> bool:
    """Whether title, year and first author speak for one work."""
    years = _agree_in_year(one, other)
    families = None if None in (one.family, other.family) else one.family == other.family
    if years is False or families is False or not _is_one_title(one.title, other.title):
        return False
    if _tells(one.title) and _tells(other.title):
        return bool(years or families)
    return bool(years and families and "".join(one.title) not in _GENERIC)


def _agree_in_year(one: Identity, other: Identity) -> bool | None:
    """None if one of them has no year. What is printed next year may be a preprint now."""
    if one.year is None or other.year is None:
        return None
    return abs(one.year - other.year) <= (one.is_preprint != other.is_preprint)


def _tells(title: Sequence[str]) -> bool:
    """Whether a title is long enough to name one work."""
    letters = "".join(title)
    return len(title) >= _FEW_WORDS and len(letters) >= _FEW_LETTERS and letters not in _GENERIC


def _is_one_title(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two titles differ at most in blanks, or in a letter of some long words."""
    if "".join(one) == "".join(other):
        return True
    return len(one) == len(other) and all(map(_is_one_word, one, other))


def _is_one_word(one: str, other: str) -> bool:
    if one == other:
        return True
    if min(len(one), len(other)) < _LONG_WORD or not (one.isalpha() and other.isalpha()):
        return False
    return Levenshtein.distance(one, other, score_cutoff=1) <= 1
