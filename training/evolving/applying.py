"""What a step's observations change in a buffer of rubrics.

In: a buffer, what all processes saw, in the order of the processes. Out: a buffer that is changed, `Applied`. The same
observations make the same buffer in every process. Of each group: its question enters if it is new, values are taken
in, what does not separate answers any more is retired, what was written is admitted or refused. Not here: gathering
observations (rubrics.py), the rules (citerefine.rubrics.buffer).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from citerefine.judges.rubric.judge_identity import judge_identity
from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.buffer.events import Evidence
from citerefine.rubrics.buffer.own_rubric import BY_WEIGHT
from citerefine.rubrics.buffer.refusals import Refusal
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.buffer.state import QueryState, Standing
from citerefine.rubrics.criterion import Criterion
from citerefine.training.evolving.observation import Observation, Packet, Proposal
from citerefine.training.evolving.settings import EvolvingSettings


@dataclass(slots=True)
class Applied:
    """What came of a step."""

    added: int = 0
    """Criteria that are judged from now on, those that came back too."""
    retired: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """Code → criteria that were written and not taken: of `DROPPED` (generation) or `REFUSALS` (buffer)."""
    failures: list[str] = field(default_factory=list)
    """Why nothing was written of a group, as `code: what happened`."""


def apply_packets(
    buffer: RubricBuffer, packets: Sequence[Packet], settings: EvolvingSettings, judge: str
) -> Applied:
    """Changes the buffer.

    Args:
        buffer: of this process.
        packets: of all processes, in their order.
        settings: who wrote and admitted.
        judge: name of the reward's judge.

    Raises:
        RubricError: if the file of events cannot be written.
    """
    applied, time = Applied(), packets[0].time  # one clock for all: an event is the same in every process
    for packet in packets:
        for observation in packet.observations:
            _apply(buffer, observation, _Moment(packet.step, time), settings, judge, applied)
    return applied


@dataclass(frozen=True, slots=True)
class _Moment:
    step: int
    time: float


def _apply(
    buffer: RubricBuffer, seen: Observation, now: _Moment, settings: EvolvingSettings, judge: str, applied: Applied
) -> None:
    query = seen.query
    if not is_known(buffer.query(query)):
        buffer.begin(query, seen.rubric, step=now.step, time=now.time)
    buffer.score(query, seen.values, judge=judge_identity(judge), step=now.step, time=now.time)
    applied.retired += len(buffer.prune(query, step=now.step, time=now.time))
    if seen.proposed is None:
        return
    applied.refused.update(seen.proposed.dropped)
    if seen.proposed.failure:
        applied.failures.append(seen.proposed.failure)
    for proposal in seen.proposed.proposals:
        refusal = _admit(buffer, query, proposal, now, settings)
        if refusal is None:
            applied.added += 1
        else:
            applied.refused[refusal.code] += 1


def _admit(
    buffer: RubricBuffer, query: str, proposal: Proposal, now: _Moment, settings: EvolvingSettings
) -> Refusal | None:
    evidence = Evidence(judge=judge_identity(settings.admission), values=proposal.values)
    state, criterion = buffer.query(query), proposal.criterion
    there = state.by_key.get(criterion.key)
    if there is not None and there.standing is Standing.RETIRED:
        return buffer.revive(query, criterion.key, evidence=evidence, step=now.step, time=now.time)
    return buffer.add(
        query,
        fitted(criterion, state, buffer.settings),
        writer=judge_identity(settings.writer),
        evidence=evidence,
        step=now.step,
        time=now.time,
        reason="written of a group's answers",
    )


def is_known(state: QueryState) -> bool:
    """Whether a buffer holds the criteria of a query."""
    return bool(state.by_key)


def can_grow(state: QueryState) -> bool:
    """Whether a query's rubric can be added to: its formula counts by weight, and something of it is rewarded."""
    return state.own.formula in BY_WEIGHT and state.own.rewarded_mass > 0


def fitted(criterion: Criterion, state: QueryState, rules: BufferSettings) -> Criterion:
    """The criterion with the weight of the query's own criteria on average, or with as much less as leaves room for
    `most_active` of them under `most_share`: writers cannot know on what scale a rubric weighs."""
    own = [leaf.mass for leaf in weigh(state.own.rewarded)]
    room = rules.most_share / (1 - rules.most_share) * sum(own) / rules.most_active
    weight = min(sum(own) / len(own), room)
    return criterion.model_copy(update={"weight": -weight if criterion.is_negative else weight})
