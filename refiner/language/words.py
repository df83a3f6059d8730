"""Splits text into words, and says which of them carry meaning.

In: any text. Out: lower-case words, content words (no stop words), stems, names. One definition of words for
search, for the extractive refiner and for every later count; the search index has a stemmer of its own. The lists,
stopwords.txt and lightwords.txt, are English. Linear.
"""

import re
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

import snowballstemmer

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
    found = _WORD.findall(text.lower())
    return [word if word.isalnum() else _POSSESSIVE.sub("", word) for word in found]  # most words have no ending


def content_words(text: str) -> list[str]:
    """The words that are no stop words, in order."""
    return [word for word in words(text) if word not in stop_words()]


def name_stems(text: str) -> frozenset[str]:
    """Stems of the words that look like names: a capital or digit that neither sentence nor number asks for.

    >>> sorted(name_stems("How does LangGraph store state in Redis 7 for p53?"))
    ['langgraph', 'p53', 'redi']
    """
    found = (word for at, word in enumerate(_WORD.findall(text)) if _is_name(word, at == 0))
    return frozenset(stem for word in found for stem in content_stems(word))


def _is_name(word: str, is_first: bool) -> bool:
    capital = any(letter.isupper() for letter in (word[1:] if is_first else word))
    return capital or (not word.isdigit() and any(letter.isdigit() for letter in word))


def content_stems(text: str) -> list[str]:
    """The stems of the content words, in order."""
    return [stem(word) for word in content_words(text)]
