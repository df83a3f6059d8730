"""Finds the list of references that an answer ends with, or holds.

In: text, and where it is code. Out: the entries by number, and what of the text they are. Cut from the scored text is
only what looks like a reference; a reference is never a claim, and never evidence. Not here: which snippet a
reference names (sources.py).

A list is a heading such as `References` or `**Sources:**` with entries below, marked alike: `[1] …`, `[1]: …`,
`1. …`, or a bullet with a URL, DOI or year. It ends at a heading, or at a paragraph that is no entry. Without a
heading, a line is an entry if it begins `[1]: …` or `Citation: [1] …` and holds a URL, DOI or year, or begins `[1]` and
holds a URL or DOI.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from citerefine.judges.imports.inline import Shield
from citerefine.judges.imports.sources import MAX_REFERENCE

_NAMES = (
    "references?|sources?|bibliography|citations?|works cited|literature|literature cited|footnotes|endnotes"
    "|reference list|source list|list of references|list of sources|further reading"
)
_HEADING = re.compile(
    r"[ \t]{0,8}(?:#{1,6}[ \t]{0,3})?(?:[-*+•][ \t]{1,4})?(?:\d{1,2}(?:\.\d{1,2}){0,3}[.)]?[ \t]{1,4})?[*_]{0,3}"
    rf"(?:(?:key|selected|cited|full|numbered|main)[ \t])?(?:{_NAMES})[*_]{{0,3}}[ \t]{{0,3}}"
    r"(?:\([^()\n]{0,60}\))?[ \t]{0,3}[^\n\w]{0,8}",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"[ \t]{0,8}(?:[-*+•][ \t]{1,4})?(?:[*_]{0,2}[\[［【]\^?(?P<bracket>\d{1,3})\^?[\]］】][*_]{0,2}(?P<colon>[:：])?"
    r"|(?P<plain>\d{1,3})[.)])[.]?(?=[ \t]{1,8}\S|(?<=[:：\]])\S)(?P<rest>[^\n]*)"
)
_LABELLED = re.compile(
    r"[ \t]{0,8}[*_]{0,3}(?:citations?|references?|sources?)[*_]{0,3}[:：][*_]{0,3}[ \t]{0,4}"
    r"[\[［【](?P<bracket>\d{1,3})[\]］】](?P<rest>[ \t]{1,8}\S[^\n]*)",
    re.IGNORECASE,
)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BULLET = re.compile(r"[ \t]{0,8}[-*+•][ \t]{1,4}(?P<rest>\S[^\n]*)")
_ADDRESS = re.compile(r"https?://[^\s]|\b10\.\d{4,9}/[^\s]|\bdoi:", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(?:1[6-9]|20)\d\d(?!\d)")


class Entry(NamedTuple):
    """One reference."""

    number: int | None
    text: str
    start: int
    end: int
    style: str = ""
    """How it is marked; the entries of one list are marked alike, so that a numbered heading behind it is none."""


class ReferenceList(NamedTuple):
    """All references of an answer."""

    entries: dict[int, Entry]
    """By number; of several with one number, the first."""
    cuts: tuple[tuple[int, int], ...]
    """Where they stand, with their headings, in whole lines and in order."""
    n_entries: int


class Line(NamedTuple):
    """One line."""

    start: int
    end: int
    """Behind the line end."""
    text: str
    is_code: bool


def find_references(text: str, code: tuple[tuple[int, int], ...]) -> ReferenceList:
    """The references of an answer; linear."""
    lines = read_lines(text, code)
    entries, cuts = list[Entry](), list[tuple[int, int]]()
    number = 0
    while number < len(lines):
        found, until = _list_at(lines, number)
        if found:
            entries += found
            cuts.append((lines[number].start, lines[until - 1].end))
            number = until
            continue
        entry = _lone_entry(lines[number])
        if entry:
            entries.append(entry)
            cuts.append((entry.start, lines[number].end))
        number += 1
    by_number = dict[int, Entry]()
    for entry in entries:
        if entry.number is not None:
            by_number.setdefault(entry.number, entry)
    return ReferenceList(by_number, tuple(cuts), len(entries))


def read_lines(text: str, code: tuple[tuple[int, int], ...]) -> list[Line]:
    """The lines of a text."""
    return [*_lines(text, Shield(code))]


def is_heading(line: Line) -> bool:
    """Whether a line is the heading of a list of references."""
    return not line.is_code and _HEADING.fullmatch(line.text) is not None


def _lines(text: str, blocks: Shield) -> Iterator[Line]:
    start = 0
    for line in _LINE.findall(text):
        yield Line(start, start + len(line), line.rstrip("\n"), blocks.covers(start))
        start += len(line)


def _list_at(lines: list[Line], number: int) -> tuple[list[Entry], int]:
    """The entries below the heading in this line, none if it is no such heading, and the number of the line behind."""
    if not is_heading(lines[number]):
        return [], number
    entries, until, at, after_blank = list[Entry](), number + 1, number + 1, True
    while at < len(lines) and not lines[at].is_code:
        line, entry = lines[at], _entry(lines[at])
        if not line.text.strip():
            after_blank = True
        elif entry is not None and _belongs(entry, entries):
            entries.append(entry)
            until, after_blank = at + 1, False
        elif after_blank or not _goes_on(entries[-1], line):
            break
        else:
            entries[-1] = entries[-1]._replace(text=f"{entries[-1].text} {line.text.strip()}", end=line.end)
            until = at + 1
        at += 1
    return entries, until


def _belongs(entry: Entry, entries: list[Entry]) -> bool:
    """Whether an entry is one of a list that holds these so far."""
    return len(entry.text) <= MAX_REFERENCE and (not entries or entry.style == entries[0].style)


def _goes_on(entry: Entry, line: Line) -> bool:
    """Whether the line goes on with an entry."""
    opens = line.text.lstrip()[:1] in "#|" or _BULLET.match(line.text) or _NUMBERED.match(line.text)
    return not opens and len(entry.text) + len(line.text) <= MAX_REFERENCE


def _entry(line: Line) -> Entry | None:
    if found := _NUMBERED.fullmatch(line.text) or _LABELLED.fullmatch(line.text):
        parts = found.groupdict()
        style = "plain" if parts["bracket"] is None else "bracket"
        return Entry(int(parts["bracket"] or parts["plain"]), parts["rest"].strip(), line.start, line.end, style)
    bullet = _BULLET.fullmatch(line.text)
    if bullet and _looks_like_reference(bullet["rest"]):
        return Entry(None, bullet["rest"].strip(), line.start, line.end, "bullet")
    return None


def _lone_entry(line: Line) -> Entry | None:
    """The entry that a line is without a heading."""
    if line.is_code or len(line.text) > MAX_REFERENCE:
        return None
    numbered = _NUMBERED.fullmatch(line.text)
    found = _LABELLED.fullmatch(line.text) or (numbered if numbered and numbered["bracket"] else None)
    if found is None or not _looks_like_reference(found["rest"]):
        return None
    if found is numbered and not (found["colon"] or _ADDRESS.search(found["rest"])):
        return None
    return Entry(int(found["bracket"]), found["rest"].strip(), line.start, line.end)


def _looks_like_reference(text: str) -> bool:
    return bool(_ADDRESS.search(text) or _YEAR.search(text))
