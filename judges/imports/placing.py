"""Takes citation markers out of an answer and ties what they cite to the sentences that they stand in.

In: plain text with markers in it, where they stand and what they cite, what is cut out beside them. Out: `TagParse`,
as the tag parser gives it. A citation covers the whole sentence, split just as the scorer splits it (units.py); a
group of markers behind a full stop belongs to the sentence before it, one that opens a paragraph or a list item to
the sentence behind it. Linear. Not here: finding markers, which snippets they mean.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from citerefine.judges.units import split_units
from citerefine.refiner.tags.attributes import MAX_IDS
from citerefine.refiner.tags.block import Finding, Span
from citerefine.refiner.tags.markup import scrub
from citerefine.refiner.tags.scanner import TagParse, parse_tags

_KEPT_FINDINGS = ("thinking", "tool_echo", "code_block", "multiple_answers", "unclosed_answer", "text_outside")
_LINE_HEAD = re.compile(r"[ \t]*(?:>[ \t]*)*(?:(?:[-*+•]|\d{1,3}[.)]|[a-z][.)]|#{1,6})[ \t]+|\|[ \t]*)?")
_BETWEEN = re.compile(r"[ \t]*(?:[,;，、；]|and|&)?[ \t]*")
_CLOSES = re.compile(r"[\s.,;:!?…。！？，；：)\]|]|\Z")
_GOES_ON = re.compile(r"[ \t]*[^\s.,;:!?…。！？，；：)\]|]")
_BLANK_LINE = re.compile(r"\n[^\S\n]*(?=\n)")
_STOP = ".!?。！？"


class Marked(NamedTuple):
    """An answer without thinking, tool output and tags, its markers still in it."""

    text: str
    code: tuple[tuple[int, int], ...]
    findings: tuple[Finding, ...]
    """Of the tag parser; a missing `<answer>` block is none, since other forms have no such block."""
    shift: int
    """What an offset in `text` needs added to count in the answer as given."""
    is_tagged: bool
    """Whether citing tags were taken out."""


class Marker(NamedTuple):
    """One citation as it stands in marked text."""

    start: int
    end: int
    ids: tuple[str, ...]
    kept: tuple[int, int] | None = None
    """The part that is text of the answer, as the words of a link are."""


class Cover(NamedTuple):
    """A citation that covers a stretch of marked text, without a marker in it."""

    start: int
    end: int
    ids: tuple[str, ...]


def read_marked(raw: str) -> Marked:
    """The answer's plain text by the rules of the tag parser."""
    parse = parse_tags(raw)
    behind = max((finding.raw_end for finding in parse.findings if finding.code == "thinking"), default=0)
    shift = scrub(raw).find(parse.text, behind)
    kept = tuple(finding for finding in parse.findings if finding.code in _KEPT_FINDINGS)
    return Marked(parse.text, parse.code, kept, max(shift, 0), bool(parse.spans))


def place(
    marked: Marked,
    markers: Sequence[Marker],
    *,
    covers: Sequence[Cover] = (),
    cuts: Iterable[tuple[int, int]] = (),
    findings: Iterable[Finding] = (),
) -> TagParse:
    """The answer without markers, with a span for each sentence that is cited.

    Args:
        marked: the answer.
        markers: in order, none over another.
        covers: citations of stretches; each cites all sentences that it touches.
        cuts: what is no text of the answer; no marker in it, none over another.
        findings: what is unusual, at offsets of the marked text.
    """
    groups = _grouped(marked.text, markers)
    removals = sorted([*(removal for group in groups for removal in group.removals), *(_Removal(*cut) for cut in cuts)])
    edit = _Edit(marked.text, removals)
    code = tuple((edit.new(start), edit.new(end)) for start, end in marked.code)
    code = tuple((start, end) for start, end in code if start < end)
    sentences = _Sentences(edit.text, code)
    ids = dict[int, dict[str, None]]()
    lost = list[Finding]()
    for group in groups:
        number = sentences.of(edit.new(group.at), group.opens)
        if number is None:
            lost.append(Finding("no_claim", group.at, group.at))
        else:
            ids.setdefault(number, {}).update(dict.fromkeys(group.ids))
    _cover(ids, [(sentences.touched(edit.new(one.start), edit.new(one.end)), one.ids) for one in covers])
    spans = list[Span]()
    for number in sorted(ids):
        start, end = sentences.places[number]
        here = Span(start, end, edit.old(start), edit.old_end(end), tuple(ids[number])[:MAX_IDS], edit.text[start:end])
        spans.append(here._replace(raw_start=here.raw_start + marked.shift, raw_end=here.raw_end + marked.shift))
        if len(ids[number]) > MAX_IDS:
            lost.append(Finding("too_many_ids", edit.old(start), edit.old_end(end)))
    found = [
        finding._replace(raw_start=finding.raw_start + marked.shift, raw_end=finding.raw_end + marked.shift)
        for finding in (*findings, *lost)
    ]
    ordered = sorted([*marked.findings, *found], key=lambda finding: finding.raw_start)
    return TagParse(edit.text, tuple(spans), code, tuple(ordered))


class _Rest:
    """The numbers from 0 that are not yet done."""

    def __init__(self) -> None:
        self._next = dict[int, int]()

    def first(self, number: int) -> int:
        """The least one from `number` on."""
        passed = list[int]()
        while number in self._next:
            passed.append(number)
            number = self._next[number]
        self._next |= dict.fromkeys(passed, number)
        return number

    def close(self, number: int, until: int) -> None:
        """Those before `until` are done."""
        self._next[number] = until


def _cover(ids: dict[int, dict[str, None]], covers: Iterable[tuple[range, tuple[str, ...]]]) -> None:
    """Adds to the sentences of each cover its ids, in order, until a sentence has more than count.

    Linear, since no sentence is met twice for one id, and none again that has enough.
    """
    enough, of_id = _Rest(), dict[str, _Rest]()
    for sentences, cited in covers:
        for id in cited:
            rest = of_id.setdefault(id, _Rest())
            number = rest.first(sentences.start)
            while number < sentences.stop:
                behind = enough.first(number)
                if behind == number:
                    known = ids.setdefault(number, {})
                    known[id] = None
                    behind += 1
                    if len(known) > MAX_IDS:
                        enough.close(number, behind)
                rest.close(number, behind)
                number = rest.first(behind)


class _Removal(NamedTuple):
    start: int
    end: int
    blank: bool = False
    """Whether a blank stays, so that two sentences do not join."""


class _Group(NamedTuple):
    """Markers with nothing between them."""

    at: int
    """Where the removed text ends."""
    opens: bool
    """Whether the group opens a paragraph or a list item."""
    ids: tuple[str, ...]
    removals: tuple[_Removal, ...]


# --- groups of markers ------------------------------------------------------------------------------------------------


def _grouped(text: str, markers: Sequence[Marker]) -> list[_Group]:
    groups, lines, number, behind = list[_Group](), _Lines(text), 0, 0
    while number < len(markers):
        first = markers[number]
        ids, end = [*first.ids], first.end
        number += 1
        if first.kept:
            removals = (_Removal(first.start, first.kept[0]), _Removal(first.kept[1], first.end))
            groups.append(_Group(first.kept[1], False, first.ids, removals))
            behind = first.end
            continue
        while number < len(markers) and not markers[number].kept:
            between = _BETWEEN.match(text, end)
            if between is None or between.end() != markers[number].start:
                break
            ids += markers[number].ids
            end, number = markers[number].end, number + 1
        group = _group(text, first.start, end, behind, lines)._replace(ids=tuple(ids))
        groups.append(group)
        behind = group.removals[0].end
    return groups


def _group(text: str, start: int, end: int, behind: int, lines: "_Lines") -> _Group:
    """The group text[start:end], with what surrounds it and would make no sense without it."""
    for opening, closing in (("<sup>", "</sup>"), ("(", ")"), ("（", "）")):
        if text.startswith(closing, end) and text.endswith(opening, behind, start):
            start, end = start - len(opening), end + len(closing)
    if lines.opens_at(start) and _GOES_ON.match(text, end):
        while text[end : end + 1] in (" ", "\t"):
            end += 1
        return _Group(end, True, (), (_Removal(start, end),))
    if _CLOSES.match(text, end):
        while start > behind and text[start - 1] in " \t":
            start -= 1
    joins = start > behind and text[start - 1] in _STOP and not _CLOSES.match(text, end)
    return _Group(end, False, (), (_Removal(start, end - joins, bool(joins)),))


class _Lines:
    """The line that a place stands in, for places in order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._start, self._seen = 0, 0
        self._read_line(first=True)

    def opens_at(self, place: int) -> bool:
        """Whether nothing but a list marker stands before `place`, in a line that begins something new."""
        newline = self._text.rfind("\n", self._seen, place)
        if newline >= 0:
            before, self._start = self._start, newline + 1
            previous = self._text.rfind("\n", before, newline) + 1 or before
            self._read_line(first=not self._text[previous:newline].strip())
        self._seen = place
        return place <= self._head_end and (self._opens or place > self._marker_from)

    def _read_line(self, first: bool) -> None:
        head = _LINE_HEAD.match(self._text, self._start)
        self._head_end = head.end() if head else self._start
        self._opens = first
        stripped = head[0].strip(" \t") if head else ""
        self._marker_from = self._start if stripped else self._head_end


# --- text without markers ---------------------------------------------------------------------------------------------


class _Edit:
    """The text without the removed parts, and offsets both ways."""

    def __init__(self, text: str, removals: Sequence[_Removal]) -> None:
        parts, at = list[str](), 0
        for removal in removals:
            parts += [text[at : removal.start], " " * removal.blank]
            at = removal.end + removal.blank
        parts.append(text[at:])
        whole = "".join(parts)
        self.text = whole.strip()
        self._lead = len(whole) - len(whole.lstrip())
        self._old = list[int]()  # where each removed part starts
        self._old_ends = list[int]()
        self._removed = [0]  # how much is removed before it, and at last in all
        self._new = list[int]()  # where it was, in the text without
        for removal in removals:
            start = removal.start + removal.blank
            end = removal.end + removal.blank
            self._old.append(start)
            self._old_ends.append(end)
            self._new.append(start - self._removed[-1])
            self._removed.append(self._removed[-1] + end - start)

    def new(self, old: int) -> int:
        """The offset without removed parts."""
        number = bisect_right(self._old, old)
        inside = max(0, self._old_ends[number - 1] - old) if number else 0
        place = old + inside - self._removed[number] - self._lead
        return min(max(place, 0), len(self.text))

    def old(self, new: int) -> int:
        """The offset with removed parts, behind one that stood exactly there."""
        return new + self._lead + self._removed[bisect_right(self._new, new + self._lead)]

    def old_end(self, new: int) -> int:
        """The offset with removed parts, before one that stood exactly there."""
        return new + self._lead + self._removed[bisect_left(self._new, new + self._lead)]


class _Sentences:
    """The units of a text without citations: its sentences, those without a letter or digit left out."""

    def __init__(self, text: str, code: tuple[tuple[int, int], ...]) -> None:
        self.places = [(unit.start, unit.end) for unit in split_units(TagParse(text, (), code, ()))]
        self._starts = [start for start, _ in self.places]
        self._ends = [end for _, end in self.places]
        self._breaks = sorted([*(blank.start() for blank in _BLANK_LINE.finditer(text)), *(start for start, _ in code)])

    def of(self, place: int, opens: bool) -> int | None:
        """Number of the sentence that a marker at `place` belongs to; None where its paragraph has none."""
        number = bisect_right(self._ends, place) if opens else bisect_left(self._starts, place) - 1
        if not 0 <= number < len(self.places):
            return None
        start, end = self.places[number]
        between = (place, start) if opens else (end, place)
        return None if self._has_break(*between) else number

    def _has_break(self, start: int, end: int) -> bool:
        return start < end and bisect_left(self._breaks, end) > bisect_left(self._breaks, start)

    def touched(self, start: int, end: int) -> range:
        """Numbers of the sentences that text[start:end] holds a part of."""
        return range(bisect_right(self._ends, start), bisect_left(self._starts, end))
