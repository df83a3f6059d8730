"""Signs that a policy learns its reward rather than its task raise an alarm; a healthy run raises none."""

from citerefine.training.watch.alarms import find_alarms
from citerefine.training.watch.run_journal import Phase, StepRow
from citerefine.training.watch.settings import WatchSettings

SETTINGS = WatchSettings()


def row(step: int, phase: Phase = "train", **values: float | None) -> StepRow:
    return StepRow(step=step, time=0.0, phase=phase, values={k.replace("__", "/"): v for k, v in values.items()})


def codes(rows: list[StepRow]) -> list[str]:
    return [alarm.code for alarm in find_alarms(rows, SETTINGS)]


def test_a_healthy_run_raises_no_alarm() -> None:
    rows = [
        row(step, reward__total=0.01 * step, copy_share=0.1, reward__missing_share=0.01, length__mean=100 + step)
        for step in range(1, 40)
    ]
    for step in (0, 20):
        rows.append(row(step, "heldout", heldout__f1=0.3 + step / 100, heldout__rubric=0.4, heldout__audit=0.4))
    assert codes(rows) == []
    assert codes([]) == []


def test_a_judge_that_sees_gains_alone_is_being_hacked() -> None:
    rows = [
        row(0, "heldout", heldout__rubric=0.40, heldout__audit=0.50),
        row(10, "heldout", heldout__rubric=0.75, heldout__audit=0.52),
    ]
    (alarm,) = find_alarms(rows, SETTINGS)
    assert alarm.code == "judge_gap"
    assert "+0.35" in alarm.message
    assert "+0.02" in alarm.message
    rows[1] = row(10, "heldout", heldout__rubric=0.75, heldout__audit=None)
    assert codes(rows) == []  # not measured is no gap


def test_reward_that_rises_while_heldout_scores_fall() -> None:
    rows = [row(step, reward__total=0.1 * step) for step in range(1, 21)]
    rows += [row(step, "heldout", heldout__f1=f1) for step, f1 in ((0, 0.3), (10, 0.5), (20, 0.4))]
    assert codes(rows) == ["heldout_falls"]


def test_copying_missing_rewards_and_odd_lengths() -> None:
    rows = [
        row(step, copy_share=0.8, reward__missing_share=0.3, length__mean=200 if step < 6 else 40)
        for step in range(1, 20)
    ]
    assert codes(rows) == ["copied", "missing", "length"]


def test_one_odd_batch_raises_no_alarm() -> None:
    rows = [row(step, copy_share=0.1, length__mean=100.0) for step in range(1, 20)]
    rows.append(row(20, copy_share=1.0, length__mean=300.0))
    assert codes(rows) == []


def test_a_run_whose_answers_are_all_cut_off_is_told_that_nothing_is_learned() -> None:
    (alarm,) = find_alarms([row(1, truncated_share=1.0, groups__dropped=8, groups__flat_share=0.0)], SETTINGS)
    assert alarm.code == "truncated"
    assert "nothing is learned; raise data.answer_tokens" in alarm.message
    (alarm,) = find_alarms([row(1, truncated_share=0.4, groups__dropped=1)], SETTINGS)
    assert "40% of answers are cut off" in alarm.message
    (alarm,) = find_alarms([row(1, truncated_share=1.0, groups__dropped=0)], SETTINGS)  # they are trained on
    assert "nothing is learned" not in alarm.message


def test_heldout_figures_of_some_answers_alone() -> None:
    assert codes([row(0, "heldout", heldout__n=64.0, heldout__unscored=12.0)]) == []
    (alarm,) = find_alarms([row(0, "heldout", heldout__n=64.0, heldout__unscored=13.0)], SETTINGS)
    assert alarm.code == "heldout_unscored"
    assert "13 of 64 held-out answers lack a score" in alarm.message


def test_reward_that_rises_while_heldout_accuracy_falls() -> None:
    rows = [row(step, reward__total=0.1 * step) for step in range(1, 21)]
    rows += [row(step, "heldout", heldout__accuracy=right) for step, right in ((0, 0.3), (10, 0.5), (20, 0.4))]
    (alarm,) = find_alarms(rows, SETTINGS)
    assert "held-out accuracy is 0.40, after 0.50 at step 10" in alarm.message


def test_steps_of_which_nothing_is_learned_are_told() -> None:
    def rows(*shares: float) -> list[StepRow]:
        return [row(step, groups__flat_share=share) for step, share in enumerate(shares, 1)]

    (alarm,) = find_alarms(rows(1.0, 1.0, 1.0), SETTINGS)
    assert (alarm.step, alarm.code) == (3, "flat")
    assert "nothing is learned" in alarm.message
    assert not find_alarms(rows(1.0, 1.0), SETTINGS)
    assert not find_alarms(rows(1.0, 1.0, 0.5), SETTINGS)


def test_a_second_phase_that_makes_more_worse_than_better_is_told() -> None:
    def rows(worse: float, better: float, n: int = 5) -> list[StepRow]:
        moved: dict[str, float | None] = {"transitions/right_wrong": worse, "transitions/wrong_right": better}
        return [
            StepRow(step=step, time=0.0, phase="train", values=moved if step % 2 else {}) for step in range(1, 2 * n)
        ]

    (alarm,) = find_alarms(rows(0.3, 0.1), SETTINGS)
    assert (alarm.step, alarm.code) == (9, "harm_answers")
    assert alarm.message.startswith("30% of all improvements turn a right answer into a wrong one, and 10%")
    assert not find_alarms(rows(0.1, 0.1), SETTINGS)
    assert not find_alarms(rows(0.3, 0.1, n=4), SETTINGS)


def test_drafts_that_cannot_be_shown_are_told() -> None:
    (alarm,) = find_alarms([row(step, transitions__asked_anew=0.5) for step in range(1, 4)], SETTINGS)
    assert alarm.code == "asked_anew"
    assert alarm.message.startswith("50% of second prompts show no draft")
    assert not find_alarms([row(1, transitions__asked_anew=0.0)], SETTINGS)


def test_of_two_phases_held_out_scores_are_compared_with_the_reward_of_drafts() -> None:
    held = [row(step, "heldout", heldout__f1=f1) for step, f1 in ((0, 0.6), (4, 0.4))]
    training = [
        row(step, reward__total=total, reward__draft=draft)
        for step, total, draft in ((1, 0.2, 0.2), (2, 0.9, None), (3, 0.3, 0.3), (4, 0.1, None))
    ]
    assert [alarm.code for alarm in find_alarms([*training, *held], SETTINGS)] == ["heldout_falls"]
