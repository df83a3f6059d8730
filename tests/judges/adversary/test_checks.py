"""Each check of a defence holds, and sees when the defence is gone."""

import asyncio
from string import Template
from typing import Any

import pytest

from citerefine.judges.adversary.checks import CHECKS, Checked

DEFENDED = [name for name in CHECKS if name not in ("provoked_failure", "abstention_share")]


def outcome(name: str) -> Checked:
    async def check() -> Checked:
        return await CHECKS[name]()

    return asyncio.run(check())


@pytest.mark.parametrize("name", DEFENDED)
def test_the_defence_holds_and_costs_nothing(name: str) -> None:
    found = outcome(name)
    assert found.n > 0
    assert (found.gain, found.drift) == (0.0, 0.0)


def test_a_failed_verdict_is_estimated_in_a_group_for_less_than_it_is_worth_alone() -> None:
    found = outcome("provoked_failure")
    assert 0.02 < found.gain < 0.15
    assert "up to +0.25" in found.note
    assert found.drift == 0


def test_a_hedged_fault_is_estimated_in_a_group() -> None:
    assert 0.02 < outcome("abstention_share").gain < 0.15


class Twice(Template):
    """Fills a prompt, and then what was filled in."""

    def substitute(self, mapping: Any = {}, /, **words: Any) -> str:  # noqa: B006
        return Template(super().substitute(mapping, **words)).safe_substitute(mapping)


def no_finding(*given: object) -> tuple[()]:
    return ()


def yes(*given: object) -> bool:
    return True


def as_it_is(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("name", "defence", "gone"),
    [
        ("prompt_is_filled_once", "citerefine.judges.rubric.chat.rubric_prompt.Template", Twice),
        ("page_cannot_open_tags", "citerefine.refiner.evidence.escape_for_prompt", as_it_is),
        ("poisoned_rubrics", "citerefine.judges.adversary.checks.rubrics.lint", no_finding),
        ("adaptive_admission", "citerefine.rubrics.buffer.folding.are_independent", yes),
        ("adaptive_admission", "citerefine.rubrics.buffer.folding.separates", yes),
        ("held_out_criteria_part", "citerefine.rubrics.buffer.divergence.ALARMING", 9.0),
    ],
)
def test_a_check_sees_that_a_defence_is_gone(
    name: str, defence: str, gone: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(defence, gone)
    assert outcome(name).gain > 0


def test_a_leak_that_is_not_found_is_a_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citerefine.judges.adversary.checks.rubrics.find_leaks", no_finding)
    assert outcome("rubric_stays_out_of_prompts").drift == 1
