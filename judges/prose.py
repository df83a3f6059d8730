"""Reads the Markdown around the sentences of an answer, so that sentences can be found in it.

In: `TagParse`. Out: `Prose`: the plain text at equal length in which code, list markers, table pipes and HTML breaks
are blanks, and line ends are left only where something new begins; and where headings are. Linear. Not here: sentences
and units (units.py).
"""

import re
from typing import NamedTuple

from citerefine.refiner.tags.scanner import TagParse

_LINE = re.compile(r"[^\n]+\n?|\n")
_MARKER = re.compile(r"[ \t]*(?:>[ \t]*)*(?:(?:[-*+•]|\d{1,3}[.)]|[a-z][.)])[ \t]+)")
_STRUCTURAL = re.compile(r"[ \t]*(?:#|>|\||={3,}|-{3,})|.*\|[ \t]*$")
_ROW = re.compile(r"[ \t]*\||.*\|[ \t]*$")
_DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-*:?[ \t]*)*\Z")
_UNDERLINE = re.compile(r"[ \t]*(?:={3,}|-{3,})[ \t]*\Z")
_HEADING = re.compile(r"[ \t]*#{1,6}(?:\s|\Z)")
_BOLD_LINE = re.compile(r"[ \t]*(?:\*\*|__)(?=\S)[^*_\n]+(?:\*\*|__)[ \t]*:?[ \t]*\Z")
_BREAK_TAG = re.compile(r"<(?:br|hr|/?p|/?div|/?li)[ \t]*/?>", re.IGNORECASE)
_NOT_NEWLINE = re.compile(r"[^\n]")
_ENDS_SENTENCE = re.compile(r"[.!?。！？][*_\"'”’»)\]]*[ \t]*\Z")


class Prose(NamedTuple):
    """An answer as sentences stand in it."""

    text: str
    """As long as the plain answer."""
    headings: tuple[tuple[int, int], ...]
    """Lines that are headings: with `#`, underlined, wholly bold, or the head of a table."""


def prose(parse: TagParse) -> Prose:
    """The prose of an answer."""
    lines = _LINE.findall(_without_code(parse))
    parts, headings, at = list[str](), list[tuple[int, int]](), 0
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else "\n"
        if _is_heading(line.rstrip("\n"), following.rstrip("\n")):
            headings.append((at, at + len(line)))
        at += len(line)
        parts.append(_plain(line, following))
    text = _BREAK_TAG.sub(lambda tag: "\n" + " " * (len(tag[0]) - 1), "".join(parts))
    return Prose(text, tuple(headings))


def _without_code(parse: TagParse) -> str:
    parts, at = list[str](), 0
    for start, end in parse.code:
        parts += [parse.text[at:start], _NOT_NEWLINE.sub(" ", parse.text[start:end])]
        at = end
    return "".join([*parts, parse.text[at:]])


def _is_heading(line: str, following: str) -> bool:
    if _HEADING.match(line):
        return True
    if _BOLD_LINE.match(line):
        return not _ENDS_SENTENCE.search(line)
    if "|" in line:
        return "-" in following and bool(_DELIMITER.match(following))
    return bool(line.strip()) and bool(_UNDERLINE.match(following)) and not _ENDS_SENTENCE.search(line)


def _plain(line: str, following: str) -> str:
    marker = _MARKER.match(line)
    body = " " * marker.end() + line[marker.end() :] if marker else line
    if "|" in body and _ROW.match(line.rstrip("\n")):
        body = body.replace("|", " ")
    if body.endswith("\n") and _is_soft(line, following):
        body = body[:-1] + " "
    return body


def _is_soft(line: str, following: str) -> bool:
    """Whether the end of `line` is a hard wrap within a paragraph."""
    if not line.strip() or not following.strip() or _BOLD_LINE.match(line.rstrip("\n")):
        return False
    return not (_STRUCTURAL.match(line.rstrip("\n")) or _STRUCTURAL.match(following) or _MARKER.match(following))
