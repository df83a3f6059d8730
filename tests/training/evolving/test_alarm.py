"""An alarm is raised where answers get better only by the criteria that are rewarded."""

import pytest

from citerefine.training.watch.alarms import find_alarms
from citerefine.training.watch.run_journal import StepRow
from citerefine.training.watch.settings import WatchSettings


def codes(*gaps: tuple[float, float] | None) -> list[str]:
    names = ("gap/rewarded_heldout", "gap/rewarded_heldout_error")
    rows = [
        StepRow(step=step, time=0.0, phase="train", values=dict(zip(names, gap, strict=True)) if gap else {})
        for step, gap in enumerate(gaps, 1)
    ]
    return [alarm.code for alarm in find_alarms(rows, WatchSettings())]


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        ([None, (0.2, 0.03)], ["rubric_gap"]),
        ([(0.2, 0.03), None], ["rubric_gap"]),  # a step that measured nothing takes nothing back
        ([(0.2, 0.03), (0.04, 0.01)], []),  # the last measure holds
        ([(0.2, 0.15)], []),  # chance
        ([None], []),
    ],
)
def test_a_gap_that_is_large_and_sure_raises_it(
    gaps: list[tuple[float, float] | None], expected: list[str]
) -> None:
    assert codes(*gaps) == expected
