"""The lines of a run: one a step, what is not known as a dash, an alarm once."""

import pytest

from citerefine.training.watch.alarms import Alarm
from citerefine.training.watch.run_journal import StepRow
from citerefine.training.watch.table import HEAD_EVERY, Table


def step(number: int, **values: float | None) -> StepRow:
    return StepRow(step=number, time=0, phase="train", values=dict(values))


def test_each_step_is_a_line_under_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(200)
    table.show(step(7, **{"reward/total": 0.5, "kl": None}))
    _, head, line = capsys.readouterr().err.splitlines()
    assert head.split()[:2] == ["step", "reward"]
    assert len(head) == len(line)
    assert line.split()[:2] == ["7/200", "0.500"]
    assert "–" in line


def test_what_has_no_part_in_the_update_has_columns_that_are_explained_once(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(100)
    left_out = {"reward/missing_share": 0.25, "truncated_share": 0.5, "groups/flat_share": 0.75, "groups/dropped": 3.0}
    for number in range(1, HEAD_EVERY + 2):
        table.show(step(number, **left_out))
    legend, head, line, *later = capsys.readouterr().err.splitlines()
    shown = dict(zip(head.split(), line.split(), strict=True))
    assert [shown[word] for word in ("missing", "cut", "flat", "dropped")] == ["0.25", "0.50", "0.75", "3"]
    for meaning in ("missing: share of answers without", "cut: share cut off at the token", "flat: ", "dropped: "):
        assert meaning in legend
    assert legend not in later
    assert max(map(len, (head, line))) <= 100


def test_steps_on_given_answers_show_their_loss(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"loss": 1.25, "mean_token_accuracy": 0.5, "entropy": None}
    Table(9).show(StepRow(step=2, time=0, phase="sft", values=dict(values)))
    _, head, line = capsys.readouterr().err.splitlines()
    assert head.split() == ["step", "loss", "right", "entropy"]
    assert line.split() == ["2/9", "1.250", "0.50", "–"]


def test_the_heading_comes_again_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(100)
    for number in range(1, HEAD_EVERY + 2):
        table.show(step(number))
    assert sum("entropy" in line for line in capsys.readouterr().err.splitlines()) == 2


def test_a_part_of_the_reward_has_a_column_once_there_is_a_figure_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(9)
    table.show(step(1, **{"reward/total": 0.5, "reward/verification": 0.5}))
    table.show(step(2, **{"reward/total": 0.5, "reward/citation": 0.25}))
    table.show(step(3, **{"reward/total": 0.5}))
    _, head, first, again, second, third = capsys.readouterr().err.splitlines()
    assert head.split()[:3] == ["step", "reward", "missing"]
    assert again.split()[:4] == ["step", "reward", "citation", "missing"]
    assert [line.split()[:3] for line in (second, third)] == [["2/9", "0.500", "0.250"], ["3/9", "0.500", "–"]]
    assert len(head) == len(first) < len(again) == len(second) == len(third)


def test_a_line_of_two_phases_says_which_it_is_of(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(100)
    table.show(step(1, **{"reward/total": 0.5, "reward/draft": 0.5}))
    table.show(step(2))  # a further update on the same rollout
    table.show(step(3, **{"reward/total": 0.75, "reward/improved": 0.75, "transitions/asked_anew": 0.0}))
    table.show(step(4, **{"reward/total": 0.25, "transitions/asked_anew": 1.0}))
    _, head, *lines = capsys.readouterr().err.splitlines()
    assert head.split()[:3] == ["step", "phase", "reward"]
    assert [line.split()[:3] for line in lines] == [
        ["1/100", "draft", "0.500"],
        ["2/100", "draft", "–"],
        ["3/100", "improved", "0.750"],
        ["4/100", "improved", "0.250"],
    ]
    assert {len(line) for line in lines} == {len(head)}


def test_heldout_scores_have_a_line_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(100)
    table.show(StepRow(step=10, time=0, phase="heldout", values={"heldout/f1": 0.5, "heldout/audit": None}))
    table.show(StepRow(step=20, time=0, phase="heldout", values={"heldout/f1": None}))
    table.show(StepRow(step=30, time=0, phase="heldout", values={"heldout/f1": None, "heldout/accuracy": 0.25}))
    assert capsys.readouterr().err.splitlines() == [
        "step 10: held-out f1 0.500",
        "step 20: held-out answers have no scores",
        "step 30: held-out accuracy 0.250",
    ]


def test_an_alarm_is_told_once_and_again_when_it_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    table, alarm = Table(100), Alarm(3, "copied", "80% of words are copied\x1b[31m")
    for alarms in ([alarm], [alarm], [], [alarm]):
        table.warn(alarms)
    assert capsys.readouterr().err.splitlines() == ["ALARM at step 3: 80% of words are copied"] * 2
