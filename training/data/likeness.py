"""Which questions are nearly the same, so that no two sides of a split, and no two rows, hold them both.

In: questions. Out: clusters. Two questions are alike if they have the same content words, whatever their order, case
and inflection; or if one of them has one more; or if one word is misspelt (one letter is wrong, missing, added or
swapped). Numbers and what holds a digit must be the same. Alike is passed on: a cluster holds what is alike to one of
its members. Takes time and memory in proportion to the words, also for thousands of questions from one template, whose
names differ. Not here: paraphrases in other words, which no comparison of words can find.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from rapidfuzz.distance import OSA

from citerefine.refiner.language.words import content_stems, words

LEAST_ADDED: Final = 5
"""Content words that a question must have for one more not to make it another: `capital of Korea` is not
`capital of North Korea`."""
LEAST_LETTERS: Final = 6
"""Of a word that can be misspelt; in shorter ones, a letter makes another word."""
MOST_WORDS: Final = 8
"""If questions differ in one word and there are more such words, they come from a template, and the words are names."""

Words = frozenset[str]


def normal_form(question: str) -> str:
    """The question as it is compared: the same for questions that differ in case, white space and signs alone."""
    return " ".join(words(unicodedata.normalize("NFKC", question))) or unicodedata.normalize("NFKC", question).strip()


def clusters(questions: Sequence[str]) -> list[int]:
    """For each question the number of its cluster: the place of its first member."""
    said = [_words(question) for question in questions]
    joined = _Joined(len(questions))
    first: dict[Words, int] = {}
    for number, one in enumerate(said):
        joined.join(number, first.setdefault(one, number))
    lacking = _by_what_is_left(first)
    for one, number in first.items():
        for shorter in lacking.get(one, ()):  # of which `one` lacks a word
            if len(one) >= LEAST_ADDED and _may_differ(shorter[0]):
                joined.join(number, shorter[1])
    for others in lacking.values():
        for a, b in _misspelt(others):
            joined.join(a, b)
    return [joined.first(number) for number in range(len(questions))]


def _words(question: str) -> Words:
    text = unicodedata.normalize("NFKC", question)
    return frozenset(content_stems(text)) or frozenset([normal_form(text)])


def _may_differ(word: str) -> bool:
    return not any(map(str.isdigit, word))


def _by_what_is_left(first: dict[Words, int]) -> dict[Words, list[tuple[str, int]]]:
    """Words without one of them → that one, and the question that has them all."""
    found = defaultdict[Words, list[tuple[str, int]]](list)
    for one, number in first.items():
        for word in one:
            found[one - {word}].append((word, number))
    return found


def _misspelt(others: Sequence[tuple[str, int]]) -> Iterator[tuple[int, int]]:
    """Pairs of questions whose words are one word but for a letter; they have all other words in common."""
    if len(others) > MOST_WORDS:
        return
    for (word, number), (other, other_number) in combinations(others, 2):
        is_long = min(len(word), len(other)) >= LEAST_LETTERS
        if is_long and _may_differ(word) and _may_differ(other) and OSA.distance(word, other, score_cutoff=1) <= 1:
            yield number, other_number


class _Joined:
    """Disjoint sets of numbers; the first of a set stands for it."""

    def __init__(self, n: int) -> None:
        self._parent = [*range(n)]

    def first(self, number: int) -> int:
        """The least number that is joined with this one."""
        parent = self._parent
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    def join(self, a: int, b: int) -> None:
        """Makes one set of two."""
        low, high = sorted((self.first(a), self.first(b)))
        self._parent[high] = low

