"""Whatever happens to a buffer: its state follows from its events, and no rule is ever broken."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rubrics.buffer.rollouts import BASE, FIXED, FLAT, OTHER, SETTINGS, SPLIT, TOPICS, WRITER, adaptive

from citerefine.rubrics.buffer.event_file import EventFile
from citerefine.rubrics.buffer.events import Add, Event, Evidence, Retire, Revive, Score, dump_event, read_event
from citerefine.rubrics.buffer.folding import fold
from citerefine.rubrics.buffer.logs import MemoryLog
from citerefine.rubrics.buffer.replaying import replay
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.buffer.state import QueryState, Standing, is_drawn
from citerefine.rubrics.errors import RubricError

# Short lives and little patience, so that a few dozen events reach every corner.
RULES = SETTINGS.model_copy(
    update={"held_out": 0.5, "min_exposures": 2, "confidence": 0.55, "most_active": 2, "life_steps": 6}
)
CRITERIA = (
    *FIXED,
    *(adaptive(topic, weight) for topic, weight in zip(TOPICS, (1, -1, 2, 0.5, -3, 1, 0, 9), strict=True)),
)
KEYS = [criterion.key for criterion in CRITERIA]
VALUES = st.sampled_from([SPLIT, FLAT, (0.0, None, None, 1.0), (0.5, 0.5, 0.4, None), ()])
JUDGES = st.sampled_from([OTHER, WRITER, RULES.reward_judges[0]])
EVIDENCE = st.builds(Evidence, judge=JUDGES, values=VALUES)
Run = list[tuple[str, str, int, tuple[float | None, ...], Evidence, int]]
"""What is done: the name, the query, which criterion, values, evidence, by how much the step grows."""
QUERIES = st.sampled_from(["q", "r"])


ACTIONS: dict[str, Callable[..., object]] = {
    "begin": lambda b, query, n, values, evidence, step: b.begin(query, BASE, step=step, time=0.0),
    "add": lambda b, query, n, values, evidence, step: b.add(
        query, CRITERIA[n], writer=WRITER, evidence=evidence, step=step, time=0.0
    ),
    "score": lambda b, query, n, values, evidence, step: b.score(
        query, {KEYS[n]: values}, judge=evidence.judge, step=step, time=0.0
    ),
    "retire": lambda b, query, n, values, evidence, step: b.retire(query, KEYS[n], step=step, time=0.0, reason="so"),
    "revive": lambda b, query, n, values, evidence, step: b.revive(
        query, KEYS[n], evidence=evidence, step=step, time=0.0
    ),
    "prune": lambda b, query, n, values, evidence, step: b.prune(query, step=step, time=0.0),
}
RUN = st.lists(
    st.tuples(
        st.sampled_from(["begin", "add", "add", "score", "score", "retire", "revive", "prune"]),
        QUERIES,
        st.integers(0, len(CRITERIA) - 1),
        VALUES,
        EVIDENCE,
        st.integers(0, 2),
    ),
    max_size=30,
)


def played(run: Run, buffer: RubricBuffer) -> None:
    """Does all of it, what is refused too; the last number is by how much the step grows."""
    steps = itertools.accumulate(action[-1] for action in run)
    for (name, query, n, values, evidence, _), step in zip(run, steps, strict=True):
        try:
            ACTIONS[name](buffer, query, n, values, evidence, step)
        except RubricError:
            assert name == "score"  # of a criterion that is not there


def assert_rules_hold(state: QueryState, rules: BufferSettings) -> None:
    assert state.adaptive_share <= rules.most_share + 1e-6
    for entry in state.entries:
        if entry.standing is Standing.FIXED:
            assert entry.criterion in BASE.criteria
        elif is_drawn(entry.key, rules.held_out, rules.seed):
            assert not entry.is_rewarded


@given(RUN)
def test_a_replay_of_the_events_is_the_live_state(run: Run) -> None:
    log = MemoryLog()
    buffer = RubricBuffer(RULES, log)
    played(run, buffer)
    assert replay(log.events(), RULES) == buffer.state
    assert replay((read_event(dump_event(event)) for event in log.events()), RULES) == buffer.state


@given(RUN)
def test_a_restore_at_any_step_is_the_state_then(run: Run) -> None:
    log, states = MemoryLog(), {}
    buffer = RubricBuffer(RULES, log)
    for done in range(len(run)):
        step = sum(action[-1] for action in run[: done + 1])
        name, query, n, values, evidence, _ = run[done]
        with suppress(RubricError):
            ACTIONS[name](buffer, query, n, values, evidence, step)
        states[step] = (buffer.checkpoint(step), buffer.state)
    for step, (checkpoint, state) in states.items():
        buffer.restore(checkpoint)
        assert buffer.state == state
        buffer.restore(step)
        assert buffer.state == state


@given(RUN)
def test_no_run_breaks_a_rule_or_shows_what_is_not_to_be_seen(run: Run) -> None:
    buffer = RubricBuffer(RULES)
    played(run, buffer)
    for query in ("q", "r"):
        assert_rules_hold(buffer.query(query), RULES)
        view = buffer.judge_view(query)
        rewarded, held_out = ({c.key for c in rubric.criteria} for rubric in (view.rewarded, view.held_out))
        assert not rewarded & held_out
        assert rewarded | held_out == {c.key for c in view.judged.criteria}
        assert buffer.policy_view(query).criteria == ()


def _events() -> st.SearchStrategy[Event]:
    common = {"query": st.just("q"), "step": st.just(1), "time": st.just(0.0), "reason": st.just("so")}
    keys, n = st.sampled_from(KEYS), st.integers(0, len(CRITERIA) - 1)
    origins = st.sampled_from(["static", "instance", "adaptive"])
    added = st.builds(lambda n, origin: CRITERIA[n].model_copy(update={"origin": origin, "id": f"c{n}"}), n, origins)
    adds = st.builds(
        lambda criterion, evidence: Add(
            query="q",
            key=criterion.key,
            step=1,
            time=0,
            reason="so",
            criterion=criterion,
            writer=WRITER,
            evidence=evidence,
        ),
        added,
        st.none() | EVIDENCE,
    )
    return st.one_of(
        adds,
        st.builds(Score, key=keys, judge=JUDGES, values=VALUES, **common),
        st.builds(Retire, key=keys, **common),
        st.builds(Revive, key=keys, evidence=EVIDENCE, **common),
    )


@given(st.lists(_events(), max_size=40))
def test_no_sequence_of_forged_events_breaks_a_rule(events: list[Event]) -> None:
    state, fixed = QueryState(), dict[str, object]()
    for event in events:
        try:
            state = fold(state, event, RULES)
        except RubricError:
            continue
        now = {entry.key: entry.criterion for entry in state.entries if entry.standing is Standing.FIXED}
        assert fixed.items() <= now.items()
        fixed = dict(now)
        assert state.adaptive_share <= RULES.most_share + 1e-6
        assert not any(entry.is_rewarded and entry.held_out for entry in state.entries)


@settings(max_examples=25)
@given(RUN, st.data())
def test_a_crash_at_any_byte_leaves_a_first_part_of_the_events(run: Run, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        with RubricBuffer.open(path, RULES) as buffer:
            played(run, buffer)
            events = [*EventFile.events(buffer._log)]  # type: ignore[arg-type]
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
        with EventFile(path, RULES) as log:
            kept = [*log.events()]
            assert kept == events[: len(kept)]
            assert replay(kept, RULES).n_events == len(kept)
            log.append(events[len(kept) :])  # and it goes on from there
            assert [*log.events()] == events
