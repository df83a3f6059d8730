"""Finds what looks like a citation and is none: code within a line, and Markdown links.

In: text, its code blocks. Out: links, and a shield over all places in which no marker is read. Linear: no pattern
runs over what another match may start in without a bound. Not here: what a link means (links.py).
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

_TICKS = re.compile(r"`+|\n")
_LINK = re.compile(
    r"(?P<image>!?)\[(?P<text>[^\[\]\n]{0,300}+)\]\(<?(?P<url>[A-Za-z]{1,10}+:[^\s()<>]{1,2000}+"
    r"(?:\([^\s()<>]{0,200}+\)[^\s()<>]{0,500}+){0,4}+)>?(?:[ \t]{1,3}+(?:\"[^\"\n]{0,300}+\"|'[^'\n]{0,300}+'))?\)"
)


class Link(NamedTuple):
    """`[text](url)`."""

    start: int
    end: int
    text_start: int
    text_end: int
    url: str


def merged(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The places in order, those that overlap as one."""
    found = list[tuple[int, int]]()
    for start, end in sorted(places):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


class Shield:
    """Places in which no marker is read; none over another."""

    def __init__(self, places: Iterable[tuple[int, int]]) -> None:
        self._places = sorted(place for place in places if place[0] < place[1])
        self._starts = [start for start, _ in self._places]

    def covers(self, place: int) -> bool:
        """Whether `place` lies in one of them."""
        return self.around(place) is not None

    def around(self, place: int) -> int | None:
        """Where the one begins that `place` lies in."""
        number = bisect_right(self._starts, place) - 1
        return self._starts[number] if number >= 0 and place < self._places[number][1] else None

    def touches(self, start: int, end: int) -> bool:
        """Whether one of them has a part between `start` and `end`."""
        first = bisect_right(self._starts, start) - 1
        first += first < 0 or self._places[first][1] <= start
        return first < bisect_left(self._starts, end)


def code_places(text: str, blocks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Code blocks, and code within lines: between two runs of equally many backticks (CommonMark 0.31, section 6.1),
    here of one line."""
    found = [*blocks]
    block, line = Shield(found), list[re.Match[str]]()
    for run in _TICKS.finditer(text) if "`" in text else ():
        if run[0] != "\n":
            line.append(run)
        elif line:
            found += _code_of_line(line, block)
            line = []
    return sorted([*found, *_code_of_line(line, block)])


def _code_of_line(runs: list[re.Match[str]], blocks: Shield) -> list[tuple[int, int]]:
    runs = [run for run in runs if not blocks.covers(run.start())]
    closing, following = dict[int, int](), [-1] * len(runs)
    for number in range(len(runs) - 1, -1, -1):
        length = len(runs[number][0])
        following[number] = closing.get(length, -1)
        closing[length] = number
    found, number = list[tuple[int, int]](), 0
    while number < len(runs):
        end = following[number]
        if end > number:
            found.append((runs[number].start(), runs[end].end()))
        number = max(number, end) + 1
    return found


def find_links(text: str, shield: Shield) -> tuple[list[Link], list[tuple[int, int]]]:
    """The links outside `shield`, in order, and the places of images."""
    links, images = list[Link](), list[tuple[int, int]]()
    for link in _LINK.finditer(text):
        if shield.covers(link.start()):
            continue
        if link["image"]:
            images.append(link.span())
        else:
            links.append(Link(link.start(), link.end(), link.start("text"), link.end("text"), link["url"]))
    return links, images
