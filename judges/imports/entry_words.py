"""Tells a reference from text that only stands where a reference would.

In: an entry of a list, the words of a footnote or a link; the titles of what it names. Out: whether its words are more
than a reference. Readers see them all the same, so they stay in the scored text. Not here: finding entries
(reference_list.py), which snippet one names (sources.py).

Addresses, numbers, authors with initials and the words of a title that the evidence knows are a reference; so are up to
MOST_WORDS other words. Of the stretches between full stops, one may read like a sentence: the title of a work that the
evidence does not know; it needs a sign that it is one, authors or a year as bibliographies write them. So may one that
names a conference, a journal or a publisher, beside a sign. Names are capitalised and sentences are not, so a stretch
reads like a sentence from SENTENCE words in lower case on; where there is neither such a sign nor an address, and no
snippet is named, from UNNAMED_SENTENCE on.
"""

import re
from collections.abc import Iterable
from typing import Final

from citerefine.judges.imports.sources import words_of

MOST_WORDS: Final = 25
"""Words of a reference beside addresses, numbers, authors with initials and known titles."""
SENTENCE: Final = 5
"""Words in lower case that make a stretch read like a sentence."""
UNNAMED_SENTENCE: Final = 3
"""The same where nothing shows that it is a reference."""

ADDRESS: Final = re.compile(r"(?:https?://|\b10\.\d{4,9}/|\bdoi:)[^\s]+", re.IGNORECASE)
_YEAR = r"(?:1[6-9]|20)\d\d(?!\d)"
_SIGN = re.compile(
    rf"[(\[（,，.。;；:：|][ \t]?{_YEAR}|\A{_YEAR}|{_YEAR}年"
    rf"|\b(?!(?:In|Since|By|Until|From|After|Before|During)\b)[A-Z]\w*[ \t]{_YEAR}"
    r"|\bet al\b|(?:\A|[\s,&])[A-Z]\.(?=[\s,;:&A-Z(-]|\Z)"
)
"""A year in parentheses, behind punctuation or a name; initials; `et al.`."""
_AUTHOR = re.compile(
    r"(?:\b(?:van|von|de|der|den|la|le) )*\b[A-Z][\w'’-]+(?:[ -][A-Z][\w'’-]+)?,? (?:[A-Z]\.[ -]?){1,4}"
)
_VENUE = re.compile(
    r"\b(?:proceedings|proc|conference|symposium|workshop|meeting|journal|transactions|advances|annals|letters|university"
    r"|press|association|springer|ieee|acm|arxiv)\b",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!?][\"'”’»)*_]*\s+|[。！？;；\n]")
_PART = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\d_]+(?:['’-][^\W\d_]+)*(?<!\dst)(?<!\dnd)(?<!\drd)(?<!\dth)"
)
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CHARACTERS_A_WORD: Final = 2
"""Of scripts that write no blanks between words."""


def looks_like_reference(text: str) -> bool:
    """Whether a text has an address, or authors or a year as a bibliography writes them."""
    return bool(ADDRESS.search(text) or _SIGN.search(text))


def is_text(words: str, titles: Iterable[str] = (), *, is_named: bool = True) -> bool:
    """Whether the words of a reference are more than one.

    Args:
        words: what stands there.
        titles: of the snippets that it names.
        is_named: whether it names a snippet; an address in the words counts as well.

    >>> is_text("A. Frost (2011). On the late ice of two lakes in the north. Journal of Lakes.")
    False
    >>> is_text("Trout vanished from the lake as soon as the dam was built.")
    True
    """
    names = [words_of(title) for title in titles]
    known = {word for name in names for word in name}
    least = SENTENCE if is_named or looks_like_reference(words) else UNNAMED_SENTENCE
    sentences = venues = total = 0
    for stretch in _STOP.split(_AUTHOR.sub(" ", ADDRESS.sub(" ", words))):
        parts = _free(_PART.findall(stretch), known)
        small = [part for part in parts if not part[0].isupper()]
        is_venue = _VENUE.search(stretch) is not None
        total += _count(small if is_venue else parts)
        venues += is_venue and _count(small) >= least
        sentences += not is_venue and _count(small) >= least
    whole = f" {' '.join(words_of(words))} "
    holds_title = any(name and f" {' '.join(name)} " in whole for name in names)
    has_sign = _SIGN.search(words) is not None
    return total > MOST_WORDS or sentences > (has_sign and not holds_title) or venues > has_sign


def _free(parts: list[str], known: set[str]) -> list[str]:
    """The words of a stretch that are neither initials nor, where it mostly is the title, in the title."""
    parts = [part for part in parts if len(part) > 1 or _UNSPACED.match(part)]
    in_title = [part for part in parts if {*words_of(part)} <= known]
    return [part for part in parts if part not in {*in_title}] if 2 * len(in_title) >= len(parts) else parts


def _count(parts: list[str]) -> int:
    unspaced = sum(_UNSPACED.match(part) is not None for part in parts)
    return len(parts) - unspaced + unspaced // _CHARACTERS_A_WORD
