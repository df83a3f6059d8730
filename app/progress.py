"""Says on standard error what a longer run is doing, where somebody looks on.

In: the agent's events. Out: a line a step and search, on a terminal only. Not here: what stands in the answer's notes
anyway.
"""

import sys
from collections.abc import Callable
from typing import Final

from citerefine.app.messages import counted, say
from citerefine.refiner.agent.events import Event

_STEPS: Final = {"plan": "planning", "refine": "writing the answer"}
_QUERY: Final = 100
"""Longest query that is shown, in code points."""


def progress() -> Callable[[Event], None]:
    """What tells of events: to a terminal, else to nobody."""
    return _tell if sys.stderr is not None and sys.stderr.isatty() else _keep_silent


def _keep_silent(event: Event) -> None:
    """Nobody looks on."""


def _tell(event: Event) -> None:
    if event["type"] == "step" and event["step"] in _STEPS:
        say(f"{_STEPS[event['step']]} …")
    elif event["type"] == "search" and event["outcome"] is None:
        query = event["query"]
        say(f"searching {event['tool']}: {query if len(query) <= _QUERY else f'{query[:_QUERY]}…'}")
    elif event["type"] == "search":
        say(f"{event['tool']}: {counted(event['found'], 'passage')}")
    elif event["type"] == "plan" and event["parts"]:
        n_covered = sum(bool(part["ids"]) for part in event["parts"])
        say(f"{n_covered} of {counted(len(event['parts']), 'part')} of the question covered")
    elif event["type"] == "restart":
        say("writing anew …")
