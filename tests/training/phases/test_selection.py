"""Which draft of a group is improved: by each rule, the same in any process, equal texts once."""

from collections import Counter
from collections.abc import Sequence

import pytest
from tests.training.phases.drafts import draft

from citerefine.training.phases.draft import Draft, group_key
from citerefine.training.phases.selection import RULES, choose
from citerefine.training.phases.settings import Selection

DRAWS = 400


def drawn(answers: Sequence[Draft], selection: Selection, draws: int = DRAWS) -> Counter[str]:
    """How often each text is chosen."""
    return Counter(choose(answers, selection, f"42/{number}/q").text for number in range(draws))


def test_uniform_takes_each_as_often_and_equal_texts_once() -> None:
    """Seven of nine say A: it is chosen in a third of the draws, as the others."""
    answers = [draft("A")] * 6 + [draft(" A\n"), draft("B", None), draft("C", 1.0)]
    found = drawn(answers, "uniform")
    assert {*found} == {"A", "B", "C"}
    assert all(abs(n / DRAWS - 1 / 3) < 0.08 for n in found.values())


def test_texts_that_differ_in_their_thinking_alone_are_one() -> None:
    answers = [draft(f"<think>{n}</think>\n\nIt is 4.") for n in range(7)] + [draft("It is 5.")]
    assert abs(drawn(answers, "uniform")["It is 5."] / DRAWS - 1 / 2) < 0.08


@pytest.mark.parametrize("selection", RULES)
def test_the_same_draw_is_the_same_choice_and_another_row_or_rollout_is_another_draw(selection: Selection) -> None:
    answers = [draft(f"It is {n}.", n % 3, citation=0.5) for n in range(8)]
    for draw in ("42/0/q1", "42/2/q1", "42/0/q2", "43/0/q1"):
        assert choose(answers, selection, draw) is choose(answers, selection, draw)
    draws = [f"{seed}/{rollout}/q{row}" for seed in (42, 43) for rollout in range(4) for row in range(4)]
    assert len({choose(answers, selection, draw).text for draw in draws}) > 1


@pytest.mark.parametrize("selection", RULES)
@pytest.mark.parametrize("odd", [draft("cut off", None, cut=True, citation=0.0), draft(" … ", None, citation=0.0)])
def test_what_was_cut_off_or_says_nothing_is_shown_only_where_there_is_nothing_else(
    selection: Selection, odd: Draft
) -> None:
    whole = draft("It is 4.", 1.0, citation=1.0)
    assert {*drawn([odd, whole, odd], selection, 50)} == {"It is 4."}
    assert {*drawn([odd, odd], selection, 5)} == {odd.text}


def test_below_the_median_is_what_is_worth_less_than_it() -> None:
    answers = [draft(text, reward) for text, reward in zip("ABCDE", (0.1, 0.2, 0.5, 0.8, None), strict=True)]
    assert {*drawn(answers, "below_median")} == {"A", "B"}  # the median of the four is .35
    right = [draft(text, reward) for text, reward in zip("ABCDE", (1.0, 1.0, 1.0, 0.0, 0.0), strict=True)]
    assert {*drawn(right, "below_median")} == {"D", "E"}


def test_where_none_is_below_the_median_any_one_is_taken() -> None:
    wrong = [draft(text, reward) for text, reward in zip("ABC", (0.0, 0.0, 1.0), strict=True)]
    assert {*drawn(wrong, "below_median")} == {"A", "B", "C"}
    unknown = [draft(text, None) for text in "AB"]
    assert {*drawn(unknown, "below_median")} == {"A", "B"}


def test_balanced_takes_a_right_one_as_often_as_a_wrong_one() -> None:
    answers = [draft(text, 0.5, right=float(text == "A")) for text in "ABCDEFGH"]
    found = drawn(answers, "balanced")
    assert abs(found["A"] / DRAWS - 1 / 2) < 0.08
    assert {*found} == {*"ABCDEFGH"}


def test_without_verification_balanced_goes_by_the_median_of_rewards() -> None:
    rewards = (0.1, 0.2, 0.5, 0.8, 0.9, None)
    found = drawn([draft(text, reward) for text, reward in zip("ABCDEF", rewards, strict=True)], "balanced")
    assert {*found} == {*"ABDE"}
    assert abs((found["A"] + found["B"]) / DRAWS - 1 / 2) < 0.08
    most_right = drawn([draft(text, float(text != "A")) for text in "ABCDE"], "balanced")
    assert abs(most_right["A"] / DRAWS - 1 / 2) < 0.08


@pytest.mark.parametrize("rewards", [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (None, None, None)])
def test_balanced_takes_any_where_there_is_one_side(rewards: tuple[float | None, ...]) -> None:
    answers = [draft(text, reward) for text, reward in zip("ABC", rewards, strict=True)]
    assert {*drawn(answers, "balanced")} == {"A", "B", "C"}


def test_lowest_citation_takes_the_worst_that_is_known_and_any_where_nothing_is() -> None:
    answers = [draft("A", citation=0.5), draft("B", citation=0.2), draft("C", missing=True), draft("D", citation=0.2)]
    assert {*drawn(answers, "lowest_citation")} == {"B", "D"}
    assert {*drawn([draft("A", missing=True), draft("B")], "lowest_citation")} == {"A", "B"}
    assert {*drawn([draft("A", citation=0.9), draft("B", missing=True)], "lowest_citation")} == {"A"}


def test_two_drafts_of_one_question_make_two_groups() -> None:
    assert group_key("q", "It is 4.") == draft("It is 4.").key != draft("It is 5.").key
    assert draft("It is 4.", id="p").key != draft("It is 4.", id="q").key != group_key("q")
