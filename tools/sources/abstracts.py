"""Abstracts in parts with labels: what every source makes of them, so that one abstract is the same from each.

In: an abstract with headings in its markup, or its parts. Out: snippets: one where the abstract is short, with the
labels in it, as in `RESULTS: Perch doubled.`, else at least one for each part, with the label in its section. Not here:
other markup (markup.py).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from citerefine.refiner.records import Snippet
from citerefine.tools.markup import under_headings
from citerefine.tools.passages import TARGET, cut_passages
from citerefine.tools.readers.document import Block
from citerefine.tools.sources.source import passages_of

_NO_LABEL: Final = re.compile(r"(?:abstract|summary|unlabelled|unassigned)[.:]?", re.I)
"""What stands before whole abstracts, or where only other parts have a label."""


class Part(NamedTuple):
    """Of an abstract."""

    label: str | None
    text: str


def part_of(label: str | None, text: str) -> Part:
    """A part, without a label that says nothing."""
    tidied = " ".join((label or "").split()).rstrip(":")
    return Part(None if not tidied or _NO_LABEL.fullmatch(tidied) else tidied, text)


def parts_in(abstract: str | None) -> list[Part]:
    """The parts of an abstract with markup; none if it holds no text.

    >>> parts_in("<h4>Abstract</h4>We fished.<h4>Results</h4><p>Perch doubled.</p>")
    [Part(label=None, text='We fished.'), Part(label='Results', text='Perch doubled.')]
    """
    return [part_of(heading, text) for heading, text in under_headings(abstract or "")]


def abstract_snippets(parts: Sequence[Part], **fields: Any) -> list[Snippet]:
    """The abstract as snippets. `fields`: of each of them."""
    whole = " ".join(f"{part.label}: {part.text}" if part.label else part.text for part in parts)
    if len(whole) <= TARGET or not any(part.label for part in parts):
        return passages_of(whole, section="Abstract", **fields)
    return [Snippet.model_validate({**passage._asdict(), **fields}) for passage in cut_passages(_blocks(parts))]


def _blocks(parts: Sequence[Part]) -> Iterator[Block]:
    """The parts under their labels; offsets are those in the parts' text, put together with blanks."""
    start = 0
    for part in parts:
        yield Block(part.text, start, f"Abstract > {part.label}" if part.label else "Abstract")
        start += len(part.text) + len(" ")
