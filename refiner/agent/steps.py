"""The steps of the agent: plan → search → read → (enough?) → refine, which verifies what it wrote.

In: the state, and a `Run`: tools, context, who listens. Out: `Move`: what changes, and which step comes next. The
steps hold all the logic; what takes them one after the other (run.py, graph.py) holds none. Searches, time and tokens
stay within the context's limits. Searching ends, too, when nothing new is found: without a planner model at once, with
one when that happens twice in a row, when something was found for all parts of the question, or when the planner says
that it is enough. A step before `refine` that fails costs what it would have found, never the run;
what `refine` raises (CallError, ReplyError, CitationError) ends it. Not here: how searches are run (searching.py),
what is asked next (unaided.py, planner.py).
"""

import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from citerefine.refiner.agent.context import SEARCH_SHARE, RefinerContext
from citerefine.refiner.agent.coverage import all_covered, nothing_found_note
from citerefine.refiner.agent.events import Emit, plan_event, step_event, warning_event
from citerefine.refiner.agent.findings import Findings
from citerefine.refiner.agent.planner import with_plan
from citerefine.refiner.agent.searching import Found, Limits, ReadingTool, Search, read_on, search_all
from citerefine.refiner.agent.state import Part, State, Update, fresh_counters, updated
from citerefine.refiner.agent.unaided import missing_words, next_query, query_key
from citerefine.refiner.agent.writing import write_answer
from citerefine.refiner.answer import Answer
from citerefine.refiner.errors import CiterefineError, InputError, ModelError, ReplayError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.models import EXTRACTIVE
from citerefine.refiner.protocols import SearchTool
from citerefine.refiner.records import Mode, Snippet
from citerefine.refiner.request import RefineRequest
from citerefine.refiner.validation import validate

END: Final = "end"
"""What comes behind the last step."""
MAX_BARREN: Final = 2
"""After how many search steps in a row that found nothing new a planner model is not asked again."""
DEGRADING: Final = frozenset({"plan", "search", "read"})
"""Steps whose failure does not end a run."""


class Toolbox:
    """The search tools of a graph, by name, and what was learned of its planners."""

    def __init__(self, tools: Sequence[SearchTool]) -> None:
        self.tools = {tool.name: tool for tool in tools}
        self.readers = {name: tool for name, tool in self.tools.items() if isinstance(tool, ReadingTool)}
        """Those of them that can read on around what they found."""
        self.plain_planners: set[str] = set()
        """Names of planners that do not take tool calls."""
        if len(self.tools) < len(tools):
            counts = Counter(tool.name for tool in tools)
            twice = next(name for name, count in counts.items() if count > 1)
            raise InputError(f"two search tools are called {twice!r}; give each a name of its own")


@dataclass(frozen=True, slots=True)
class Run:
    """One step's view of its run."""

    toolbox: Toolbox
    context: RefinerContext
    emit: Emit
    began: float = field(default_factory=time.monotonic)
    """When the step began."""

    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.began

    def left(self, state: State, share: float = 1.0) -> float:
        """Seconds until this share of the run's time is used."""
        return share * self.context.max_seconds - state.get("seconds", 0.0) - self.elapsed()

    def usable(self, state: State) -> dict[str, SearchTool]:
        """The tools that have not failed in this run."""
        failed = state.get("unreachable", [])
        return {name: tool for name, tool in self.toolbox.tools.items() if name not in failed}

    def may_search(self, state: State) -> bool:
        """Whether there is a tool, a search and time left."""
        searches_left = state.get("searches", 0) < self.context.max_searches
        return searches_left and bool(self.usable(state)) and self.left(state, SEARCH_SHARE) > 0


class Move(NamedTuple):
    """What a step changes, and where it leads."""

    update: Update
    to: str
    answer: Answer | None = None
    """What `update` holds as JSON, from the last step."""


def first_step(toolbox: Toolbox) -> str:
    """Where a run begins: without tools there is nothing to plan."""
    return "plan" if toolbox.tools else "refine"


async def take_step(name: str, state: State, run: Run) -> Move:
    """Takes a step and counts its time. Raises what the step raises."""
    run.emit(step_event(name))
    start = _start(state)
    update, to, answer = await STEPS[name](updated(state, start), run)
    return Move({**start, "seconds": _worked(state, start, run), **update}, to, answer)


def _worked(state: State, start: Update, run: Run) -> float:
    """Seconds that the run has worked; a new one begins at 0."""
    return run.elapsed() + (0.0 if start else state.get("seconds", 0.0))


def _start(state: State) -> Update:
    """What a run begins with: nothing that its thread kept of another question. Raises InputError for no question."""
    question = state.get("question", "")
    if not question.strip():
        raise InputError("the question is empty; ask something")
    return {} if state.get("about") == question else {**fresh_counters(), "notes": [], "about": question}


def move_on(name: str, state: State, run: Run, error: BaseException) -> Move:
    """Where a failed step of `DEGRADING` leads: on to the answer from what is there, with a note.

    Raises the error itself where the step is another one, or the caller asked for what cannot be.
    """
    if name not in DEGRADING or isinstance(error, InputError | ModelError | ReplayError):
        raise error
    start = _start(state)
    reason = str(error) if isinstance(error, CiterefineError) else type(error).__name__
    note = f"The step {name!r} failed ({reason}); the answer rests on what was found before."
    run.emit(warning_event(note))
    notes = [note] if start else _noting(state, [note])
    return Move({**start, "notes": notes, "seconds": _worked(state, start, run)}, "refine")


# --- plan -----------------------------------------------------------------------------------------------------


async def plan(state: State, run: Run) -> Move:
    """The next queries; where there is nothing more to ask, the way leads to `refine`."""
    if not run.may_search(state):
        return Move({}, "refine")
    queries, update = await _planned(state, run)
    if not queries:
        return Move(update, "refine")
    asked = [*state.get("asked", []), *queries]
    return Move({**update, "queries": queries, "asked": asked}, "search")


async def _planned(state: State, run: Run) -> tuple[list[str], Update]:
    """The next queries, and what else planning them changes."""
    if run.context.planner is None:
        return _unaided(state), {}
    from citerefine.refiner.agent.aided import plan_with_model

    told, seconds, tokens = _findings(state, run), run.left(state, SEARCH_SHARE), state.get("tokens", 0)
    planned = await plan_with_model(told, run.context, run.toolbox.plain_planners, seconds, tokens)
    if planned.plan is not None:
        told = with_plan(told, planned.plan)
    update: Update = {"tokens": tokens + planned.tokens, "parts": [*told.parts]}
    if all_covered(told.parts):
        queries = []
    elif planned.plan is not None and planned.plan.queries is not None:
        queries = [*planned.plan.queries]
    else:
        run.emit(warning_event(planned.note))
        queries, update["notes"] = _unaided(state, told.parts), _noting(state, [planned.note])
    run.emit(plan_event(told.parts, queries))
    return queries, update


def _findings(state: State, run: Run) -> Findings:
    """What a planner is told of the run."""
    usable, searches_left = [*run.usable(state)], run.context.max_searches - state.get("searches", 0)
    return Findings(
        question=state["question"],
        records=[*state.get("evidence", {}).values()],
        queries_left=math.ceil(searches_left / len(usable)),  # the last one may not reach every tool
        searches_left=searches_left,
        reasoning=state.get("reasoning", ""),
        parts=state.get("parts", []),
        asked=state.get("asked", []),
        searched=state.get("searched", []),
        fresh={id for ids in state.get("fresh", {}).values() for id in ids},
        sources=usable,
        failed=state.get("unreachable", []),
        max_seconds=run.context.max_seconds,
        tokens_left=None if run.context.max_tokens is None else run.context.max_tokens - state.get("tokens", 0),
    )


def _unaided(state: State, parts: Sequence[Part] = ()) -> list[str]:
    """The next query without a planner's help: for a part that has nothing yet, else for words of the question."""
    asked = state.get("asked", [])
    known = {*map(query_key, asked)}
    for part in parts:
        if not part["ids"] and query_key(part["text"]) not in known:
            return [part["text"]]
    query = next_query(state["question"], asked, [*state.get("evidence", {}).values()])
    return [] if query is None else [query]


# --- search and read ------------------------------------------------------------------------------------------


async def search(state: State, run: Run) -> Move:
    """What the planned queries find, in as many tools as there are searches left for."""
    tools, searches = run.usable(state).values(), state.get("searches", 0)
    wanted = [Search(tool, query) for query in state.get("queries", []) for tool in tools]
    sent = wanted[: run.context.max_searches - searches]
    found = await search_all(sent, _limits(state, run), state.get("evidence", {}), run.emit)
    update = _taken(state, found) | {
        "searches": searches + len(sent),
        "queries": [],
        "searched": [*state.get("searched", []), *found.searched],
        "barren": 0 if found.fresh else state.get("barren", 0) + 1,
    }
    if found.fresh.keys() & run.toolbox.readers.keys():
        return Move(update, "read")
    return Move(update, _after_search(updated(state, update), run))


async def read(state: State, run: Run) -> Move:
    """What stands around the best of what was just found, from the tools that can tell."""
    fresh = state.get("fresh", {})
    reading = {name: tool for name, tool in run.toolbox.readers.items() if name in fresh}
    found = await read_on(reading, fresh, _limits(state, run), state.get("evidence", {}), run.emit)
    update = _taken(state, found) | {"fresh": fresh}
    return Move(update, _after_search(updated(state, update), run))


def _limits(state: State, run: Run) -> Limits:
    context = run.context
    return Limits(run.left(state, SEARCH_SHARE), context.max_concurrent, context.snippets_per_search)


def _taken(state: State, found: Found) -> Update:
    """What searches change in the state."""
    return {
        "evidence": found.evidence,
        "fresh": found.fresh,
        "notes": _noting(state, found.notes),
        "unreachable": [*state.get("unreachable", []), *found.unreachable],
    }


def _after_search(state: State, run: Run) -> str:
    """Whether it is enough: `refine`, or `plan`, where a planner model may say so itself."""
    if not run.may_search(state):
        return "refine"
    if run.context.planner is not None:
        return "plan" if state.get("barren", 0) < MAX_BARREN else "refine"
    enough = not state.get("fresh") or not missing_words(state["question"], state.get("evidence", {}).values())
    return "refine" if enough else "plan"


# --- refine and verify ----------------------------------------------------------------------------------------


async def refine(state: State, run: Run) -> Move:
    """The refiner's answer, verified; the thread is ready for another question.

    Raises CallError, ReplyError, CitationError.
    """
    context = run.context
    request = RefineRequest(
        question=state["question"],
        evidence=Evidence(map(Snippet.model_validate, state.get("evidence", {}).values())),
        reasoning=state.get("reasoning", ""),
        mode=context.settings.mode,
    )
    if context.model == EXTRACTIVE:  # takes milliseconds and no tokens, so that no limit can stop it
        answer = await write_answer(request, EXTRACTIVE, context.settings, run.emit)
    else:
        from citerefine.refiner.agent.aided import refine_with_model

        answer = await refine_with_model(request, context, run.left(state), state.get("tokens", 0), run.emit)
    answer = verify(answer, context.settings.mode, _noting(state, _gaps(state, run)))
    update = {"answer": answer.model_dump(mode="json"), "notes": [*answer.notes]}
    return Move({**fresh_counters(), "evidence": None, **update}, END, answer)


def _gaps(state: State, run: Run) -> list[str]:
    """Notes on parts of the question that nothing was found on."""
    note = nothing_found_note(state.get("parts", []), state.get("evidence", {}).values())
    if note is None:
        return []
    run.emit(warning_event(note))
    return [note]


def verify(answer: Answer, mode: Mode, notes: Sequence[str]) -> Answer:
    """The answer, checked once more, with all that its reader should know of the run."""
    counts = Counter(finding.code for finding in validate(answer, mode=mode))
    flaws = ", ".join(f"{code} ({count})" if count > 1 else code for code, count in counts.items())
    more = [*notes, f"The answer does not validate: {flaws}."] if flaws else notes
    return answer.noting(*(note for note in dict.fromkeys(more) if note not in answer.notes))


def _noting(state: State, new: Sequence[str]) -> list[str]:
    notes = state.get("notes", [])
    return [*notes, *(note for note in new if note not in notes)]


STEPS: Final[dict[str, Callable[[State, Run], Awaitable[Move]]]] = {
    "plan": plan,
    "search": search,
    "read": read,
    "refine": refine,
}
"""Name → step, in the order in which a run takes them."""
LEADS_TO: Final[dict[str, tuple[str, ...]]] = {
    "plan": ("search", "refine"),
    "search": ("read", "plan", "refine"),
    "read": ("plan", "refine"),
    "refine": (END,),
}
"""Where each step can lead."""
