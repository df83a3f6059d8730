"""The alarm rises where only what is rewarded gets better."""

import random

import pytest
from tests.rubrics.buffer.rollouts import SETTINGS

from citerefine.rubrics.buffer.divergence import Divergence, divergence
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.buffer.state import MOST_STEPS, Course, Measured
from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric

HALF = SETTINGS.model_copy(update={"held_out": 0.5})
CRITERIA = [Criterion(id=f"c{n}", text=f"Names the dam of year {n}.") for n in range(6)] + [
    Criterion(id="f", text="Holds padding.", weight=-1, polarity=Polarity.NEGATIVE)
]


def trained(rewarded_rise: float, held_out_rise: float, steps: int = 40) -> RubricBuffer:
    """A buffer after training in which the chance of meeting criteria rises by so much, of 0.3 at the start."""
    chance = random.Random(0)
    buffer = RubricBuffer(HALF)
    for query in ("q", "r"):
        buffer.begin(query, Rubric(criteria=tuple(CRITERIA)), step=0, time=0.0)
    for step in range(steps):
        for query in ("q", "r"):
            values = dict[str, list[float]]()
            for entry in buffer.query(query).entries:
                met = 0.3 + (held_out_rise if entry.held_out else rewarded_rise) * step / steps
                good = [float(chance.random() < met) for _ in range(8)]
                values[entry.key] = [1 - value for value in good] if entry.criterion.is_negative else good
            buffer.score(query, values, judge="r", step=step, time=0.0)
    return buffer


def test_it_is_silent_where_both_kinds_rise_and_alarmed_where_one_does() -> None:
    honest, hacked = (divergence(trained(0.6, rise).state, 10) for rise in (0.6, 0.0))
    assert honest is not None
    assert hacked is not None
    assert abs(honest.value) < 0.15
    assert not honest.is_alarming
    assert 0.3 < hacked.value < 0.6
    assert hacked.is_alarming
    assert hacked.n_early == hacked.n_late == 20


def test_it_says_nothing_as_long_as_nobody_can_tell() -> None:
    assert divergence(RubricBuffer(HALF).state, 10) is None
    assert divergence(trained(0.6, 0.0, steps=19).state, 10) is None
    nothing_held_out = RubricBuffer(HALF.model_copy(update={"held_out": 0.0}))
    nothing_held_out.begin("q", Rubric(criteria=tuple(CRITERIA)), step=0, time=0.0)
    nothing_held_out.score("q", {CRITERIA[0].key: [1.0]}, judge="r", step=1, time=0.0)
    assert divergence(nothing_held_out.state, 1) is None


def test_what_is_small_or_uncertain_is_no_alarm() -> None:
    assert not Divergence(0.04, 0.001, 20, 20).is_alarming
    assert not Divergence(0.2, 0.11, 20, 20).is_alarming
    assert Divergence(0.2, 0.09, 20, 20).is_alarming


def test_of_a_long_run_its_beginning_and_its_end_are_kept() -> None:
    course = Course()
    for step in range(0, 6000, 2):
        course = course.at(step)
        assert course.now is not None
        if step % 8:  # of every fourth step nothing is known of what is held out
            course = course._replace(now=Measured(step, 1.0, 1, 0.5, 1))
    steps = [step for step, _ in course.gaps]
    known = [step for step in range(0, 6000, 2) if step % 8]
    assert steps == known[:MOST_STEPS] + known[-MOST_STEPS - 1 :]


def test_a_window_beyond_what_is_kept_is_refused() -> None:
    for window in (0, MOST_STEPS + 1):
        with pytest.raises(RubricError, match=f"a window of {window} steps; use 1 to 500"):
            divergence(RubricBuffer(HALF).state, window)
