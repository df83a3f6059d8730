"""Splits text into sentences, with offsets.

In: plain text. Out: spans that cover all of it but the white space between sentences. The rule (a break follows
`.`, `!` or `?`, closing quotes and brackets and white space, before anything but a lower-case letter; not after a
listed abbreviation or a single capital; CJK stops always break) serves the extractive refiner, the view and the
scorer alike. Linear. Not here: what a sentence claims.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_ABBREVIATIONS: Final = frozenset(
    {
        "e.g", "i.e", "etc", "vs", "cf", "al", "fig", "figs", "eq", "eqs", "no", "nos", "dr",
        "prof", "mr", "mrs", "ms", "st", "approx", "ca", "vol", "pp", "ed", "eds", "u.s", "ref",
        "refs", "sec", "resp", "incl", "inc", "ltd", "dept", "jan", "feb", "mar", "apr", "jun",
        "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    }
)
_STOP = re.compile(r"(?<![.!?])[.!?]++[\"'”’»)\]」』*_~`]*+(?=\s)|[。！？।۔؟]++[”’」』）*_~`]*+")
_LINE_BREAK = re.compile(r"\n\s*")
_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*\n\s*")
_LAST_WORD = re.compile(r"[^\s(\[\"'“‘]*\Z")
_LONGEST_WORD = 40
_INK = re.compile(r"\S")


class SentenceSpan(NamedTuple):
    """Where a sentence stands: text[start:end], without white space at its ends."""

    start: int
    end: int


def split_sentences(text: str, *, lines: bool = False) -> list[SentenceSpan]:
    """The sentences of `text`, in order.

    Args:
        text: plain text; paragraphs are separated by blank lines.
        lines: whether every line end breaks (answers, lists), or only a blank line (prose with hard wraps).

    >>> text = "Ruud et al. dated it. Salinity was 0.3 g/L."
    >>> [text[start:end] for start, end in split_sentences(text)]
    ['Ruud et al. dated it.', 'Salinity was 0.3 g/L.']
    """
    spans, start = list[SentenceSpan](), 0
    for end in [*_breaks(text, _LINE_BREAK if lines else _PARAGRAPH_BREAK), len(text)]:
        inner = text[start:end]
        stripped = inner.strip()
        if stripped:
            lead = len(inner) - len(inner.lstrip())
            spans.append(SentenceSpan(start + lead, start + lead + len(stripped)))
        start = end
    return spans


def _breaks(text: str, hard: re.Pattern[str]) -> list[int]:
    """Offsets at which a sentence ends, in order."""
    stops = (stop.end() for stop in _STOP.finditer(text) if _ends_sentence(text, stop))
    return sorted({*stops, *(line.start() for line in hard.finditer(text))})


def _ends_sentence(text: str, stop: re.Match[str]) -> bool:
    mark = stop[0][0]
    if mark in "。！？।۔؟":
        return True
    following = _INK.search(text, stop.end())
    if following and following[0].islower():
        return False
    if mark != "." or len(stop[0].rstrip("\"'”’»)]」』*_~`")) > 1:
        return True
    word = _LAST_WORD.search(text, max(0, stop.start() - _LONGEST_WORD), stop.start())
    last = word[0] if word else ""
    return not (last.casefold() in _ABBREVIATIONS or (len(last) == 1 and last.isupper()))


def sentences(text: str, *, lines: bool = False) -> Iterator[str]:
    """The texts of `split_sentences`."""
    return (text[start:end] for start, end in split_sentences(text, lines=lines))
