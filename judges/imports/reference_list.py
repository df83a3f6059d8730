"""Finds the list of references that an answer ends with, or holds.

In: text, where it is code, the evidence. Out: the entries by number, and what of the text they are. Cut from the
scored text is only what is a reference; a reference is never a claim, and never evidence. Not here: which snippet a
reference names (sources.py), what is more than a reference (entry_words.py).

A list is a heading such as `References` or `**Sources:**` with entries below, marked alike: `[1] …`, `[1]: …`,
`1. …`, `[S1] …`, or a bullet that looks like a reference. It ends at a heading, or at a paragraph that is no entry.
Without a heading, a line is an entry if it begins `[1]: …` or `Citation: [1] …` and looks like a reference, or begins
`[1]` and holds a URL or DOI. A line that cites, and names no URL, DOI or known title, is no entry: it is what the
answer says. An entry with more words than a reference has says what it names, and stays in the text.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from citerefine.judges.imports.entry_words import ADDRESS, is_text, looks_like_reference
from citerefine.judges.imports.inline import Shield
from citerefine.judges.imports.sources import MAX_REFERENCE, Sources

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
    r"[ \t]{0,8}(?:[-*+•][ \t]{1,4})?(?:[*_]{0,2}\\?[\[［【]\^?(?:(?i:source[ \t])?(?P<bracket>\d{1,3})"
    r"|(?P<name>[A-Za-z0-9_-]{1,64}))\^?\\?[\]］】][*_]{0,2}(?P<colon>[:：])?"
    r"|(?P<plain>\d{1,3})[.)])[.]?(?=[ \t]{1,8}\S|(?<=[:：\]])\S)(?P<rest>[^\n]*)"
)
_LABELLED = re.compile(
    r"[ \t]{0,8}[*_]{0,3}(?:citations?|references?|sources?)[*_]{0,3}[:：][*_]{0,3}[ \t]{0,4}"
    r"[\[［【](?P<bracket>\d{1,3})[\]］】](?P<rest>[ \t]{1,8}\S[^\n]*)",
    re.IGNORECASE,
)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BRACKETED = ("bracket", "name", "colon")
_BULLET = re.compile(r"[ \t]{0,8}[-*+•][ \t]{1,4}(?P<rest>\S[^\n]*)")
_CITES = re.compile(
    r"[\[［【]\^?(?i:sources?[ \t])?\d{1,3}(?:[ \t]?[,;–-][ \t]?\d{1,3}){0,20}\^?(?:†[^\]】\n]{0,80})?\\?[\]］】]"
    r"|\[\^[^\s\[\]]{1,64}\]"
)
_NAMED = re.compile(r"\[([A-Za-z0-9_-]{1,64})\\?\]")


class Entry(NamedTuple):
    """One reference."""

    number: int | None
    text: str
    start: int
    end: int
    style: str = ""
    """How it is marked; the entries of one list are marked alike, so that a numbered heading behind it is none."""
    words_start: int = 0
    """Where its words begin, behind its mark."""
    is_named: bool = False
    """Whether it has an address, or names a snippet."""
    is_kept: bool = False
    """Whether its words are more than a reference, and stay in the scored text."""


class ReferenceList(NamedTuple):
    """All references of an answer."""

    entries: dict[int, Entry]
    """By number; of several with one number, the first."""
    lists: tuple[tuple[int, int], ...]
    """Where they stand, with their headings, in whole lines and in order; without what is kept."""
    n_entries: int
    marks: tuple[tuple[int, int], ...] = ()
    """Marks of entries whose words are kept; they are cut too, since they cite nothing."""
    kept: tuple[tuple[int, int], ...] = ()
    """Entries whose words are kept."""

    @property
    def cuts(self) -> tuple[tuple[int, int], ...]:
        """All that is cut out of the text, in order."""
        return tuple(sorted((*self.lists, *self.marks)))

    def is_most_of(self, text: str) -> bool:
        """Whether no more words stand outside than in the lists."""
        inside = sum(len(text[start:end].split()) for start, end in (*self.lists, *self.kept))
        return len(text.split()) <= 2 * inside

    def uncut(self) -> "ReferenceList":
        """The same where the list is the answer: it stays in the text, and its entries are claims, but for those that
        name a source."""
        named = {number: entry for number, entry in self.entries.items() if entry.is_named}
        marks = tuple(sorted((entry.start, entry.words_start) for entry in named.values() if entry.style in _BRACKETED))
        return self._replace(entries=named, lists=(), marks=marks, kept=())


class Line(NamedTuple):
    """One line."""

    start: int
    end: int
    """Behind the line end."""
    text: str
    is_code: bool


def find_references(text: str, code: tuple[tuple[int, int], ...], sources: Sources) -> ReferenceList:
    """The references of an answer; linear."""
    lines, finder = read_lines(text, code), _Finder(sources)
    number = 0
    while number < len(lines):
        until = finder.take_list(lines, number)
        if until == number:
            finder.take_line(lines[number])
            until += 1
        number = until
    return finder.found()


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


class _Finder:
    """Collects the references of an answer, line by line."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._entries, self._lists = list[Entry](), list[tuple[int, int]]()

    def found(self) -> ReferenceList:
        """All that was taken."""
        by_number = dict[int, Entry]()
        for entry in self._entries:
            if entry.number is not None:
                by_number.setdefault(entry.number, entry)
        kept = [entry for entry in self._entries if entry.is_kept]
        return ReferenceList(
            by_number,
            tuple(self._lists),
            len(self._entries),
            tuple((entry.start, entry.words_start) for entry in kept if entry.style in _BRACKETED),
            tuple((entry.start, entry.end) for entry in kept),
        )

    def take_list(self, lines: list[Line], number: int) -> int:
        """Takes the list under the heading in this line, and gives the number of the line behind it; that of this line
        if there is none."""
        candidates, until = self._list_at(lines, number)
        judged = [self._judged(entry) for entry in candidates]
        entries = [entry for entry in judged if entry is not None]
        if not any(entry.is_named or not entry.is_kept or entry.style in _BRACKETED for entry in entries):
            return number
        self._entries += entries
        is_cut = any(not entry.is_kept for entry in entries)
        start = lines[number].start if is_cut else None  # of what is cut without a break
        end = lines[number].end
        for entry in judged:
            if entry is not None and not entry.is_kept:
                start, end = entry.start if start is None else start, entry.end
            elif start is not None:
                self._lists.append((start, end))
                start = None
        if start is not None:
            self._lists.append((start, end))
        return until

    def take_line(self, line: Line) -> None:
        """Takes the entry that a line is without a heading."""
        found = _lone_entry(line)
        entry = found and self._judged(found)
        if entry is None or (entry.is_kept and entry.style != "colon"):
            return
        self._entries.append(entry)
        if not entry.is_kept:
            self._lists.append((entry.start, line.end))

    def _judged(self, entry: Entry) -> Entry | None:
        """The entry, and whether it is named and kept; None if it is no entry, but a line that cites."""
        ids = self._sources.reference(entry.text)
        is_named = bool(ids) or ADDRESS.search(entry.text) is not None
        if not is_named and self._cites(entry.text):
            return None
        is_kept = len(entry.text) > MAX_REFERENCE or is_text(entry.text, self._sources.titles(ids), is_named=bool(ids))
        return entry._replace(is_named=is_named, is_kept=is_kept)

    def _cites(self, text: str) -> bool:
        return _CITES.search(text) is not None or any(self._sources.id(name) for name in _NAMED.findall(text))

    def _list_at(self, lines: list[Line], number: int) -> tuple[list[Entry], int]:
        """What may be entries below the heading in this line, and the number of the line behind them."""
        if not is_heading(lines[number]):
            return [], number
        entries, until, at, after_blank = list[Entry](), number + 1, number + 1, True
        while at < len(lines) and not lines[at].is_code:
            line, entry = lines[at], self._entry(lines[at])
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

    def _entry(self, line: Line) -> Entry | None:
        if found := _NUMBERED.fullmatch(line.text) or _LABELLED.fullmatch(line.text):
            parts = found.groupdict()
            if not parts.get("name"):
                number = parts["bracket"] or parts["plain"]
                return _entry_of(line, found, int(number), "plain" if parts["bracket"] is None else "bracket")
            return _entry_of(line, found, None, "name") if self._is_reference(found["rest"]) else None
        bullet = _BULLET.fullmatch(line.text)
        if bullet and self._is_reference(bullet["rest"]):
            return _entry_of(line, bullet, None, "bullet")
        return None

    def _is_reference(self, text: str) -> bool:
        return looks_like_reference(text) or bool(self._sources.reference(text.strip()))


def _entry_of(line: Line, found: re.Match[str], number: int | None, style: str) -> Entry:
    rest = found["rest"]
    words_start = line.start + found.start("rest") + len(rest) - len(rest.lstrip())
    return Entry(number, rest.strip(), line.start, line.end, style, words_start)


def _belongs(entry: Entry, entries: list[Entry]) -> bool:
    """Whether an entry is one of a list that holds these so far."""
    return len(entry.text) <= MAX_REFERENCE and (not entries or entry.style == entries[0].style)


def _goes_on(entry: Entry, line: Line) -> bool:
    """Whether the line goes on with an entry."""
    opens = line.text.lstrip()[:1] in "#|" or _BULLET.match(line.text) or _NUMBERED.match(line.text)
    return not opens and len(entry.text) + len(line.text) <= MAX_REFERENCE


def _lone_entry(line: Line) -> Entry | None:
    """What may be an entry without a heading."""
    if line.is_code or len(line.text) > MAX_REFERENCE:
        return None
    numbered = _NUMBERED.fullmatch(line.text)
    found = _LABELLED.fullmatch(line.text) or (numbered if numbered and numbered["bracket"] else None)
    if found is None or not looks_like_reference(found["rest"]):
        return None
    has_colon = found is numbered and bool(found["colon"])
    if found is numbered and not (has_colon or ADDRESS.search(found["rest"])):
        return None
    return _entry_of(line, found, int(found["bracket"]), "colon" if has_colon else "bracket")
