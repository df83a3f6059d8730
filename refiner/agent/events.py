"""What a run tells while it works: one JSON object an event, for `stream_mode="custom"` and for progress lines.

| type | fields | when |
|---|---|---|
| `step` | `step`: `plan`, `search`, `read` or `refine` | a step begins |
| `plan` | `parts`: list of `{"text", "ids"}`, with the evidence of each; `queries` | a planner has planned |
| `search` | `tool`, `query`, `outcome` (null: it begins), `found`: how many snippets | a search begins, and ends |
| `snippet` | `id`, `tool`, `snippet`: the record | a snippet enters the evidence |
| `claim` | `text`, `citations`: ids, `start`, `end`: code points of the text | it, or else the answer, is done |
| `restart` | | all claims so far are void: another draft begins |
| `warning` | `message` | something did not work; it stands in the answer's notes too |

In: what happened. Out: the events. All text in them is data from outside: escape it for the medium that shows it. Not
here: who listens.
"""

from collections.abc import Callable, Sequence
from typing import Any

from citerefine.refiner.agent.state import Part, SnippetRecord
from citerefine.refiner.protocols import Outcome
from citerefine.refiner.records import Claim
from citerefine.refiner.tags.scanner import Restart

Event = dict[str, Any]
Emit = Callable[[Event], None]


def step_event(step: str) -> Event:
    """A step begins."""
    return {"type": "step", "step": step}


def plan_event(parts: Sequence[Part], queries: Sequence[str]) -> Event:
    """A planner model has planned: what was found for the parts of the question, what is asked next."""
    return {"type": "plan", "parts": [{**part, "ids": [*part["ids"]]} for part in parts], "queries": [*queries]}


def search_event(tool: str, query: str, outcome: Outcome | None = None, found: int = 0) -> Event:
    """A search begins (no outcome yet), or has ended."""
    return {"type": "search", "tool": tool, "query": query, "outcome": outcome and outcome.value, "found": found}


def snippet_event(tool: str, record: SnippetRecord) -> Event:
    """A snippet entered the evidence."""
    return {"type": "snippet", "id": record["id"], "tool": tool, "snippet": record}


def answer_event(part: Claim | Restart) -> Event:
    """A claim is complete, or the claims so far are void."""
    if isinstance(part, Restart):
        return {"type": "restart"}
    return {
        "type": "claim", "text": part.text, "citations": [*part.citations], "start": part.start, "end": part.end,
    }  # fmt: skip


def warning_event(message: str) -> Event:
    """Something did not work."""
    return {"type": "warning", "message": message}
