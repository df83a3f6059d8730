"""What a writer sees of a group, and what becomes of its criteria's weight."""

import pytest
from tests.training.evolving.growing import OWN, REWARDS, WITH_ICE, evolving_settings, reward_settings, row

from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.rubric import Rubric
from citerefine.training.evolving.applying import fitted
from citerefine.training.evolving.proposing import Contrasted, samples_of
from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.rewards.combining import Judged


def judged(total: float | None, gate: str = "") -> Judged:
    breakdown = Breakdown(id="r1", total=total, reason="missing_rubric" if total is None else "", gate=gate)
    return Judged(breakdown, (), None, (), None)


def group(*answers: tuple[str, Judged]) -> Contrasted:
    return Contrasted(
        row(), Rubric(criteria=OWN), tuple(text for text, _ in answers), tuple(one for _, one in answers)
    )


def test_of_many_answers_the_best_and_the_worst_are_shown() -> None:
    answers = [(f"<answer>Text {number}.</answer>", judged(number / 20)) for number in range(20)]
    shown = samples_of(group(*answers))
    assert [sample.text for sample in shown] == [f"Text {number}." for number in (19, 18, 17, 16, 3, 2, 1, 0)]


def test_answers_without_reward_or_block_and_long_ones_are_not_shown() -> None:
    shown = samples_of(
        group(
            (WITH_ICE, judged(0.5)),
            (WITH_ICE, judged(0.5)),
            ("<answer>Nobody knows the reward of this.</answer>", judged(None)),
            ("No block.", judged(0.0, gate="no_answer")),
            (f"<answer>{'long ' * 5000}</answer>", judged(0.1)),
        )
    )
    assert [sample.text for sample in shown] == ["In the lake, perch doubled in number by 2010, long after the ice."]


@pytest.mark.parametrize(("n_own", "weight"), [(3, 0.4), (12, 1.0)])
def test_written_weights_give_way_to_those_of_the_rubric(n_own: int, weight: float) -> None:
    """All that may be active together fit under the share; none weighs more than an own criterion does on average."""
    own = tuple(Criterion(id=f"c{n}", text=f"Names lake number {n}.", weight=1) for n in range(n_own))
    buffer = RubricBuffer(evolving_settings().buffer(reward_settings()))
    buffer.begin("q", Rubric(criteria=own), step=0, time=0.0)
    for polarity, sign in ((Polarity.POSITIVE, 1), (Polarity.NEGATIVE, -1)):
        written = Criterion(id="new", text="Names a river.", weight=3 * sign, polarity=polarity)
        assert fitted(written, buffer.query("q"), buffer.settings).weight == pytest.approx(sign * weight)
    assert REWARDS.split("@")[0] in buffer.settings.reward_judges[0]
