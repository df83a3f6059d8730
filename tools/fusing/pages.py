"""Asks one of several sources, and tells what became of it.

In: a tool, a query; pages of several tools. Out: a page in any case; sentences with the source's name; how a search of
all of them ended. Not here: which tools are asked (fused_search.py, fallback.py).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.refiner.agent.within import seconds_left, within
from citerefine.refiner.errors import InputError, ReplayError
from citerefine.refiner.protocols import Outcome, SearchPage, SearchTool

MAX_SECONDS: Final = 25.0
"""Longest time that one source may take, so that one that hangs does not keep back what the others found."""
LONGEST_WARNING: Final = 240
"""Code points of what one warning tells of one source: whoever shows warnings cuts longer ones anywhere."""

SOURCES: Final = "sources"
_LONGEST_NAME: Final = 64
"""Of functions that a model may call."""
_SHARE: Final = 0.85
"""Of the time that a search has, for asking; the rest is for bringing together what came."""


class Answered(NamedTuple):
    """What one source gave."""

    name: str
    page: SearchPage


async def ask(tool: SearchTool, query: str, k: int) -> Answered:
    """The page of a tool, or one that says how it failed. Raises ReplayError."""
    try:
        page: object = await within(_bound(), tool.search(query, k))
    except ReplayError:  # no failure of a source: the replay itself cannot go on
        raise
    except TimeoutError:
        page = SearchPage(outcome=Outcome.FAILED, warnings=("it did not answer in time",))
    except Exception as error:  # tools are foreign code, and the protocol says that any exception is a failed search
        # Its name only: a foreign message may hold an address with a key in it.
        page = SearchPage(outcome=Outcome.FAILED, warnings=(type(error).__name__,))
    if not isinstance(page, SearchPage):
        page = SearchPage(outcome=Outcome.FAILED, warnings=(f"it gave {type(page).__name__}, no SearchPage",))
    return Answered(tool.name, page)


def _bound() -> float:
    """Seconds for one source: so few that what the others found is given before nobody waits for it any more."""
    left = seconds_left()
    return MAX_SECONDS if left is None else min(MAX_SECONDS, _SHARE * left)


def joined(tools: Sequence[SearchTool], word: str) -> str:
    """The names of tools as one name, which is also that of a function; `sources` where that would be too long."""
    name = word.join(tool.name for tool in tools)
    return name if len(name) <= _LONGEST_NAME else SOURCES


def told(answered: Answered) -> list[str]:
    """What a reader should know of one source's page, with its name."""
    name, page = answered
    said = brief("; ".join(page.warnings))
    match page.outcome:
        case Outcome.FAILED:
            return [f"{name} failed: {said or 'it gave no reason'}"]
        case Outcome.RATE_LIMITED:
            return [f"{name} takes no more requests for now" + (f" ({said})" if said else "")]
        case Outcome.DISABLED:
            return [f"{name} was not searched: {said or 'it is switched off'}"]
    return [f"{name}: {brief(warning)}" for warning in page.warnings]


def brief(said: str, most: int = LONGEST_WARNING) -> str:
    """The text, cut behind a word where it is longer than `most` code points."""
    if len(said) <= most:
        return said
    whole, _, _ = said[:most].rpartition(" ")
    return f"{whole.rstrip(' ,;:.(') or said[: most - 1]}…"


def outcome_of(pages: Sequence[SearchPage]) -> Outcome:
    """How a search ended that asked for these pages: empty where any source said so, whatever became of the others,
    which the warnings tell; failed only where every source failed that was asked."""
    if any(page.snippets for page in pages):
        return Outcome.OK
    asked = {page.outcome for page in pages if page.outcome is not Outcome.DISABLED}
    if not asked:
        return Outcome.DISABLED
    if asked & {Outcome.OK, Outcome.EMPTY}:
        return Outcome.EMPTY
    return Outcome.RATE_LIMITED if asked == {Outcome.RATE_LIMITED} else Outcome.FAILED


def cost_of(pages: Sequence[SearchPage]) -> float | None:
    """US dollars of all pages that were asked for; None if one of them is not known."""
    costs = [page.cost for page in pages if page.outcome is not Outcome.DISABLED]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if costs and len(known) == len(costs) else None


def were_cached(pages: Sequence[SearchPage]) -> bool:
    """Whether nobody had to be asked for any of the pages."""
    asked = [page for page in pages if page.outcome is not Outcome.DISABLED]
    return bool(asked) and all(page.cached for page in asked)


def checked(tools: Sequence[SearchTool], name: str) -> tuple[SearchTool, ...]:
    """The tools. Raises InputError if there are none."""
    if not tools:
        raise InputError(f"{name} was given no source to search; name one or several, such as europepmc")
    return tuple(tools)
