"""The state of one run of the agent: JSON values only, so that any checkpointer can keep it.

In: a question, perhaps reasoning and evidence. Out: the answer and its notes. Between them each step reads the whole
state and returns what it changes; evidence alone is merged, so that a graph inside another graph, or a step that is
taken twice, doubles nothing. Not here: the steps (steps.py).
"""

from collections.abc import Mapping
from itertools import starmap
from typing import Annotated, Any, NotRequired, cast

from typing_extensions import TypedDict  # typing's own breaks JSON schemas before Python 3.12

from citerefine.refiner.agent.documents import read_evidence
from citerefine.refiner.records import Snippet, normalised

SnippetRecord = dict[str, Any]
"""The fields of a `Snippet` that are not at their defaults, as JSON values."""


def snippet_record(snippet: Snippet) -> SnippetRecord:
    """The record that stands for a snippet in the state."""
    return snippet.model_dump(mode="json", exclude_defaults=True)


def merge_evidence(known: Mapping[str, SnippetRecord], update: object) -> dict[str, SnippetRecord]:
    """The evidence with an update behind it: first wins, order kept, nothing twice; None empties it.

    A snippet whose id stands for another text already keeps its text and gets the id that follows from its content.
    """
    if update is None:
        return {}
    merged = dict(known)
    if isinstance(update, dict) and not update.keys() & known.keys() and all(starmap(_is_entered, update.items())):
        return merged | update
    for snippet in read_evidence(update):
        enter(merged, snippet)
    return merged


def _is_entered(id: object, record: object) -> bool:
    """Whether `enter` may have made this record; reading it again would cost time in every step."""
    return (
        isinstance(record, dict)
        and record.get("id") == id
        and isinstance(record.get("text"), str)
        and record.keys() <= Snippet.model_fields.keys()
    )


def enter(evidence: dict[str, SnippetRecord], snippet: Snippet) -> SnippetRecord | None:
    """The record that was added to `evidence`; None if the snippet is there already."""
    if (same := evidence.get(snippet.id)) is not None:
        if normalised(same["text"]) == normalised(snippet.text):
            return None
        snippet = Snippet.model_validate(snippet.model_dump(exclude={"id"}))
        if snippet.id in evidence:
            return None
    evidence[snippet.id] = record = snippet_record(snippet)
    return record


class GraphInput(TypedDict):
    """What a run is asked."""

    question: str
    reasoning: NotRequired[str]
    """What an agent thought before; context for planner and refiner, never evidence."""
    evidence: NotRequired[list[SnippetRecord] | dict[str, SnippetRecord]]
    """Snippets that are there already, best first: a list, or a dict from id to record."""


class GraphOutput(TypedDict):
    """What a run gives back: nothing that was put in, so that a parent graph finds nothing doubled."""

    answer: dict[str, Any]
    """`Answer.model_dump(mode="json")`; `Answer.model_validate` reads it back and checks it."""
    notes: list[str]
    """The answer's notes: what was dropped, was not reachable, or is not mentioned by any source."""


class Part(TypedDict):
    """One thing that the question asks, as a planner model split it."""

    text: str
    ids: list[str]
    """Records that the planner marked as its evidence; none: it is open."""


class Searched(TypedDict):
    """One query to one tool, and what came of it."""

    query: str
    tool: str
    outcome: str
    """A value of `Outcome`."""
    found: int
    """How many snippets."""
    new: int
    """How many of them entered the evidence."""


class State(TypedDict, total=False):
    """All that the steps share. What stands behind `evidence` is internal."""

    question: str
    reasoning: str
    evidence: Annotated[dict[str, SnippetRecord], merge_evidence]
    """Id → record, in the order found."""
    answer: dict[str, Any]
    notes: list[str]
    about: str
    """The question that the keys below belong to."""
    queries: list[str]
    """What the next search step sends out."""
    asked: list[str]
    """All queries so far, in order."""
    searched: list[Searched]
    """What came of them, in the order in which they were sent."""
    parts: list[Part]
    """The parts of the question; none without a planner model."""
    fresh: dict[str, list[str]]
    """Tool → ids of the new snippets that it found in the last search step."""
    searches: int
    """How many searches were made: one query to one tool each."""
    barren: int
    """How many search steps in a row found nothing new."""
    tokens: int
    """How many tokens planner and refiner have used; counted only where `max_tokens` is set."""
    seconds: float
    """How long the steps so far took, together. A pause between an interruption and going on is no part of it."""
    unreachable: list[str]
    """Tools that failed and are not asked again in this run."""


Update = dict[str, Any]
"""What a step changes: some keys of `State`."""


def fresh_counters() -> Update:
    """The internal keys as a run starts with them, and leaves them behind."""
    return {
        "about": "", "queries": [], "asked": [], "searched": [], "parts": [], "fresh": {}, "searches": 0, "barren": 0,
        "tokens": 0, "seconds": 0.0, "unreachable": [],
    }  # fmt: skip


def updated(state: State, update: Update) -> State:
    """The state with an update in it."""
    changed: dict[str, Any] = {**state, **update}
    if "evidence" in update:
        changed["evidence"] = merge_evidence(state.get("evidence", {}), update["evidence"])
    return cast(State, changed)
