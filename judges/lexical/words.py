"""Turns text into the keys by which the words of a claim and of evidence are compared.

In: any text. Out: keys: a stem, or a number in digits (`twenty` is 20, `12,000` is 12000); for the words of a claim
also what they weigh and where they stand. Scripts that set no blanks between words give each pair of neighbouring
characters. Keys are for comparing: what is shown to people is cut from the text itself. Linear, and safe in threads.
Not here: comparing (comparison.py).

Weights need no table of word frequencies: with one (`wordfreq`, 57 MB) agreement with people was the same, see
docs/benchmarks.md.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from citerefine.judges.lexical.markup import readable, without_markup
from citerefine.refiner.language.words import light_stems, stem, stop_words

ORDINARY_WEIGHT: Final = 10
LIGHT_WEIGHT: Final = 5
"""Of words that say little by themselves, such as `show`."""
NUMBER_WEIGHT: Final = 13

SCOPE: Final = 4
"""Words behind a negation that it is taken to deny."""

_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_NUMBER: Final = r"\d{1,40}(?:[.,]\d{1,40}){0,9}(?:(?:st|nd|rd|th|s)\b)?"
# Longer words are cut, on both sides at the same place, so that no key is long. Three patterns, since most texts are
# ASCII, and the more a class of characters holds the slower it is.
_ASCII_WORD = re.compile(rf"[A-Za-z][A-Za-z0-9]{{0,39}}(?:'[A-Za-z0-9]{{1,40}})?|{_NUMBER}")
_SPACED_WORD = re.compile(rf"[^\W\d_][^\W_]{{0,39}}(?:['’][^\W_]{{1,40}})?|{_NUMBER}")
_WORD = re.compile(
    rf"[^\W\d_{_UNSPACED}][^\W_{_UNSPACED}]{{0,39}}(?:['’][^\W_{_UNSPACED}]{{1,40}})?|[{_UNSPACED}]+|{_NUMBER}"
)
_RUN = re.compile(f"[{_UNSPACED}]")
_NUMBERS: Final = {
    "zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15",
    "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19", "twenty": "20", "thirty": "30",
    "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90", "one": "1",
}  # fmt: skip
_NEGATIONS: Final = frozenset(
    {"no", "not", "never", "neither", "nor", "none", "nobody", "nothing", "nowhere", "without", "cannot", "unable"}
)
_DOUBTS: Final = frozenset(
    {"false", "untrue", "wrong", "incorrect", "mistaken", "myth", "doubt", "doubtful", "doubted", "deny", "denies",
     "denied", "refute", "refuted", "disprove", "disproved", "unlikely", "contrary", "hardly", "rarely", "allegedly"}
)  # fmt: skip


class Word(NamedTuple):
    """A word of a claim."""

    key: str
    weight: int
    """What it counts among the content words; 0 for a word without meaning of its own. Whole numbers, so that no sum
    depends on the order of its parts."""
    start: int
    """Offset in the text that was read, in code points."""
    end: int


def keys(text: str) -> list[str]:
    """The keys of all words of a plain text, in order."""
    if not text.isascii() and _RUN.search(text):
        return [key_of(word) for word, _, _ in _words(text)]
    pattern = _ASCII_WORD if text.isascii() else _SPACED_WORD
    return list(map(key_of, pattern.findall(text)))


def read_words(text: str) -> list[Word]:
    """All words of a plain text, in order."""
    return [Word(key_of(word), _weight(word), start, end) for word, start, end in _words(text)]


def is_number(key: str) -> bool:
    """Whether a key stands for a number."""
    return key[0].isdigit()


def _words(text: str) -> Iterator[tuple[str, int, int]]:
    for found in _WORD.finditer(text):
        word, start = found[0], found.start()
        if len(word) > 2 and _RUN.match(word):
            yield from ((word[at : at + 2], start + at, start + at + 2) for at in range(len(word) - 1))
        else:
            yield word, start, found.end()


@lru_cache(maxsize=100_000)
def key_of(word: str) -> str:
    """What a word is compared by."""
    if word[0].isdigit():
        return _digits(word)
    word = _bare(word)
    return "not" if word.endswith("n't") else _NUMBERS.get(word) or stem(word)


@lru_cache(maxsize=1)
def negations() -> frozenset[str]:
    """Keys of words that deny what follows them."""
    return frozenset(map(key_of, _NEGATIONS))


def denies(text: str) -> bool:
    """Whether words around a claim turn it around: a negation, or a word of doubt."""
    return any(word.key in negations() or word.key in _doubts() for word in read_words(readable(without_markup(text))))


@lru_cache(maxsize=1)
def _doubts() -> frozenset[str]:
    return frozenset(map(key_of, _DOUBTS))


def denied(keys: Sequence[str]) -> frozenset[str]:
    """The keys of one sentence that stand within SCOPE words behind a negation, and nowhere else in it."""
    if negations().isdisjoint(keys):
        return frozenset()
    within, without, left = set[str](), set[str](), 0
    for key in keys:
        if key in negations():
            left = SCOPE
        else:
            (within if left else without).add(key)
            left = max(0, left - 1)
    return frozenset(within - without)


@lru_cache(maxsize=10_000)
def _weight(word: str) -> int:
    key = key_of(word)
    if _bare(word) in stop_words() or key in negations() or (len(key) == 1 and key.isascii() and not is_number(key)):
        return 0
    return NUMBER_WEIGHT if is_number(key) else LIGHT_WEIGHT if key in light_stems() else ORDINARY_WEIGHT


def _bare(word: str) -> str:
    return word.lower().replace("’", "'").removesuffix("'s")


def _digits(word: str) -> str:
    """A number without thousands separators, the ending of an ordinal, and zeros that say nothing."""
    digits = word.rstrip("stndrh").replace(",", "")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return digits.lstrip("0") or "0"
