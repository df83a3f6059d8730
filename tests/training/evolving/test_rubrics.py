"""Criteria are written of rollouts, admitted by another judge, rewarded, retired, and taken back on new evidence."""

import asyncio
import time
from typing import Any

import pytest
from tests.training.evolving.growing import (
    ICE,
    MIXED,
    NOTHING_NEW,
    OWN,
    PERCH_ONLY,
    WITH_ICE,
    events_of,
    growing,
    reward_settings,
    rewarding,
    row,
    scripted,
    step,
    written,
)

from citerefine.judges.rubric.table_rubric_judge import TableRubricJudge
from citerefine.refiner.errors import CallError
from citerefine.rubrics.buffer.events import Add, Retire, Revive
from citerefine.rubrics.buffer.state import Entry, Standing
from citerefine.rubrics.rubric import Rubric
from citerefine.training.evolving.rubrics import EvolvingRubrics
from citerefine.training.rewards.criteria import criteria_of


def adaptive(rubrics: EvolvingRubrics) -> list[Entry]:
    entries = [entry for query in rubrics.buffer.state.queries.values() for entry in query.entries]
    return [entry for entry in entries if entry.standing is not Standing.FIXED]


def test_a_criterion_is_written_admitted_and_rewarded_from_the_next_step_on() -> None:
    rubrics = growing(scripted(written(ICE), always=None), every=10)
    reward = rewarding(rubrics)

    async def train() -> tuple[list[float | None], dict[str, float], list[float | None]]:
        first = await step(reward, 0)
        figures = rubrics.apply()
        return first, figures, await step(reward, 1)

    first, figures, second = asyncio.run(train())
    assert first == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1 / 3])
    assert (figures["rubrics/added"], figures["rubrics/active"], figures["rubrics/refused"]) == (1, 1, 0)
    (entry,) = adaptive(rubrics)
    assert entry.criterion.text == ICE
    assert entry.mass == pytest.approx(0.8)  # five of that weight are 40 % beside the own 6
    assert second == pytest.approx([2 / 6.8, 2.8 / 6.8, 4 / 6.8, 2.8 / 6.8])
    assert second[1] > second[0]  # type: ignore[operator]


def test_the_writer_sees_plain_answers_with_their_rewards_and_what_is_asked_already() -> None:
    writer = scripted(always=written(ICE))
    rubrics = growing(writer)
    asyncio.run(step(rewarding(rubrics), 0))
    (call,) = writer.calls
    said = call.messages[1].content
    assert said.count("BEGIN ANSWER") == 3  # equal texts are shown once
    assert said.index("score 0.67") < said.index("score 0.33")
    assert "perch and pike doubled" in said
    assert "snippet id" not in said
    assert all(criterion.text in said for criterion in OWN)
    assert "The survey found" in said


def test_nothing_is_written_between_the_steps_for_it() -> None:
    writer = scripted(always=written(ICE))
    rubrics = growing(writer, every=10)
    for number in range(1, 10):
        asyncio.run(step(rewarding(rubrics), number))
        assert rubrics.apply()["rubrics/added"] == 0
    assert not writer.calls
    asyncio.run(step(rewarding(rubrics), 10))
    assert rubrics.apply()["rubrics/added"] == 1


def test_criteria_that_no_longer_tell_answers_apart_are_retired_and_come_back_on_new_evidence() -> None:
    rubrics = growing(scripted(written(ICE), always=None), every=100)
    reward = rewarding(rubrics)
    asyncio.run(step(reward, 0))
    rubrics.apply()
    retired = list[float]()
    for number in range(1, 20):
        asyncio.run(step(reward, number, [WITH_ICE] * 4))
        retired.append(rubrics.apply()["rubrics/retired"])
    assert sum(retired) == 1
    (entry,) = adaptive(rubrics)
    assert entry.standing is Standing.RETIRED
    assert entry.reason.startswith("no contrast")
    assert asyncio.run(step(reward, 20)) == pytest.approx([1 / 3, 1 / 3, 2 / 3, 1 / 3])
    rubrics.apply()
    rubrics._proposer._writer = scripted(written(ICE))
    asyncio.run(step(reward, 100))
    assert rubrics.apply()["rubrics/added"] == 1
    assert [type(event) for event in events_of(rubrics) if isinstance(event, Add | Retire | Revive)] == [
        Add, Retire, Revive,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "codes"),
    [
        (written("Says what became of the pike."), {"near_duplicate": 1}),
        (written("Does what answer 2 does."), {"names_answers": 1}),
        (written("Tells what the lake did to the boats."), {"no_contrast": 1}),
        (written(ICE, faults=["Claims that the perch doubled."]), {"no_contrast": 1}),
    ],
)
def test_what_is_not_taken_is_counted_by_reason(reply: str, codes: dict[str, float]) -> None:
    rubrics = growing(scripted(reply))
    asyncio.run(step(rewarding(rubrics), 0, [*MIXED, WITH_ICE]))
    figures = rubrics.apply()
    found = {name.removeprefix("rubrics/refused/"): n for name, n in figures.items() if "refused/" in name}
    assert found == codes
    assert figures["rubrics/refused"] == sum(codes.values())


def test_answers_that_say_nothing_do_not_make_a_criterion_look_useful() -> None:
    rubrics = growing(scripted(always=written(ICE)))
    reward = rewarding(rubrics)
    asyncio.run(step(reward, 0, [PERCH_ONLY, WITH_ICE, "No block", "Nor here"]))
    assert rubrics.apply()["rubrics/added"] == 0  # two answers are too few
    (state,) = rubrics.buffer.state.queries.values()
    assert all(entry.exposures == 0 for entry in state.entries)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (CallError("the server is gone; start it", "unreachable", retryable=True), "unreachable: the server is gone"),
        (CallError("no", "unauthorized", retryable=False), "unauthorized: no"),
        ("Sorry.", "unreadable: the writer's reply could not be read"),
    ],
)
def test_a_writer_that_fails_adds_nothing_and_stops_nothing(reply: Any, reason: str) -> None:
    told = list[str]()
    rubrics = growing(scripted(always=reply), tell=told.append)
    reward = rewarding(rubrics)
    for number in range(2):
        assert None not in asyncio.run(step(reward, number))
        figures = rubrics.apply()
        assert (figures["rubrics/added"], figures["rubrics/writer_failed"]) == (0, 1)
    assert len(told) == 1  # once for each reason
    assert reason in told[0]


def test_a_writer_or_judge_that_is_slow_is_given_up_at_the_deadline() -> None:
    async def slow(query: Any) -> Any:
        await asyncio.sleep(30)

    judge = TableRubricJudge(lambda query, criterion: True)
    judge.grade = slow  # type: ignore[method-assign]
    cases: tuple[dict[str, Any], ...] = ({"admission_judge": judge}, {})
    for values in cases:
        writer = scripted(always=written(ICE))
        writer._delay = 0.0 if values else 30.0
        rubrics, began = growing(writer, deadline=0.1, **values), time.monotonic()
        asyncio.run(step(rewarding(rubrics), 0))
        assert time.monotonic() - began < 10
        assert rubrics.apply()["rubrics/writer_failed"] == 1


def test_what_is_held_out_is_judged_and_not_rewarded() -> None:
    rubrics = growing(scripted(always=NOTHING_NEW), held_out=0.2)
    criteria = rubrics.criteria(row(), "draw")
    assert criteria is not None
    assert criteria.held_out is not None
    assert {leaf.id for leaf in criteria.held_out.judged} == {"pike"}
    reward = rewarding(rubrics)
    assert asyncio.run(step(reward, 0)) == [0.5, 0.5, 0.5, 0.5]
    assert [one.held_out for one in reward.breakdowns] == [{"pike": value} for value in (0.0, 0.0, 1.0, 0.0)]
    rubrics.apply()
    assert rubrics.criteria(row(), "draw") == criteria  # once it is known, it is what it was before


def test_without_changes_a_row_is_judged_as_without_a_buffer() -> None:
    settings = reward_settings(static_sets=("citation",), rubric_dropout=0.3)
    rubrics = growing(scripted(always=NOTHING_NEW), reward=settings)
    for draw in ("one", "two", "three"):
        found, plain = rubrics.criteria(row(), draw), criteria_of(row(), settings, draw)
        assert found is not None
        assert plain is not None
        assert [leaf.id for leaf in found.asked.judged] == [leaf.id for leaf in plain.asked.judged]
        assert [leaf.id for leaf in found.rewarded.judged] == [leaf.id for leaf in plain.rewarded.judged]
    assert rubrics.criteria(row(rubric=None, task="maths", gold="1"), "draw") is None


def test_rows_are_told_apart_by_what_they_ask_and_not_by_their_ids() -> None:
    rubrics = growing(scripted(always=NOTHING_NEW))
    reward = rewarding(rubrics)
    other = row(rubric=Rubric(criteria=OWN[:1]))
    asyncio.run(step(reward, 0))
    asyncio.run(step(reward, 0, of=other))
    rubrics.apply()
    assert len(rubrics.buffer.state.queries) == 2
    found = rubrics.criteria(other, "draw")
    assert found is not None
    assert len(found.asked.judged) == 1


def test_a_rubric_whose_formula_does_not_count_by_weight_does_not_grow() -> None:
    writer = scripted(always=written(ICE))
    rubrics = growing(writer)
    asyncio.run(step(rewarding(rubrics), 0, of=row(rubric=Rubric(criteria=OWN, aggregate="flat_leaf_mean"))))
    assert rubrics.apply()["rubrics/added"] == 0
    assert not writer.calls
