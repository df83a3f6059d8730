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
    head, line = capsys.readouterr().err.splitlines()
    assert head.split()[:2] == ["step", "reward"]
    assert len(head) == len(line)
    assert line.split()[:2] == ["7/200", "0.500"]
    assert "–" in line


def test_the_heading_comes_again_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(100)
    for number in range(1, HEAD_EVERY + 2):
        table.show(step(number))
    assert sum("reward" in line for line in capsys.readouterr().err.splitlines()) == 2


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
