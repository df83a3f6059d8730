"""What a reader is told while an answer is worked on: one message a step, and claims as they come.

In: the agent's events (refiner/agent/events.py), which hold text of sources and models. Out: `Message`s of plain text,
bounded in length. Not here: who is told (runs.py), markup.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from citerefine.app.messages import counted
from citerefine.refiner.agent.events import Event
from citerefine.refiner.protocols import Outcome
from citerefine.refiner.records import Snippet
from citerefine.refiner.report.html_page import clip, printable

_QUERY: Final = 300
"""Characters of a query that are shown; of a title and a claim likewise."""
_TITLE: Final = 120
_CLAIM: Final = 4_000
_MOST_TITLES: Final = 3
_STEPS: Final = {
    "plan": "Planning what to search for",
    "read": "Reading on around what was found",
    "refine": "Writing the answer",
}
_TROUBLE: Final = {
    Outcome.RATE_LIMITED: "takes no more searches for now",
    Outcome.FAILED: "could not be searched",
    Outcome.DISABLED: "is switched off",
}


class Message(NamedTuple):
    """One thing that a reader is told."""

    kind: str
    """`step`; `claim`; `restart`: the claims so far are void."""
    text: str
    sources: tuple[str, ...] = ()
    """Titles of what a claim cites."""


def messages(event: Event, found: Mapping[str, Snippet]) -> Iterator[Message]:
    """What an event comes to; many come to nothing.

    Args:
        event: of the agent.
        found: the snippets so far, by id.
    """
    kind = event["type"]
    if kind == "step" and event["step"] in _STEPS:
        yield Message("step", _STEPS[event["step"]])
    elif kind == "plan" and event["queries"]:
        yield Message("step", f"To be searched for: {'; '.join(map(_quoted, event['queries']))}")
    elif kind == "search":
        yield Message("step", _search(event))
    elif kind == "warning":
        yield Message("step", f"Warning: {_shown(event['message'], _CLAIM)}")
    elif kind == "restart":
        yield Message("restart", "Writing anew; the draft so far is void")
    elif kind == "claim":
        titles = dict.fromkeys(_title(found[id]) for id in event["citations"] if id in found)
        yield Message("claim", _shown(event["text"], _CLAIM), tuple(titles)[:_MOST_TITLES])


def _search(event: Event) -> str:
    tool, query = _shown(event["tool"], _TITLE), _quoted(event["query"])
    if event["outcome"] is None:
        return f"Searching {tool} for {query}"
    outcome = Outcome(event["outcome"])
    if outcome in _TROUBLE:
        return f"{tool} {_TROUBLE[outcome]}: {query}"
    found = counted(event["found"], "passage") if event["found"] else "nothing"
    return f"{tool}: {found} for {query}"


def _quoted(query: str) -> str:
    return f"“{_shown(query, _QUERY)}”"


def _title(snippet: Snippet) -> str:
    return _shown(snippet.title or snippet.source or snippet.url or f"passage {snippet.id}", _TITLE)


def _shown(text: str, limit: int) -> str:
    shown: str = printable(clip(" ".join(text.split()), limit))
    return shown
