r"""Tells reference answers of mathematics that are words, and would be read as products of letters.

In: a reference answer. Out: the words in it, if it is made of such. math-verify reads `no idea` as n·o·i·d·e·a: it
agrees with itself, and with no answer that a model gives. Words in `\text{}` are read as words, and are none of these;
nor are units behind a number. Not here: whether an answer is right (training/rewards/maths.py).
"""

import re
from itertools import pairwise
from typing import Final

from citerefine.training.rewards.maths_forms import last_box, mended

_TEXT: Final = re.compile(r"\\(?:text\w*|math\w+|mbox|operatorname\*?|begin|end)\s*\{[^{}]*\}|_\{[^{}]*\}")
_COMMAND: Final = re.compile(r"\\[A-Za-z]+")
_WORDS: Final = re.compile(r"[^\W\d_]+(?:[ \t\n'’]+[^\W\d_]+)*")
_FUNCTIONS: Final = frozenset(
    ("arccos", "arcsin", "arctan", "cos", "cot", "csc", "exp", "ln", "log", "max", "min", "pi", "sin", "sqrt", "tan")
)
_SHORT: Final = frozenset(("dne", "nan", "nil", "no", "one", "six", "ten", "two", "yes"))
"""Words of fewer letters than `_LEAST` that are no product in anybody's reference answer."""
_LEAST: Final = 4
"""Letters of a word; fewer may be a product."""


def words_in(gold: str) -> str | None:
    r"""The words that a reference answer is made of, before any number in it; None if there are none.

    >>> words_in("no idea"), words_in(r"\text{no idea}"), words_in("(C)"), words_in("2xy + 3 apples")
    ('no idea', None, None, None)
    """
    said = last_box(mended(gold if "boxed" in gold or "fbox" in gold else rf"\boxed{{{gold}}}")).rpartition("=")[2]
    bare = _COMMAND.sub(";", _TEXT.sub(";", said))
    head = re.split(r"\d", bare, maxsplit=1)[0]
    return next((found[0] for found in _WORDS.finditer(head) if _is_prose(found[0].split())), None)


def _is_prose(words: list[str]) -> bool:
    words = [word for word in words if word.lower() not in _FUNCTIONS]
    return any(map(_is_word, words)) or sum(len(word) > 1 for word in words) > 1


def _is_word(word: str) -> bool:
    folded = word.lower()
    letters = [*map(ord, folded)]
    follow = all(after == before + 1 for before, after in pairwise(letters))
    return folded in _SHORT or (len(word) >= _LEAST and not follow)  # abcd is a product
