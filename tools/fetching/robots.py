"""What a host says in its robots.txt of programs that read its pages.

In: a robots.txt, or why there is none. Out: `Robots`: whether a page may be read, and how far apart pages are to be
asked for. By RFC 9309: a host that has no such file allows everything, one that fails to give it forbids everything.
Rules are matched by protego. Not here: asking for the file (fetcher.py).
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final

from citerefine.tools.fetching.urls import PageUrl
from citerefine.tools.web.failures import WebFailure

if TYPE_CHECKING:
    from protego import Protego

NAME: Final = "citerefine"
"""What a robots.txt calls this program."""
_ABSENT: Final = frozenset({"not_found", "unauthorized", "bad_request"})
"""Codes of a status 4xx other than 429."""
_LINES: Final = 5_000
"""Of those that concern this program no more are read."""
_SILENT: Final = re.compile(r"\s*(#|$|(sitemap|site-map|host)\b)", re.IGNORECASE)
"""A line that says nothing of a group of programs."""
_AGENT: Final = re.compile(r"\s*user[- ]?agent\s*:?\s*([^#]*)", re.IGNORECASE)


class Robots:
    """Of one host."""

    def __init__(self, rules: "Protego | None", failure: WebFailure | None = None) -> None:
        self._rules = rules
        self._failure = failure

    def check(self, url: PageUrl) -> None:
        """Raises WebFailure if a page may not be read."""
        if self._failure is not None:
            raise WebFailure(f"robots.txt cannot be read, and so no page ({self._failure})", self._failure.code)
        if self._rules is not None and not self._rules.can_fetch(str(url), NAME):
            raise WebFailure("robots.txt does not allow it", "robots")

    @property
    def delay(self) -> float:
        """Seconds between two pages, where the host asks for some; else 0."""
        return (self._rules.crawl_delay(NAME) if self._rules else None) or 0.0


def read_robots(body: bytes) -> Robots:
    """What a robots.txt says, as far as it is read. To be called in a thread: it may take half a second."""
    from protego import Protego

    lines = body.decode("utf-8-sig", "replace").splitlines()
    return Robots(Protego.parse("\n".join(islice(_for_us(lines), _LINES))))


def robots_without(failure: WebFailure) -> Robots:
    """What holds where there is no robots.txt to be read."""
    return Robots(None, None if failure.code in _ABSENT else failure)


def _for_us(lines: Iterable[str]) -> Iterator[str]:
    """The groups of rules that name this program or all programs, naming no others.

    protego takes long for each rule, and keeps a copy of it for each program of a group: thousands of both would fill
    the memory.
    """
    ours = naming = False
    for line in lines:
        if _SILENT.match(line):
            continue
        agent = _AGENT.match(line)
        if agent is None:
            naming = False
            if ours:
                yield line
            continue
        name = agent[1].strip().lower()
        among = name != "" and name.replace("*", "") in ("", NAME)
        ours = among or (naming and ours)
        naming = True
        if among:
            yield f"User-agent: {name.replace('*', '') or '*'}"
