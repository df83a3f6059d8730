"""What an event changes, and which events cannot be.

In: the state of a query, an event, the settings. Out: the next state, or why there is none. Pure: a replay of the same
events gives the same state. These are the rules that no event may break, wherever it comes from; whether a new
criterion is wanted is decided before there is an event (rubric_buffer.py). Not here: the order of steps.
"""

import copy
from typing import Final, NamedTuple, assert_never

from citerefine.rubrics.buffer.contrast import Contrast, known, separates
from citerefine.rubrics.buffer.events import Add, Event, Evidence, Retire, Revive, Score
from citerefine.rubrics.buffer.independence import are_independent
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.buffer.state import Entry, Measured, QueryState, Standing, is_drawn
from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.errors import RubricError

REFUSALS: Final[dict[str, str]] = {
    "duplicate": "the query has a criterion of the same content",
    "near_duplicate": "the query has a criterion that asks the same in other words",
    "mirrored": "the query has a criterion that asks the opposite, so that one thing would count twice",
    "id_taken": "another criterion of the query has its id",
    "nested": "it has children; a buffer holds plain criteria",
    "late": "it is fixed, and the query has adaptive criteria already",
    "fixed": "static and persistent criteria never change",
    "unknown": "the query has no criterion of this key",
    "standing": "it is retired already, or not retired",
    "not_independent": "the evidence is by a judge that is rewarded, or by the model that wrote the criterion",
    "too_few": "the evidence knows too few rollouts of the group",
    "no_contrast": "the evidence does not separate the rollouts",
    "share": "adaptive criteria would hold more of the weight than they may",
    "wrong_key": "the key is not that of the criterion",
}
"""Why an event is refused: code → meaning."""


class Refusal(NamedTuple):
    """Why something was not done."""

    code: str
    """A key of `REFUSALS`."""
    message: str


def fold(state: QueryState, event: Event, settings: BufferSettings) -> QueryState:
    """The state after an event. Raises RubricError if the event breaks a rule."""
    refusal = refusal_of(state, event, settings)
    if refusal is not None:
        raise RubricError(f"{event.kind} of {event.key} at step {event.step}: {refusal.message}")
    match event:
        case Add():
            return state.model_copy(update={"entries": (*state.entries, _entry(state, event, settings))})
        case Score():
            return _scored(state, event, settings)
        case Retire() | Revive():
            return _replaced(state, _turned(state.by_key[event.key], event))
        case _:
            assert_never(event)


def refusal_of(state: QueryState, event: Event, settings: BufferSettings) -> Refusal | None:
    """Why an event cannot be; None if it can."""
    if isinstance(event, Add):
        return _refusal_of_add(state, event, settings)
    entry = state.by_key.get(event.key)
    if entry is None:
        return Refusal("unknown", f"there is no criterion {event.key} of the query {event.query[:60]!r}")
    if isinstance(event, Score):
        return None
    if entry.standing is Standing.FIXED:
        return Refusal("fixed", "it is static or persistent, and these never change")
    if (entry.standing is Standing.RETIRED) != isinstance(event, Revive):
        return Refusal("standing", f"it is {entry.standing}")
    if isinstance(event, Retire):
        return None
    return _refusal_of_evidence(event.evidence, entry.writer, settings) or _refusal_of_share(state, entry, settings)


def detached(criterion: Criterion) -> Criterion:
    """A copy that shares nothing with a criterion that could be changed: all else of it is frozen."""
    return criterion.model_copy(update={"extra": copy.deepcopy(criterion.extra)})


def is_adaptive(criterion: Criterion) -> bool:
    """Whether it may be retired; all others are fixed."""
    return criterion.origin == "adaptive" or criterion.state != "persistent"


def _refusal_of_add(state: QueryState, event: Add, settings: BufferSettings) -> Refusal | None:
    criterion = event.criterion
    if event.key != criterion.key:
        return Refusal("wrong_key", f"its key is {criterion.key}, not {event.key}")
    if criterion.children:
        return Refusal("nested", f"it has {len(criterion.children)} children; add these instead")
    if there := state.by_key.get(event.key):
        return Refusal("duplicate", f"it is there since step {there.since} ({there.standing}); revive it if retired")
    if any(entry.criterion.id == criterion.id for entry in state.entries):
        return Refusal("id_taken", f"another criterion has the id {criterion.id[:60]!r}")
    if not is_adaptive(criterion):
        late = any(entry.standing is not Standing.FIXED for entry in state.entries)
        return Refusal("late", "fixed criteria come before the first adaptive one") if late else None
    if event.evidence is None:
        return None
    entry = _entry(state, event, settings)
    return _refusal_of_evidence(event.evidence, event.writer, settings) or _refusal_of_share(state, entry, settings)


def _refusal_of_evidence(evidence: Evidence, writer: str, settings: BufferSettings) -> Refusal | None:
    for judge in settings.reward_judges:
        if not are_independent(evidence.judge, judge):
            return Refusal("not_independent", f"{evidence.judge} admits it, and rewards as {judge}; ask another model")
    if writer and not are_independent(evidence.judge, writer):
        return Refusal("not_independent", f"{evidence.judge} admits what it wrote as {writer}; ask another model")
    there = known(evidence.values)
    if len(there) < settings.least_rollouts:
        return Refusal("too_few", f"{len(there)} rollouts were judged, and {settings.least_rollouts} are needed")
    if not separates(evidence.values, settings.least_gap):
        gap = max(there) - min(there)
        return Refusal("no_contrast", f"its values lie {gap:.2f} apart, and {settings.least_gap:g} is needed")
    return None


def _refusal_of_share(state: QueryState, entry: Entry, settings: BufferSettings) -> Refusal | None:
    active = _turned_to(entry, Standing.ACTIVE, entry.since, entry.reason)
    others = tuple(other for other in state.entries if other.key != entry.key)
    share = QueryState(entries=(*others, active)).adaptive_share
    if entry.held_out or share <= settings.most_share + 1e-9:
        return None
    return Refusal(
        "share", f"adaptive criteria would hold {share:.0%} of the weight; most is {settings.most_share:.0%}"
    )


def _entry(state: QueryState, event: Add, settings: BufferSettings) -> Entry:
    criterion = detached(event.criterion)  # its `extra` is a dict that the caller may hold
    standing = Standing.ACTIVE if event.evidence else Standing.RETIRED
    return Entry(
        criterion=criterion,
        standing=standing if is_adaptive(criterion) else Standing.FIXED,
        held_out=_is_held_out(state, criterion, settings),
        writer=event.writer,
        since=event.step,
        reason=event.reason,
    )


def _is_held_out(state: QueryState, criterion: Criterion, settings: BufferSettings) -> bool:
    """By its content; but not of a static set, and not the first that rewards: without one there is no reward."""
    rewards = any(entry.criterion.polarity is Polarity.POSITIVE for entry in state.entries)
    is_first = criterion.polarity is Polarity.POSITIVE and not is_adaptive(criterion) and not rewards
    if criterion.origin == "static" or is_first:
        return False
    return is_drawn(criterion.key, settings.held_out, settings.seed)


def _turned(entry: Entry, event: Retire | Revive) -> Entry:
    standing = Standing.RETIRED if isinstance(event, Retire) else Standing.ACTIVE
    return _turned_to(entry, standing, event.step, event.reason)


def _turned_to(entry: Entry, standing: Standing, step: int, reason: str) -> Entry:
    """The entry in another standing; what was seen of it before says nothing about it any more."""
    fresh = {"exposures": 0, "contrast": Contrast()}
    return entry.model_copy(update={"standing": standing, "since": step, "reason": reason, **fresh})


def _scored(state: QueryState, event: Score, settings: BufferSettings) -> QueryState:
    entry = state.by_key[event.key]
    if len(known(event.values)) >= settings.least_rollouts:
        contrast = entry.contrast.seen(separates(event.values, settings.least_gap), settings.memory)
        seen = entry.model_copy(update={"exposures": entry.exposures + 1, "contrast": contrast})
        state = _replaced(state, seen)
    return _measured(state, entry, event) if entry.is_judged else state


def _measured(state: QueryState, entry: Entry, event: Score) -> QueryState:
    values = known(event.values)
    total = sum(1 - value if entry.criterion.is_negative else value for value in values)
    *before, last = state.measured or (Measured(event.step),)
    if last.step != event.step:
        before, last = [*before, last], Measured(event.step)
    if entry.held_out:
        last = last._replace(held_out=last.held_out + total, n_held_out=last.n_held_out + len(values))
    else:
        last = last._replace(rewarded=last.rewarded + total, n_rewarded=last.n_rewarded + len(values))
    return state.model_copy(update={"measured": (*before, last)})


def _replaced(state: QueryState, entry: Entry) -> QueryState:
    entries = tuple(entry if other.key == entry.key else other for other in state.entries)
    return state.model_copy(update={"entries": entries})
