"""A snippet, made ready to be compared with many claims.

In: a snippet's text and title. Out: which words stand in which sentence, and which follow each other. What was made
ready last is kept, up to a number of characters, since the claims of an answer cite the same few snippets. Linear.
Not here: comparing (comparison.py).
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from threading import Lock
from typing import Final, NamedTuple

from citerefine.judges.lexical.markup import readable, without_markup
from citerefine.judges.lexical.words import denied, keys
from citerefine.refiner.language.sentences import SentenceSpan, split_sentences
from citerefine.refiner.records import Snippet

MAX_KEPT: Final = 2_000_000
"""Characters of snippets that are kept ready."""

BEGINNING: Final = 5
"""Characters that two forms of a word have in common at least, where the stemmer does not see it."""

_BREAK: Final = "."  # no key: pairs end with their sentence


class Prepared(NamedTuple):
    """What claims are compared with in one snippet."""

    sentences: tuple[SentenceSpan, ...]
    """Where they stand in the snippet's text."""
    denied: dict[int, frozenset[str]]
    """Number of a sentence → keys that it denies, where it denies something."""
    places: dict[str, list[int]]
    """Key → numbers of the sentences that have it, rising."""
    title: frozenset[str]
    """Keys of the title's words; each sentence is read with them."""
    beginnings: frozenset[str]
    """The first BEGINNING characters of all keys."""
    pairs: frozenset[str]
    """Of keys that follow each other within a sentence."""


def prepare(text: str, title: str) -> Prepared:
    """A snippet, made ready."""
    text = without_markup(text)
    spans = tuple(split_sentences(text))
    places: dict[str, list[int]] = {}
    denials: dict[int, frozenset[str]] = {}
    heading = keys(readable(without_markup(title)))
    all_keys = [*heading]
    for number, (start, end) in enumerate(spans):
        found = keys(readable(text[start:end]))
        all_keys.append(_BREAK)
        all_keys += found
        if scope := denied(found):
            denials[number] = scope
        for key in set(found):
            places.setdefault(key, []).append(number)
    beginnings = frozenset(key[:BEGINNING] for key in (*places, *heading))
    return Prepared(spans, denials, places, frozenset(heading), beginnings, pairs_of(all_keys))


def pairs_of(keys: Sequence[str]) -> frozenset[str]:
    """The pairs of neighbours, each as one string: tuples by the million would keep the garbage collector busy."""
    return frozenset(map(" ".join, pairwise(keys)))


class PreparedSnippets:
    """Snippets made ready, of which the latest are kept. May be used by several threads."""

    def __init__(self, max_kept: int = MAX_KEPT) -> None:
        self._max_kept = max_kept
        self._kept = OrderedDict[tuple[str, str], Prepared]()
        self._size = 0
        self._lock = Lock()

    def get(self, snippet: Snippet) -> Prepared:
        """The snippet, made ready now or before."""
        key = (snippet.text, snippet.title or "")
        with self._lock:
            if known := self._kept.get(key):
                self._kept.move_to_end(key)
                return known
        made = prepare(*key)
        with self._lock:
            self._keep(key, made)
        return made

    def clear(self) -> None:
        """Forgets all of them."""
        with self._lock:
            self._kept.clear()
            self._size = 0

    def _keep(self, key: tuple[str, str], made: Prepared) -> None:
        if key not in self._kept:  # another thread may have been faster
            self._kept[key] = made
            self._size += len(key[0]) + len(key[1])
        while self._size > self._max_kept and len(self._kept) > 1:
            (text, title), _ = self._kept.popitem(last=False)
            self._size -= len(text) + len(title)
