"""Reads answers that cite by footnotes, as pandoc's Markdown writes them: `[^id]` with `[^id]: …`, and `^[inline
notes]`.

In: the answer, evidence. Out: `TagParse`. A footnote is what its definition names; without any definition, a number
is the n-th snippet and another name an id or alias. Definitions and notes are not scored, unless their words are more
than a reference (entry_words.py): then these stay. Not here: placing citations
(placing.py). Syntax: pandoc's manual, sections `footnotes` and `inline_notes`.
"""

import re
from functools import cache
from typing import NamedTuple

from citerefine.judges.imports.entry_words import is_text
from citerefine.judges.imports.inline import Shield, code_places, merged
from citerefine.judges.imports.numbered import Reading, findings_on, notes_on
from citerefine.judges.imports.placing import Marked, Marker, place
from citerefine.judges.imports.reference_list import Entry, Line, ReferenceList, is_heading, read_lines
from citerefine.judges.imports.sources import MAX_REFERENCE, Sources, unknown
from citerefine.refiner.tags.block import Finding

_DEFINITION = re.compile(r"[ \t]{0,3}(?:[-*+][ \t]{1,3})?\[\^(?P<name>[^\s\[\]^]{1,64})\]:[ \t]*(?P<rest>[^\n]*)")
_MARK = re.compile(r"\[\^(?P<name>[^\s\[\]^]{1,64}+)\]|\^\[(?P<note>[^\[\]\n]{1,1000}+)\]")
_INDENTED = re.compile(r"(?: {2,}|\t)\S")


class FootnotedText(NamedTuple):
    """What of an answer is citations by footnotes, and what is their definitions."""

    marked: Marked
    marks: list[re.Match[str]]
    definitions: dict[str, Entry]
    references: ReferenceList
    """The definitions as a list."""

    @property
    def places(self) -> list[int]:
        """Where it cites."""
        return [mark.start() for mark in self.marks]

    def cites_outside(self, places: tuple[tuple[int, int], ...]) -> bool:
        """Whether it cites anywhere else than there."""
        shield = Shield(merged(places))
        return not all(shield.covers(place) for place in self.places)


def find_footnotes(marked: Marked, sources: Sources) -> FootnotedText:
    """The answer's citations by footnotes."""
    definitions, references = _definitions(read_lines(marked.text, marked.code), sources)
    shield = Shield(merged([*code_places(marked.text, marked.code), *references.cuts]))
    marks = [mark for mark in _MARK.finditer(marked.text) if not shield.covers(mark.start())]
    return FootnotedText(marked, marks, definitions, references)


def read_footnotes(found: FootnotedText, sources: Sources) -> Reading:
    """The answer, cited by footnotes."""
    marked, marks, definitions, references = found
    findings = findings_on(references)

    @cache
    def find(name: str) -> tuple[str, ...]:
        number = int(name) if name.isascii() and name.isdecimal() and len(name) <= 3 else None
        entry = definitions.get(name)
        if entry is not None:
            named = sources.reference(entry.text, number)
            if len(named) > 1:
                findings.append(Finding("several_passages", entry.start, entry.end))
            if not named and len(sources):
                findings.append(Finding("unmatched_reference", entry.start, entry.end))
            return named or (unknown(f"[^{name}]"),)
        by_number = sources.number(number) if number is not None and not definitions else None
        return (by_number,) if by_number else (sources.id(name) if number is None else ()) or (unknown(f"[^{name}]"),)

    markers = list[Marker]()
    for mark in marks:
        if mark["name"]:
            markers.append(Marker(mark.start(), mark.end(), find(mark["name"])))
            continue
        ids = sources.reference(mark["note"])
        end = mark.end()
        if is_text(mark["note"], sources.titles(ids), is_named=bool(ids)):
            end = mark.start() + 1  # the caret: what stands in the brackets stays
            findings.append(Finding("reference_text", *mark.span()))
        markers.append(Marker(mark.start(), end, ids or (unknown(f"^[{mark['note']}]"),)))
    return Reading(place(marked, markers, cuts=references.cuts, findings=findings), notes_on(references))


def _definitions(lines: list[Line], sources: Sources) -> tuple[dict[str, Entry], ReferenceList]:
    """The definitions by name, the first of several, and where they stand, each with a heading right above it."""
    definitions, cuts = dict[str, Entry](), list[tuple[int, int]]()
    marks, kept, n_entries = list[tuple[int, int]](), list[tuple[int, int]](), 0
    heading: Line | None = None
    number = 0
    while number < len(lines):
        line = lines[number]
        found = None if line.is_code else _DEFINITION.fullmatch(line.text)
        if found is None:
            if line.text.strip():
                heading = line if is_heading(line) else None
            number += 1
            continue
        number, parts = number + 1, [found["rest"]]
        while number < len(lines) and _goes_on(lines, number):
            parts.append(lines[number].text.strip())
            number += 1
        end, words, n_entries = lines[number - 1].end, " ".join(parts), n_entries + 1
        definitions.setdefault(found["name"], Entry(None, words[:MAX_REFERENCE], line.start, end))
        ids = sources.reference(words)
        if len(words) > MAX_REFERENCE or is_text(words, sources.titles(ids), is_named=bool(ids)):
            marks.append((line.start, line.start + found.start("rest")))
            kept.append((line.start, end))
        else:
            cuts.append((heading.start if heading else line.start, end))
        heading = None
    return definitions, ReferenceList({}, tuple(cuts), n_entries, tuple(marks), tuple(kept))


def _goes_on(lines: list[Line], number: int) -> bool:
    """Whether a line goes on with the definition above it: it follows directly, or is indented behind a blank line."""
    line = lines[number]
    if line.is_code or _DEFINITION.fullmatch(line.text) or line.text.lstrip().startswith("#"):
        return False
    if line.text.strip():
        return bool(lines[number - 1].text.strip() or _INDENTED.match(line.text))
    return number + 1 < len(lines) and bool(_INDENTED.match(lines[number + 1].text)) and not lines[number + 1].is_code
