"""Counts the words of a claim that carry meaning: what its weight and its need of a citation depend on.

In: any text. Out: counts. A content word is a number, or a run of letters that is no stop word; scripts that set no
blanks between words count one word for two characters, so that a Chinese sentence is no single word. Linear. Not
here: comparing words with evidence (lexical/).
"""

import re

from citerefine.refiner.language.words import stop_words

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def count_content(text: str) -> int:
    """How many content words a text has; `text` is in lower case."""
    known = stop_words()
    return sum(_weight(token) for token in _TOKEN.findall(text) if token not in known)


def _weight(token: str) -> int:
    if token.isascii():
        return 1
    return max(1, (len(_UNSPACED.findall(token)) + 1) // 2)


def count_words(text: str) -> int:
    """How many stretches between white space hold a letter or digit."""
    return sum(bool(_LETTER_OR_DIGIT.search(word)) for word in text.split())
