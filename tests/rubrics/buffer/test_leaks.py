"""Rubric text in what the policy reads or writes is found."""

import pytest
from tests.rubrics.buffer.rollouts import FIXED, TOPICS, adaptive

from citerefine.rubrics.buffer.leaks import canary, find_leaks

CRITERIA = [*FIXED, *map(adaptive, TOPICS)]


@pytest.mark.parametrize(
    "text",
    [
        "Answer well. NAMES the river; that floods!",
        "names\u200b the river\nthat floods",
        "Ｎａｍｅｓ the river that floods",
        "A good answer names the river that floods and gives a year.",
    ],
)
def test_a_criterion_is_found_whatever_its_case_and_signs(text: str) -> None:
    assert [leak.criterion for leak in find_leaks(text, CRITERIA)] == ["river"]


@pytest.mark.parametrize("text", ["", "Which river floods?", "The river floods in spring, as the snippets say."])
def test_an_honest_prompt_leaks_nothing(text: str) -> None:
    assert find_leaks(text, CRITERIA) == ()


def test_a_canary_has_no_weight_and_is_found_by_its_code_alone() -> None:
    secret = canary("run 7")
    assert secret.weight == 0
    assert secret == canary("run 7") != canary("run 8")
    code = secret.text.split()[-1].rstrip(".")
    assert [leak.key for leak in find_leaks(f"so, canary {code}, I say", [secret, canary("run 8")])] == [secret.key]


def test_a_large_prompt_is_searched_at_once() -> None:
    assert find_leaks("the river " * 200_000, [adaptive(f"topic {number}") for number in range(200)]) == ()
