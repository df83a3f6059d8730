"""Which rows can be learned from, and which answer is imitated."""

from typing import Any

import pytest
from tests.training.data.sources import lake_values

from citerefine.training.data.building.choosing import Best, Unfit, best, difficulty, unfit

GOOD = "<answer><snippet id=S1>Perch doubled.</snippet></answer>"


def row(*answers: tuple[str, float | None], **values: Any) -> dict[str, Any]:
    """A row with samples and what each earns."""
    return {
        **lake_values(0),
        "samples": [{"text": text, "finish": "stop"} for text, _ in answers],
        "scores": [
            {"reward": reward, "reason": "" if reward is not None else "deadline: no verdict", "gate": ""}
            for _, reward in answers
        ],
        **values,
    }


@pytest.mark.parametrize(
    ("rewards", "code"),
    [
        ((0.2, 0.8), None),
        ((0.5, 0.5, 0.5), "flat"),
        ((0.0, 0.02), "flat"),
        ((0.5, None), "no_reward"),
        ((0.1, 0.4, None), None),
    ],
)
def test_a_row_is_kept_where_answers_earn_differently(rewards: tuple[float | None, ...], code: str | None) -> None:
    scored = row(*((GOOD, reward) for reward in rewards))
    why = unfit(difficulty(scored), scored, 0.01)
    assert (why and why.code) == code


def test_spread_is_over_the_rewards_that_are_known() -> None:
    assert difficulty(row((GOOD, 0.0), (GOOD, 1.0), (GOOD, None))) == (0.5, 0.5, 2)
    assert difficulty(row((GOOD, 1.0), (GOOD, None))) == (None, None, 1)


def test_the_best_valid_answer_is_chosen_with_full_ids() -> None:
    bad = "<answer><snippet id=S9>Perch doubled.</snippet></answer>"
    found = best(row((bad, 0.9), (GOOD, 0.5), ("<answer>So.</answer>", None), (GOOD.replace("doubled", "grew"), 0.4)))
    assert found == Best("<answer><snippet id=perch-0>Perch doubled.</snippet></answer>", 0.5, 2, 2)


def test_of_equal_ones_the_shortest_then_the_first() -> None:
    long, other = GOOD.replace("Perch", "In Orven, perch"), GOOD.replace("Perch", "Pecrh")
    found = best(row((long, 0.5), (GOOD, 0.5), (other, 0.5)))
    assert isinstance(found, Best)
    assert ">Perch doubled." in found.answer


@pytest.mark.parametrize(
    ("sample", "score", "word"),
    [
        ({"finish": "length"}, {}, "truncated"),
        ({"text": "Perch doubled."}, {}, "no_answer"),
        ({}, {"reward": 0.0}, "it earns 0"),
        ({}, {"reward": -0.5, "reason": "no_support: no claim is supported"}, "no_support"),
        ({}, {"gate": "no_answer", "reason": "no_answer: there is no block"}, "no block"),
        ({}, {"reward": None, "reason": "deadline: no verdict"}, "deadline"),
    ],
)
def test_an_answer_that_is_not_to_be_imitated_is_none_whatever_it_earns(
    sample: dict[str, Any], score: dict[str, Any], word: str
) -> None:
    scored = row((GOOD, 0.5))
    scored["samples"][0] |= sample
    scored["scores"][0] |= score
    found = best(scored)
    assert isinstance(found, Unfit)
    assert found.code == "no_valid_answer"
    assert word in found.reason


def test_reasoning_stays_before_an_answer_in_mode_think() -> None:
    found = best(row((f"<think>\nYes.\n</think>\n{GOOD}", 0.5), mode="think"))
    assert isinstance(found, Best)
    assert found.answer.startswith("<think>\nYes.\n</think>\n<answer><snippet id=perch-0>")


def test_names_mean_what_the_sampled_model_was_shown() -> None:
    shown = lake_values(0)["snippets"][1:]
    found = best(row((GOOD, 0.5), shown=shown))
    assert isinstance(found, Best)
    assert "<snippet id=ice-0>" in found.answer
