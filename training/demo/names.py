"""Invented names, some for training and others for tests.

In: a random generator. Out: names of two syllables, such as `Kalo`. A name is kept for tests or not by what it is, so
that no seed and no number of rows brings one from one side to the other. Not here: what is said of them (task.py).
"""

from collections.abc import Iterator
from random import Random
from typing import Final, Literal
from zlib import crc32

Side = Literal["train", "test"]

CONSONANTS: Final = "bdfgklmnprstvz"
VOWELS: Final = "aeiou"
SYLLABLES: Final = tuple(consonant + vowel for consonant in CONSONANTS for vowel in VOWELS)
_EVERY: Final = 5
"""One name of so many is kept for tests."""


def names(rng: Random, side: Side) -> Iterator[str]:
    """Names without end, each once; after the last one, of 3,900 for training and 1,000 for tests, StopIteration."""
    seen = set[str]()
    while len(seen) < len(SYLLABLES) ** 2:
        name = (rng.choice(SYLLABLES) + rng.choice(SYLLABLES)).capitalize()
        if name not in seen:
            seen.add(name)
            if side_of(name) == side:
                yield name


def side_of(name: str) -> Side:
    """Where a name belongs."""
    return "train" if crc32(name.encode()) % _EVERY else "test"
