"""Makes one snippet of what several sources found of one passage.

In: snippets of any sources. Out: each passage once, with what is known of it from all of them: the longest text is
kept as its source has it, what its record lacks is filled in, and `also_found` says where else it was found. Passages
are duplicates if they belong to one work (works.py) and hold the same words, one holds all of the other, or nearly all
words are the same; never if numbers, signs or words such as `not` and `lower` differ. A passage keeps the id that it
has by itself, so that it has the same one whoever else found it. The order of the snippets changes no record. Not here:
ranks (fused_search.py).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from citerefine.refiner.records import Snippet, normalised
from citerefine.tools.fusing.identifiers import folded, without_markup
from citerefine.tools.fusing.works import works_of

_SAME_SHARE: Final = 0.9
"""Share of the words of the longer text that both must hold."""
_MOST: Final = 300
"""Passages of one work that each is compared with word by word; beyond it only equal ones are found."""
_FILLED: Final = ("title", "authors", "year", "venue", "doi", "url", "licence")
_WORD: Final = re.compile(r"[^\W_]+|[<>=≤≥±]|(?<!\w)[-−](?=[\d.])")
"""A word, or a sign without which a number says something else."""
_TELLING: Final = re.compile(
    r"[\d<>=≤≥±−-]"
    r"|\b(?:no|not|non|nor|never|none|without|neither|cannot|failed|un\w{3,}|in(?:effective|significant)"
    r"|(?:in|de)creas\w*|higher|lower|more|less|greater|smaller|fewer|better|worse)\b"
)
"""What turns a sentence into another."""


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
        self.counts = Counter(words)
        self.telling = Counter(word for word in words if _TELLING.search(word))
        self.n_words = len(words)
        self.spaced = f" {' '.join(words)} "

    @property
    def worth(self) -> tuple[Any, ...]:
        """Sorts the best first: the longest, with offsets, not in capitals, without markup, with the fullest record."""
        snippet = self.snippet
        lacks = sum(not getattr(snippet, name) for name in _FILLED)
        bare = without_markup(snippet.text)
        spoilt = (bare.isupper(), bare != " ".join(snippet.text.split()), -len(bare))
        return -len(self.spaced), snippet.start is None, *spoilt, lacks, snippet.id, snippet.model_dump_json()

    def holds(self, other: "_Text") -> bool:
        """Whether `other`, which is no longer, says nothing that this one does not."""
        if other.spaced in self.spaced:
            return True
        if other.n_words < _SAME_SHARE * self.n_words or other.telling != self.telling:
            return False
        return (self.counts & other.counts).total() >= _SAME_SHARE * max(self.n_words, other.n_words)


def merge(snippets: Sequence[Snippet]) -> list[Passage]:
    """The passages in the order in which each first comes; every id once. Merging them again changes nothing."""
    passages = [Passage(snippet, (index,), 0) for index, snippet in enumerate(snippets)]
    while True:  # what was filled in may tell that two more are of one work
        merged = _merged_once([passage.snippet for passage in passages])
        if len(merged) == len(passages):
            return _told_apart(
                before._replace(work=after.work) for before, after in zip(passages, merged, strict=True)
            )
        passages = [
            one._replace(members=tuple(sorted(at for member in one.members for at in passages[member].members)))
            for one in merged
        ]


def _merged_once(snippets: Sequence[Snippet]) -> list[Passage]:
    of_work = defaultdict[int, list[int]](list)
    for index, work in enumerate(works_of(snippets)):
        of_work[work].append(index)
    found = [
        Passage(_joined([snippets[index] for index in same]), tuple(sorted(same)), work)
        for work, indices in of_work.items()
        for same in (_duplicates(snippets, indices) if len(indices) > 1 else [indices])
    ]
    return sorted(found, key=lambda passage: passage.members)


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
