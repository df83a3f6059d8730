"""Makes one snippet of what several sources found of one passage.

In: snippets of any sources. Out: each passage once, with what is known of it from all of them: the longest text is
kept as its source has it, what its record lacks is filled in, and `also_found` says where else it was found. Passages
are duplicates if they belong to one work (works.py) and say the same words in the same order, or one holds all of the
other in one stretch; spelling, punctuation and articles aside. A longer text takes the place of a shorter one only if
it is known by an identifier where that one is, or is of the same host: no page can add words to a paper's record. A
passage keeps the id that it has by itself, so that it has the same one whoever else found it. Where one passage's title
says that the work was retracted, those of all its passages say so. The order of the snippets changes no record. Not
here: ranks (fused_search.py).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from citerefine.refiner.records import Snippet, normalised
from citerefine.tools.fusing.identifiers import folded, identity_of, without_markup
from citerefine.tools.fusing.works import works_of
from citerefine.tools.retractions import is_marked, marked

_MOST: Final = 300
"""Passages of one work that each is compared with word by word; beyond it only equal ones are found."""
_FILLED: Final = ("title", "authors", "year", "venue", "doi", "url", "licence")
_WORD: Final = re.compile(r"[^\W_]+|[<>=≤≥±]|(?<!\w)[-−](?=[\d.])")
"""A word, or a sign without which a number says something else."""
_SCRIPTS: Final = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻₀-₎]")
"""Without which 10⁹ is 109."""
_ARTICLES: Final = frozenset({"a", "an", "the"})
"""Words without which a sentence says the same."""
_SPELLINGS: Final = (
    (re.compile(r"is(?=(?:e|ed|es|er|ing|ation|ations)$)"), "iz"),
    (re.compile(r"(?<=[a-z]{2})our(?=$|s$|ed$|al$)"), "or"),
    (re.compile(r"[ao]e"), "e"),
)
"""British and American spelling, as one."""


class Passage(NamedTuple):
    """A passage, once."""

    snippet: Snippet
    members: tuple[int, ...]
    """Which of the snippets it was made of, in order."""
    work: int
    """The same for all passages of one work."""


class _Text:
    """A snippet as it is compared."""

    def __init__(self, index: int, snippet: Snippet) -> None:
        self.index, self.snippet = index, snippet
        words = _WORD.findall(folded(snippet.text)) or [normalised(snippet.text)]
        self.host = urlsplit(snippet.url or "").hostname
        self.is_identified = bool(identity_of(snippet).keys)
        self.spaced = f" {' '.join(words)} "
        self.core = f" {' '.join(_spelt(word) for word in words if word not in _ARTICLES)} "

    @property
    def worth(self) -> tuple[Any, ...]:
        """Sorts the best first: the longest, with offsets, not in capitals, without markup, with superscripts, with the
        fullest record.
        """
        snippet = self.snippet
        lacks = sum(not getattr(snippet, name) for name in _FILLED)
        bare = without_markup(snippet.text)
        n_scripts = len(_SCRIPTS.findall(bare))
        spoilt = (bare.isupper(), bare != " ".join(snippet.text.split()), -n_scripts, -len(bare))
        order = (-len(self.spaced), not self.is_identified, snippet.start is None)
        return *order, *spoilt, lacks, snippet.id, snippet.model_dump_json()

    def holds(self, other: "_Text") -> bool:
        """Whether `other`, which is no longer, says nothing that this one does not."""
        if other.core == self.core:
            return True
        may_replace = self.is_identified or not other.is_identified or (self.host and self.host == other.host)
        return bool(may_replace) and other.core in self.core


def _spelt(word: str) -> str:
    for pattern, letters in _SPELLINGS:
        word = pattern.sub(letters, word)
    return word


def merge(snippets: Sequence[Snippet]) -> list[Passage]:
    """The passages in the order in which each first comes; every id once. Merging them again changes nothing."""
    passages = [Passage(snippet, (index,), 0) for index, snippet in enumerate(snippets)]
    while True:  # what was filled in may tell that two more are of one work
        merged = _merged_once([passage.snippet for passage in passages])
        if len(merged) == len(passages):
            return _told_apart(
                before._replace(snippet=after.snippet, work=after.work)
                for before, after in zip(passages, merged, strict=True)
            )
        passages = [
            one._replace(members=tuple(sorted(at for member in one.members for at in passages[member].members)))
            for one in merged
        ]


def _merged_once(snippets: Sequence[Snippet]) -> list[Passage]:
    of_work = defaultdict[int, list[int]](list)
    works = works_of(snippets)
    for index, work in enumerate(works):
        of_work[work].append(index)
    found = [
        Passage(_joined([snippets[index] for index in same]), tuple(sorted(same)), work)
        for work, indices in of_work.items()
        for same in (_duplicates(snippets, indices) if len(indices) > 1 else [indices])
    ]
    retracted = {work for work, snippet in zip(works, snippets, strict=True) if is_marked(snippet.title)}
    told = [_with_mark(passage) if passage.work in retracted else passage for passage in found]
    return sorted(told, key=lambda passage: passage.members)


def _with_mark(passage: Passage) -> Passage:
    """The passage, whose title says that its work was retracted, as that of another passage of the work does."""
    snippet = passage.snippet
    if is_marked(snippet.title):
        return passage
    return passage._replace(snippet=snippet.model_copy(update={"title": marked(snippet.title)}))


def _duplicates(snippets: Sequence[Snippet], indices: Iterable[int]) -> list[list[int]]:
    """The snippets of one work in groups of one passage, in each the best first."""
    groups = list[tuple[_Text, list[int]]]()
    of_words = dict[str, list[int]]()
    texts = (_Text(index, snippets[index]) for index in indices)
    for text in sorted(texts, key=lambda text: text.worth):
        same = of_words.get(text.spaced)
        if same is None:
            same = next((group for best, group in groups[:_MOST] if best.holds(text)), None)
        if same is None:
            same = []
            groups.append((text, same))
        of_words[text.spaced] = same
        same.append(text.index)
    return [group for _, group in groups]


def _joined(same: Sequence[Snippet]) -> Snippet:
    """The first of them, with what the others know besides."""
    best, *others = same
    if not others:
        return best
    missing = [name for name in _FILLED if not getattr(best, name)]
    filled = {name: next(filter(None, (getattr(other, name) for other in others)), None) for name in missing}
    origins = {origin for other in others for origin in (_origin(other), *other.also_found) if origin}
    also_found = tuple(sorted({*best.also_found, *origins} - {_origin(best)}))
    return best.model_copy(update={**{k: value for k, value in filled.items() if value}, "also_found": also_found})


def _origin(snippet: Snippet) -> str | None:
    return snippet.source or snippet.url or snippet.doi or snippet.title


def _told_apart(passages: Iterable[Passage]) -> list[Passage]:
    """The passages; where tools gave one id to several, each of these gets the id that follows from its content."""
    told = [*passages]
    while True:
        counts = Counter(passage.snippet.id for passage in told)
        if len(counts) == len(told):
            return told
        told = [
            one if counts[one.snippet.id] == 1 else one._replace(snippet=_with_own_id(one.snippet)) for one in told
        ]


def _with_own_id(snippet: Snippet) -> Snippet:
    return Snippet.model_validate(snippet.model_dump(exclude={"id"}))
