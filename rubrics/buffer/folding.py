"""What an event changes, and which events cannot be.

In: the state of a query, an event, the settings. Out: the next state, or why there is none. Pure: a replay of the same
events gives the same state. These are the rules that no event may break, wherever it comes from; whether a new
criterion is wanted is decided before there is an event (rubric_buffer.py). Not here: the order of steps.
"""

from dataclasses import replace
from typing import assert_never

from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.buffer.contrast import UNSEEN, known, separates
from citerefine.rubrics.buffer.events import Add, Begin, Event, Evidence, Retire, Revive, Score
from citerefine.rubrics.buffer.independence import are_independent
from citerefine.rubrics.buffer.own_rubric import (
    BY_WEIGHT,
    NO_RUBRIC,
    OwnRubric,
    detached,
    detached_rubric,
    is_adaptive,
    split,
)
from citerefine.rubrics.buffer.refusals import Refusal
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.buffer.state import Course, Entry, Measured, QueryState, Standing, is_drawn
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import MAX_NODES


def fold(state: QueryState, event: Event, settings: BufferSettings) -> QueryState:
    """The state after an event. Raises RubricError if the event breaks a rule."""
    refusal = refusal_of(state, event, settings)
    if refusal is not None:
        raise RubricError(f"{event.kind} of {event.key} at step {event.step}: {refusal.message}")
    match event:
        case Begin():
            return _begun(event, settings)
        case Add():
            return _with_entry(state, _added(event, settings))
        case Score():
            return _scored(state, event, settings)
        case Retire() | Revive():
            return _with_entry(state, _turned(state.by_key[event.key], event))
        case _:
            assert_never(event)


def refusal_of(state: QueryState, event: Event, settings: BufferSettings) -> Refusal | None:
    """Why an event cannot be; None if it can."""
    if isinstance(event, Begin):
        return _refusal_of_begin(state, event)
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
    return _refusal_to_reward(state, entry, event.evidence, settings)


def _refusal_of_begin(state: QueryState, event: Begin) -> Refusal | None:
    if event.key != event.rubric.key:
        return Refusal("wrong_key", f"its key is {event.rubric.key}, not {event.key}")
    if state.by_key or state.own is not NO_RUBRIC:
        last = max((entry.since for entry in state.entries), default=0)
        return Refusal("late", f"the query has criteria since step {last}; its own rubric comes first, and once")
    fixed, adaptive, refused = split(event.rubric)
    if refused:
        return refused[0]
    if adaptive or fixed is not event.rubric:
        return Refusal("not_fixed", f"{adaptive[0].id[:60]!r} is adaptive, and enters by itself")
    return None


def _refusal_of_add(state: QueryState, event: Add, settings: BufferSettings) -> Refusal | None:
    criterion = event.criterion
    if event.key != criterion.key:
        return Refusal("wrong_key", f"its key is {criterion.key}, not {event.key}")
    if criterion.children:
        return Refusal("nested", f"it has {len(criterion.children)} children; add these instead")
    if there := state.by_key.get(event.key):
        return Refusal("duplicate", f"it is there since step {there.since} ({there.standing}); revive it if retired")
    if criterion.id in state.own.ids or any(entry.criterion.id == criterion.id for entry in state.entries):
        return Refusal("id_taken", f"another criterion has the id {criterion.id[:60]!r}")
    if not is_adaptive(criterion):
        return Refusal("late", "fixed criteria come with the query's own rubric")
    if len(state.own.ids) + len(state.by_key) >= MAX_NODES:
        return Refusal("full", f"the query has more than {MAX_NODES:,} criteria, or nearly so")
    return (
        None if event.evidence is None else _refusal_to_reward(state, _added(event, settings), event.evidence, settings)
    )


def _refusal_to_reward(state: QueryState, entry: Entry, evidence: Evidence, settings: BufferSettings) -> Refusal | None:
    if state.own.formula not in BY_WEIGHT:
        advice = "name one of these in the rubric's `aggregate`: pos_norm, flip_then_mean, tree_mean"
        return Refusal("formula", f"the rubric's {state.own.formula} does not count criteria by their weight; {advice}")
    return _refusal_of_evidence(evidence, entry.writer, settings) or _refusal_of_share(state, entry, settings)


def _refusal_of_evidence(evidence: Evidence, writer: str, settings: BufferSettings) -> Refusal | None:
    for judge in settings.reward_judges:
        if not are_independent(evidence.judge, judge, settings.aliases):
            return Refusal("not_independent", f"{evidence.judge} admits it, and rewards as {judge}; ask another model")
    if writer and not are_independent(evidence.judge, writer, settings.aliases):
        return Refusal("not_independent", f"{evidence.judge} admits what it wrote as {writer}; ask another model")
    there = known(evidence.values)
    if len(there) < settings.least_rollouts:
        return Refusal("too_few", f"{len(there)} rollouts were judged, and {settings.least_rollouts} are needed")
    if not separates(evidence.values, settings.least_gap):
        gap = max(there) - min(there)
        return Refusal("no_contrast", f"its values lie {gap:.2f} apart, and {settings.least_gap:g} is needed")
    return None


def _refusal_of_share(state: QueryState, entry: Entry, settings: BufferSettings) -> Refusal | None:
    share = _with_entry(state, replace(entry, standing=Standing.ACTIVE)).adaptive_share
    if entry.held_out or share <= settings.most_share + 1e-9:
        return None
    return Refusal(
        "share", f"adaptive criteria would hold {share:.0%} of the weight; most is {settings.most_share:.0%}"
    )


def _begun(event: Begin, settings: BufferSettings) -> QueryState:
    rubric = detached_rubric(event.rubric)  # its `extra` is a dict that the caller may hold
    entries, drawn, rewards = dict[str, Entry](), set[str](), False
    for leaf in weigh(rubric):
        criterion, is_merit = leaf.criterion, not leaf.is_fault
        # Not of a static set, not what decides alone, and not the first that rewards: without one there is no reward.
        may_be = criterion.origin != "static" and not criterion.veto and (rewards or not is_merit)
        held_out = may_be and is_drawn(criterion.key, settings.held_out, settings.seed)
        rewards = rewards or is_merit
        drawn |= {criterion.id} if held_out else set()
        entries[criterion.key] = Entry(
            criterion=criterion,
            mass=leaf.mass,
            is_fault=leaf.is_fault,
            standing=Standing.FIXED,
            held_out=held_out,
            writer="",
            since=event.step,
            reason=event.reason,
        )
    return QueryState(OwnRubric(rubric, frozenset(drawn)), entries)


def _added(event: Add, settings: BufferSettings) -> Entry:
    criterion = detached(event.criterion)
    return Entry(
        criterion=criterion,
        mass=abs(float(criterion.weight)),
        is_fault=criterion.is_negative,
        standing=Standing.ACTIVE if event.evidence else Standing.RETIRED,
        held_out=criterion.origin != "static" and is_drawn(criterion.key, settings.held_out, settings.seed),
        writer=event.writer,
        since=event.step,
        reason=event.reason,
    )


def _turned(entry: Entry, event: Retire | Revive) -> Entry:
    """The entry in another standing; what was seen of it before says nothing about it any more."""
    standing = Standing.RETIRED if isinstance(event, Retire) else Standing.ACTIVE
    return replace(entry, standing=standing, since=event.step, reason=event.reason, exposures=0, contrast=UNSEEN)


def _scored(state: QueryState, event: Score, settings: BufferSettings) -> QueryState:
    entry, by_key = state.by_key[event.key], state.by_key
    if len(known(event.values)) >= settings.least_rollouts:
        contrast = entry.contrast.seen(separates(event.values, settings.least_gap), settings.memory)
        by_key = {**by_key, entry.key: replace(entry, exposures=entry.exposures + 1, contrast=contrast)}
    course = _measured(state.course, entry, event) if entry.is_judged else state.course
    return QueryState(state.own, by_key, course)


def _measured(course: Course, entry: Entry, event: Score) -> Course:
    values = known(event.values)
    total = sum(1 - value if entry.is_fault else value for value in values)
    course = course.at(event.step)
    now = course.now or Measured(event.step)
    if entry.held_out:
        now = now._replace(held_out=now.held_out + total, n_held_out=now.n_held_out + len(values))
    else:
        now = now._replace(rewarded=now.rewarded + total, n_rewarded=now.n_rewarded + len(values))
    return course._replace(now=now)


def _with_entry(state: QueryState, entry: Entry) -> QueryState:
    """With an entry in the place of that of its key, or as the last."""
    return replace(state, by_key={**state.by_key, entry.key: entry})
