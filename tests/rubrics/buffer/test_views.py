"""Judges see what is judged, rewards what is rewarded, the policy nothing; and other systems what they can read."""

from typing import Any

from tests.rubrics.buffer.rollouts import BASE, FIXED, PROOF, SETTINGS, TOPICS, WRITER, adaptive

from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.buffer.state import Standing, is_drawn
from citerefine.rubrics.buffer.views import drtulu_buffer
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.loading import read_rubric
from citerefine.rubrics.rubric import Rubric

HALF = SETTINGS.model_copy(update={"held_out": 0.5, "most_share": 1.0})


def filled() -> RubricBuffer:
    buffer = RubricBuffer(HALF)
    buffer.begin("q", BASE, step=0, time=0.0)
    for topic in TOPICS:
        buffer.add("q", adaptive(topic), writer=WRITER, evidence=PROOF, step=1, time=0.0)
    return buffer


def test_held_out_criteria_are_judged_and_not_rewarded_and_are_the_same_in_every_run() -> None:
    view = filled().judge_view("q")
    held_out = {criterion.key for criterion in view.held_out.criteria}
    assert 0 < len(held_out) < len(view.judged.criteria)
    assert held_out == {c.key for c in view.judged.criteria if c.origin != "static" and is_drawn(c.key, 0.5, 0)}
    assert not held_out & {criterion.key for criterion in view.rewarded.criteria}
    assert filled().judge_view("q") == view


def test_criteria_of_a_static_set_and_the_first_that_rewards_are_never_held_out() -> None:
    everything = HALF.model_copy(update={"held_out": 0.999})
    buffer = RubricBuffer(everything)
    buffer.begin("static", BASE, step=0, time=0.0)
    buffer.begin("alone", Rubric(criteria=(FIXED[2], Criterion(id="c2", text="Names a year."))), step=0, time=0.0)
    assert [c.id for c in buffer.judge_view("static").rewarded.criteria] == ["cites", "padding"]
    assert [c.id for c in buffer.judge_view("alone").rewarded.criteria] == ["river"]


def test_the_share_of_criteria_that_is_held_out_is_as_set() -> None:
    drawn = sum(is_drawn(f"{number:016x}", 0.2, 0) for number in range(5000))
    assert abs(drawn / 5000 - 0.2) < 0.02
    assert sum(is_drawn(f"{number:016x}", 0.2, 1) for number in range(100)) != 0


def test_the_policy_sees_nothing() -> None:
    assert filled().policy_view("q") == ((),)


def test_a_buffer_of_dr_tulu_is_read_and_written() -> None:
    described = {"weight": 1.0, "title": "Defrost"}
    native: dict[str, Any] = {
        "active_rubrics": [{"description": "Names the refrigerant.", **described}],
        "inactive_rubrics": [{"description": "Mentions noise.", "weight": -1.0, "title": "Noise"}],
        "persistent_rubrics": [{"description": "Explains the defrost cycle.", **described}],
        "static_rubrics": [{"description": "Explains the defrost cycle.", **described}],
    }
    buffer = RubricBuffer(HALF)
    assert buffer.begin("q", read_rubric(native), step=0, time=0.0) == ()
    assert [entry.standing for entry in buffer.query("q").entries] == [Standing.FIXED, *[Standing.RETIRED] * 2]
    waiting = {
        **native,
        "active_rubrics": [],
        "inactive_rubrics": native["active_rubrics"] + native["inactive_rubrics"],
    }
    assert drtulu_buffer(buffer.query("q")) == waiting
    assert buffer.revive("q", buffer.query("q").entries[1].key, evidence=PROOF, step=1, time=0.0) is None
    assert drtulu_buffer(buffer.query("q")) == native
