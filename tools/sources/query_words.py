"""Words of a query, for services whose query language has fields, operators and wildcards.

In: what a person or a model wrote; the characters that mean something to a service. Out: words that can be nothing but
words there. Not here: the expressions that they become part of (each source).
"""

from typing import Final
from urllib.parse import quote

from citerefine.refiner.language.words import stop_words
from citerefine.tools.web.failures import WebFailure, clean

_OPERATORS: Final = frozenset({"AND", "OR", "NOT", "ANDNOT"})
_LONGEST: Final = 2_000
"""Bytes that the words of one query take in an address, together; services refuse addresses of more than 4,000."""


def query_words(text: str, syntax: str) -> list[str]:
    r"""The words of a text, as far as they fit into an address.

    Args:
        text: a query, or a value that becomes part of one.
        syntax: characters that become white space.

    Raises:
        WebFailure: `bad_request`, if no word is left to ask for.

    >>> query_words('NOT title:(perch) -- "AT&T"', ':()"')
    ['not', 'title', 'perch', 'AT&T']
    """
    bare = text.translate(dict.fromkeys(map(ord, syntax), " "))
    words = list[str]()
    length = 0
    for word in (word.lstrip("-") for word in bare.split()):
        length += len(quote(word)) + len("+")
        if length > _LONGEST:
            break
        if any(map(str.isalnum, word)):
            words.append(word.lower() if word in _OPERATORS else word)
    if not words:
        raise WebFailure(f"{clean(text, ())!r} holds no word to look for; write it in words", "bad_request")
    return words


def telling(words: list[str]) -> list[str]:
    """The words that are no stop words, unless all are: for services that find only what holds every word.

    >>> telling(["how", "does", "the", "WHO", "count", "perch"])
    ['WHO', 'count', 'perch']
    """
    return [word for word in words if _is_acronym(word) or word.lower() not in stop_words()] or words


def _is_acronym(word: str) -> bool:
    return len(word) > 1 and word.isupper()
