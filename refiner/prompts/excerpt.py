"""Shows the part of a long text that a question is about.

In: a question, a text, a length. Out: whole sentences around the one that holds most of the question's words. Not
here: deciding that a text is too long (fit.py).
"""

from typing import Final

from citerefine.refiner.language.sentences import split_sentences
from citerefine.refiner.language.words import content_stems

CUT: Final = "[…]"
"""Stands where text was left out."""


def excerpt(question: str, text: str, max_chars: int) -> str:
    """At most about `max_chars` code points of `text`, marked where it was cut; `text` itself if it is no longer."""
    if len(text) <= max_chars:
        return text
    spans = [(sentence.start, sentence.end) for sentence in split_sentences(text)] or [(0, len(text))]
    asked = set(content_stems(question))
    held = [len(asked.intersection(content_stems(text[start:end]))) for start, end in spans]
    first = last = held.index(max(held))
    start, end = spans[first]
    if end - start > max_chars:
        end = start + max_chars
    grown = True
    while grown:
        grown = False
        if last + 1 < len(spans) and spans[last + 1][1] - start <= max_chars:
            last, grown = last + 1, True
            end = spans[last][1]
        if first and end - spans[first - 1][0] <= max_chars:
            first, grown = first - 1, True
            start = spans[first][0]
    before = f"{CUT} " if start else ""
    return f"{before}{text[start:end]}{f' {CUT}' if end < len(text) else ''}"
