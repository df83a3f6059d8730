"""Reads answers that cite in brackets, by number or by id: `[1][2]`, `[1, 3]`, `[2-4]`, `[^1^]`, `【1】`, `\\[1\\]`,
`[Source 1]`; `[S1]`, `[S1, S3]`, `[3f9a]`.

In: the answer, evidence. Out: `TagParse`. A number is the n-th snippet, or, where the answer has a list of
references, what its entry names; a number that leads nowhere is an unknown id. Brackets that hold nothing but exact
ids or aliases of the evidence cite these; one that looks like an alias and is none is an unknown id. Not here: placing
citations (placing.py), lists of references (reference_list.py).

Text, and no citation, are: more than three digits (`[2021]`); anything but numbers (`[sic]`, `[a]`, `[0.1, 0.5]`);
code; Markdown links, but for `[1](url)`; a number behind a one-letter or under_scored name (`x[1]`); a list behind
`=` or `∈`, two numbers behind `range` or `interval`, several numbers with a 0 among them where counting starts at 1,
and a range that does not rise: these are intervals.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from citerefine.judges.imports.inline import Link, Shield, code_places, find_links, merged
from citerefine.judges.imports.placing import Marked, Marker, place
from citerefine.judges.imports.reference_list import Entry, ReferenceList
from citerefine.judges.imports.sources import Sources, unknown
from citerefine.refiner.records import Snippet
from citerefine.refiner.tags.attributes import MAX_IDS
from citerefine.refiner.tags.block import Finding
from citerefine.refiner.tags.scanner import TagParse

_NUMBER = "[0-9０-９]{1,3}"
_JOINT = r"[ \t]{0,2}[,;，、；][ \t]{0,2}|[ \t]{0,2}[-–—‑－][ \t]{0,2}"
_BRACKET = re.compile(
    r"\\?[\[［【](?P<caret>\^)?[ \t]?(?i:(?:sources?|snippets?|passages?|documents?|docs?)[ \t]{1,2}#?)?"
    rf"(?P<list>{_NUMBER}(?:(?:{_JOINT})\^?{_NUMBER}){{0,99}}+)[ \t]?(?(caret)\^)"
    r"(?:†[^\[\]【】\n]{0,80}+)?\\?[\]］】]"
)
_NAMES = re.compile(
    r"\\?\[[ \t]?(?P<list>[\w-]{1,64}+(?:[ \t]{0,2}[,;][ \t]{0,2}[\w-]{1,64}+){0,63}+)[ \t]?\\?\]", re.ASCII
)
_NAME_JOINT = re.compile("[ \t]*[,;][ \t]*")
_ALIAS = re.compile(r"S{1,3}\d{1,3}")
_ITEM = re.compile(rf"({_NUMBER})(?:[ \t]{{0,2}}[-–—‑－][ \t]{{0,2}}\^?({_NUMBER}))?")
_DIGITS = re.compile(_NUMBER)
_SUBSCRIPTED = re.compile(r"(?:(?<![\w'’.-])[a-z]|\w*_\w*)\Z")
_ASSIGNED = re.compile(r"[=∈∉⊂⊆]\s{0,3}\Z")
_SPANNED = re.compile(r"\b(?:range|interval|domain)s?(?:\s(?:of|from|is|in))?\s{0,3}\Z", re.IGNORECASE)
_LOOK_BACK = 40
_MOST_DIGITS = 3


class Numbers(NamedTuple):
    """One bracket with numbers."""

    start: int
    end: int
    numbers: tuple[int, ...]
    """In order; a range is written out, up to one more than can count."""
    url: str | None = None
    """Where the number is a link."""
    ids: tuple[str, ...] = ()
    """Where it holds ids and aliases instead of numbers: the snippets that these name."""


class Reading(NamedTuple):
    """An answer as an importer read it, with what it has to say about it."""

    parse: TagParse
    notes: tuple[str, ...] = ()
    declared: tuple[Snippet, ...] = ()


def find_numbers(text: str, shield: Shield, links: list[Link], first: int) -> Iterator[Numbers]:
    """The brackets that cite, in order.

    Args:
        text: plain text.
        shield: where nothing is read: code, images, links.
        links: of which those whose text is a number cite.
        first: the number of the first snippet, 0 or 1.
    """
    linked = {link.start: link for link in links}
    for bracket in _BRACKET.finditer(text):
        link = linked.get(bracket.start())
        if link is None and (shield.covers(bracket.start()) or not _cites(text, bracket, first)):
            continue
        numbers = _written_out(bracket["list"])
        if numbers:
            yield Numbers(bracket.start(), link.end if link else bracket.end(), numbers, link.url if link else None)


def find_names(text: str, shield: Shield, sources: Sources) -> Iterator[Numbers]:
    """The brackets that hold nothing but ids and aliases, in order; numbers of up to three digits are none."""
    for bracket in _NAMES.finditer(text) if len(sources) else ():
        names = _NAME_JOINT.split(bracket["list"])
        if shield.covers(bracket.start()) or any(len(name) <= _MOST_DIGITS and name.isdecimal() for name in names):
            continue
        ids = [sources.resolve(name) or (unknown(f"[{name}]") if _ALIAS.fullmatch(name) else None) for name in names]
        before = text[max(0, bracket.start() - _LOOK_BACK) : bracket.start()]
        if all(ids) and not _SUBSCRIPTED.search(before):
            yield Numbers(bracket.start(), bracket.end(), (), None, tuple(dict.fromkeys(id for id in ids if id)))


def _cites(text: str, bracket: re.Match[str], first: int) -> bool:
    start = bracket.start()
    values = [int(number) for number in _DIGITS.findall(bracket["list"])]
    if len(values) == 1 and not (start and (text[start - 1] == "_" or text[start - 1].isalnum())):
        return True
    before = text[max(0, start - _LOOK_BACK) : start]
    if len(values) > 1 and (_ASSIGNED.search(before) or (first > 0 and 0 in values)):
        return False
    if len(values) == 2 and _SPANNED.search(before):
        return False
    return not _SUBSCRIPTED.search(before)


def _written_out(text: str) -> tuple[int, ...]:
    """The numbers that a list names; none if a range in it does not rise."""
    if text.isdecimal():
        return (int(text),)
    numbers = list[int]()
    for item in _ITEM.finditer(text):
        low = int(item[1])
        high = int(item[2]) if item[2] else low
        if item[2] and high <= low:
            return ()
        numbers += range(low, min(high, low + MAX_IDS) + 1)
    return tuple(dict.fromkeys(numbers))


class NumberedText(NamedTuple):
    """What of an answer is citations by numbers, and what is references."""

    marked: Marked
    brackets: list[Numbers]
    references: ReferenceList
    first: int
    """The number of the first snippet, 0 or 1."""

    @property
    def places(self) -> list[int]:
        """Where it cites."""
        return [bracket.start for bracket in self.brackets]


def find_numbered(marked: Marked, references: ReferenceList, sources: Sources, first: int = 1) -> NumberedText:
    """The answer's citations by numbers and ids."""
    text = marked.text
    places = code_places(text, marked.code)
    links, images = find_links(text, Shield(places))
    cut = Shield(references.cuts)
    hidden = Shield(merged([*places, *images, *references.cuts, *((link.start, link.end) for link in links)]))
    links = [link for link in links if not cut.covers(link.start)]
    brackets = {one.start: one for one in find_names(text, hidden, sources)}
    brackets |= {one.start: one for one in find_numbers(text, hidden, links, first)}
    return NumberedText(marked, [brackets[start] for start in sorted(brackets)], references, first)


def read_numbered(found: NumberedText, sources: Sources) -> Reading:
    """The answer, cited by numbers."""
    brackets, references = found.brackets, found.references
    look_up = _LookUp(sources, references, found.first)
    markers = [Marker(one.start, one.end, look_up.ids(one)) for one in brackets]
    findings = [*look_up.findings, *findings_on(references)]
    zeros = [bracket for bracket in brackets if found.first and 0 in bracket.numbers]
    findings += [Finding("counted_from_zero", zero.start, zero.end) for zero in zeros[:1]]
    return Reading(place(found.marked, markers, cuts=references.cuts, findings=findings), notes_on(references))


def notes_on(references: ReferenceList) -> tuple[str, ...]:
    """What is said of a list of references."""
    notes = list[str]()
    if references.lists:
        length = sum(end - start for start, end in references.lists)
        n_cut = references.n_entries - len(references.kept)
        notes.append(f"references: {n_cut} entries, {length} characters, cut from the scored text")
    if references.kept:
        notes.append(
            f"references with more words than a reference has: {len(references.kept)}, kept in the scored text"
        )
    return tuple(notes)


def findings_on(references: ReferenceList) -> list[Finding]:
    """The findings of a list of references."""
    cut = [Finding("reference_list", *where) for where in references.lists]
    return [*cut, *(Finding("reference_text", *where) for where in references.kept)]


class _LookUp:
    """What the numbers of one answer mean."""

    def __init__(self, sources: Sources, references: ReferenceList, first: int) -> None:
        self.findings = list[Finding]()
        self._sources, self._entries, self._first = sources, references.entries, first
        self._of = cache(self._find)

    def ids(self, bracket: Numbers) -> tuple[str, ...]:
        """The ids that a bracket cites."""
        if bracket.ids:
            return bracket.ids
        if bracket.url is not None:
            return self._sources.address(bracket.url) or (unknown(bracket.url),)
        return tuple(dict.fromkeys(id for number in bracket.numbers for id in self._of(number)))

    def _find(self, number: int) -> tuple[str, ...]:
        place = number - self._first + 1
        if not self._entries:
            id = self._sources.number(place)
            return (id,) if id else (unknown(f"[{number}]"),)
        entry = self._entries.get(number)
        found = self._named(entry, place) if entry else ()
        return found or (unknown(f"[{number}]"),)

    def _named(self, entry: Entry, place: int) -> tuple[str, ...]:
        found = self._sources.reference(entry.text, place)
        if len(found) > 1:
            self.findings.append(Finding("several_passages", entry.start, entry.end))
        if not found and len(self._sources):
            self.findings.append(Finding("unmatched_reference", entry.start, entry.end))
        return found
