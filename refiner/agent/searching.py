"""Sends queries to search tools, all at once within bounds, and takes what comes.

In: queries, tools, and how long it may take. Out: `Found`: new records, which tool found them, notes. A tool that
fails, hangs, is limited or gives something else than a page never ends a run: it becomes a note, and is not asked
again. What tools give is data; it enters the evidence as `Snippet` records only. Not here: what to search for
(unaided.py, planner.py), how many searches there may be (steps.py).
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from citerefine.refiner.agent.events import Emit, search_event, snippet_event, warning_event
from citerefine.refiner.agent.state import Searched, SnippetRecord, enter
from citerefine.refiner.agent.within import within
from citerefine.refiner.errors import ReplayError
from citerefine.refiner.protocols import AND, Outcome, SearchPage, SearchTool
from citerefine.refiner.records import Snippet

MAX_SECONDS: Final = 30.0
"""Longest time for one search, however much is left."""
READ_WORKS: Final = 3
"""Of how many of the best works a tool reads on around what it found."""
_NOTE: Final = 300
"""Longest message of a tool that is passed on, in code points."""


@runtime_checkable
class ReadingTool(SearchTool, Protocol):
    """A search tool that can read on around what it found."""

    async def read(self, snippets: Sequence[Snippet]) -> SearchPage:
        """What stands around the snippets, best first. An exception counts as a failure."""
        ...


class Search(NamedTuple):
    """One query for one tool."""

    tool: SearchTool
    query: str


class Limits(NamedTuple):
    """What the searches of one step may use."""

    seconds: float
    """For all of them together."""
    at_once: int
    k: int
    """Hits a search."""


@dataclass(slots=True)
class Found:
    """What the searches of one step gave."""

    evidence: dict[str, SnippetRecord] = field(default_factory=dict)
    """New records, the best of each search first."""
    fresh: dict[str, list[str]] = field(default_factory=dict)
    """Tool → ids of the new records that it found."""
    notes: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    """Tools that failed."""
    new: list[int] = field(default_factory=list)
    """How many new records each search gave."""
    searched: list[Searched] = field(default_factory=list)
    """What came of each query; none where tools read on."""


async def search_all(
    searches: Sequence[Search], limits: Limits, known: Mapping[str, SnippetRecord], emit: Emit
) -> Found:
    """What the searches find that is not known yet; takes no longer than `limits.seconds`."""
    gate, share = _gate(len(searches), limits)

    async def one(search: Search) -> SearchPage:
        async with gate:
            emit(search_event(search.tool.name, search.query))
            page = await _page(share, lambda: search.tool.search(search.query, limits.k))
        emit(search_event(search.tool.name, search.query, page.outcome, len(page.snippets)))
        return page

    pages = await asyncio.gather(*map(one, searches))
    found = _gathered([search.tool.name for search in searches], pages, known, emit)
    found.searched += map(_searched, searches, pages, found.new)
    return found


def _searched(search: Search, page: SearchPage, new: int) -> Searched:
    return Searched(
        query=search.query, tool=search.tool.name, outcome=page.outcome.value, found=len(page.snippets), new=new
    )


async def read_on(
    tools: Mapping[str, ReadingTool],
    fresh: Mapping[str, Sequence[str]],
    limits: Limits,
    known: Mapping[str, SnippetRecord],
    emit: Emit,
) -> Found:
    """What stands around the best of what each tool found in its last search."""
    gate, share = _gate(len(tools), limits)

    async def one(tool: ReadingTool) -> SearchPage:
        async with gate:
            return await _page(share, lambda: tool.read(_best(known[id] for id in fresh[tool.name])))

    pages = await asyncio.gather(*map(one, tools.values()))
    return _gathered([*tools], pages, known, emit)


def _gate(n: int, limits: Limits) -> tuple[asyncio.Semaphore, float]:
    """How many go on at once, and how long each may take so that all of them end in time."""
    waves = math.ceil(n / limits.at_once) or 1
    return asyncio.Semaphore(limits.at_once), min(MAX_SECONDS, limits.seconds / waves)


async def _page(seconds: float, ask: Callable[[], Coroutine[Any, Any, SearchPage]]) -> SearchPage:
    """The page that a tool gives, or one that says how it failed."""
    try:
        page: object = await within(seconds, ask())
    except ReplayError:  # no failure of a source: the replay itself cannot go on
        raise
    except TimeoutError:
        return SearchPage(outcome=Outcome.FAILED, warnings=("it did not answer in time",))
    except Exception as error:  # tools are foreign code, and the protocol says that any exception is a failed search
        # Its name only: a foreign message may hold an address with a key in it.
        return SearchPage(outcome=Outcome.FAILED, warnings=(type(error).__name__,))
    if not isinstance(page, SearchPage):
        return SearchPage(outcome=Outcome.FAILED, warnings=(f"it gave {type(page).__name__}, no SearchPage",))
    return page


def _gathered(
    tools: Sequence[str], pages: Sequence[SearchPage], known: Mapping[str, SnippetRecord], emit: Emit
) -> Found:
    """The pages as one: best hits first, whichever tool was faster."""
    found = Found(new=[0] * len(pages))
    for tool, page in zip(tools, pages, strict=True):
        notes = _notes(tool, page)
        found.notes += [note for note in notes if note not in found.notes]
        if page.outcome in (Outcome.FAILED, Outcome.RATE_LIMITED, Outcome.DISABLED) and tool not in found.unreachable:
            found.unreachable.append(tool)
    merged = dict(known)
    for rank in zip_longest(*(page.snippets for page in pages)):
        for at, (tool, snippet) in enumerate(zip(tools, rank, strict=True)):
            if snippet is not None and (record := enter(merged, snippet)) is not None:
                found.new[at] += 1
                found.evidence[record["id"]] = record
                found.fresh.setdefault(tool, []).append(record["id"])
                emit(snippet_event(tool, record))
    for note in found.notes:
        emit(warning_event(note))
    return found


def _notes(tool: str, page: SearchPage) -> list[str]:
    """What a reader should know about one search."""
    name, warnings = _one_line(tool), [_one_line(warning) for warning in page.warnings]
    if AND in tool and warnings:  # several as one: each warning names the one that it is of
        return [f"{warning}." if page.outcome is not Outcome.OK else warning for warning in warnings]
    said = "; ".join(warnings)
    if page.outcome is Outcome.FAILED:
        return [f"{name} was not reachable: {said or 'it gave no reason'}."]
    if page.outcome is Outcome.RATE_LIMITED:
        return [f"{name} was not reachable: it takes no more requests for now{f' ({said})' if said else ''}."]
    if page.outcome is Outcome.DISABLED:
        return [f"{name} was not searched: {said or 'it is switched off'}."]
    return [f"{name}: {warning}" for warning in warnings]


def _one_line(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _NOTE])
    return " ".join(printable.split())[:_NOTE].rstrip(" .")


def _best(records: Iterable[SnippetRecord]) -> list[Snippet]:
    """The first hit of each of the best works."""
    works: dict[str, Snippet] = {}
    for snippet in map(Snippet.model_validate, records):
        works.setdefault(snippet.work, snippet)
    return [*works.values()][:READ_WORKS]
