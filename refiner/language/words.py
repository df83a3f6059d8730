"""Splits text into words, and says which of them carry meaning.

In: any text. Out: lower-case words, content words (no stop words), stems, names. One definition of words for
search, for the extractive refiner and for every later count; the search index has a stemmer of its own. The lists,
stopwords.txt and lightwords.txt, are English. Of scripts written without blanks (Chinese, Japanese, Thai) the words are
pieces (unspaced.py), in full-width form. Linear.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache
from importlib.resources import files

import snowballstemmer

from citerefine.refiner.language.unspaced import CHARACTERS_A_WORD, RUN, content_pieces, has_run, is_han, pieces

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_POSSESSIVE = re.compile(r"['’]s\Z")
_STEMMING = threading.Lock()  # the stemmer keeps the word in itself: two threads in it give wrong stems, or IndexError


def _listed(name: str) -> list[str]:
    return files("citerefine.refiner.language").joinpath(name).read_text("utf-8").split()


@lru_cache(maxsize=1)
def stop_words() -> frozenset[str]:
    """The words that carry no meaning of their own."""
    return frozenset(_listed("stopwords.txt"))


@lru_cache(maxsize=1)
def light_stems() -> frozenset[str]:
    """Stems of words that say little by themselves (`best`, `way`, `write`), though they are no stop words."""
    return frozenset(map(stem, _listed("lightwords.txt")))


@lru_cache(maxsize=1)
def _stemmer() -> Callable[[str], str]:
    stem_word: Callable[[str], str] = snowballstemmer.stemmer("english").stemWord
    return stem_word


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The stem of a lower-case word, by the English Snowball rules."""
    with _STEMMING:
        return _stemmer()(word)


def words(text: str) -> list[str]:
    """All words, lower-case, without possessive endings."""
    return _words(text.lower(), pieces)


def _words(text: str, cut: Callable[[str], Iterable[str]]) -> list[str]:
    found = list(_mixed_words(text, cut)) if has_run(text) else _WORD.findall(text)
    return [word if word.isalnum() else _POSSESSIVE.sub("", word) for word in found]  # most words have no ending


def _mixed_words(text: str, cut: Callable[[str], Iterable[str]]) -> Iterator[str]:
    """The words of a text and what `cut` makes of its runs without blanks, in order."""
    at = 0
    for run in RUN.finditer(text):
        yield from _WORD.findall(text, at, run.start())
        yield from cut(run[0])
        at = run.end()
    yield from _WORD.findall(text, at)


def count_words(text: str) -> int:
    """How many words there are; without blanks, two characters count as one."""
    if not has_run(text):
        return len(words(text))
    unspaced = sum(len(run) for run in RUN.findall(text))
    return len(words(RUN.sub(" ", text))) + -(-unspaced // CHARACTERS_A_WORD)


def content_words(text: str) -> list[str]:
    """The words that are no stop words, in order."""
    return [word for word in _words(text.lower(), content_pieces) if word not in stop_words()]


def name_stems(text: str) -> frozenset[str]:
    """Stems of the words that look like names: a capital or digit that neither sentence nor number asks for.

    >>> sorted(name_stems("How does LangGraph store state in Redis 7 for p53?"))
    ['langgraph', 'p53', 'redi']
    """
    spaced = RUN.sub(" ", text) if has_run(text) else text
    found = (word for at, word in enumerate(_WORD.findall(spaced)) if _is_name(word, at == 0))
    return frozenset(stem for word in found for stem in content_stems(word))


def _is_name(word: str, is_first: bool) -> bool:
    capital = any(letter.isupper() for letter in (word[1:] if is_first else word))
    return capital or (not word.isdigit() and any(letter.isdigit() for letter in word))


def content_stems(text: str) -> list[str]:
    """The stems of the content words, in order."""
    return [stem(word) for word in content_words(text)]


def is_held(stem: str, stems: AbstractSet[str]) -> bool:
    """Whether a stem is among others; a pair of Han characters is too if both are, as it may be no word."""
    return stem in stems or (is_han(stem) and all(character in stems for character in stem))
