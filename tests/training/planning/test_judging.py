"""What judges are asked in a step, and what it costs."""

import pytest

from citerefine.refiner.chat.endpoint import Prices
from citerefine.training.planning.judging import JudgePlan, judge_plan
from citerefine.training.planning.tokens import step_tokens
from citerefine.training.recipes.reading import load_recipe

PRICES = Prices(prompt=1.0, completion=10.0)


def plan(name: str, *sets: str, criteria: float = 6, prices: Prices | None = None) -> JudgePlan:
    recipe = load_recipe(name, sets)
    return judge_plan(recipe, step_tokens(recipe, 4000, 6144), criteria, prices)


def test_each_answer_is_judged_by_its_criteria_and_by_its_claims() -> None:
    found = plan("rubric-citation-refiner")
    assert (found.rubric_calls, found.support_calls, found.calls) == (256, 256, 512)
    assert plan("rubric-citation-refiner", criteria=30).rubric_calls == 512
    assert plan("rubric-citation-refiner", "reward.rubric=0").rubric_calls == 0


def test_groups_that_are_refilled_are_judged_too() -> None:
    sets = ("train.refill=true", "train.refill_tokens=320000")
    without, found = plan("single-gpu-lora"), plan("single-gpu-lora", *sets)
    assert (without.calls, without.refill_calls) == (128, 0)
    assert (found.calls, found.refill_calls) == (128, 2 * 80)  # 320,000 tokens are 80 prompts of 4,000
    assert found.prompt_tokens == without.prompt_tokens * 144 / 64
    assert found.reply_tokens == without.reply_tokens * 144 / 64
    recipe = load_recipe("single-gpu-lora", sets)
    assert step_tokens(recipe, 4000, 6144, rows=13).refill_answers == 5 * 8  # no prompt is asked twice in a step


def test_judges_that_compute_cost_nothing() -> None:
    found = plan("tiny-cpu")
    assert (found.calls, found.cost, found.reason) == (0, 0.0, "")
    assert plan("rloo-maths").calls == 0


def test_a_cost_is_known_where_prices_are() -> None:
    without = plan("single-gpu-lora")
    assert without.cost is None
    assert "CITEREFINE_PRICES" in without.reason
    priced = plan("single-gpu-lora", prices=Prices(prompt=1.0, completion=10.0))
    assert priced.cost == pytest.approx(priced.prompt_tokens / 1e6 + 10 * priced.reply_tokens / 1e6)


def test_a_model_of_nli_is_no_server_to_pay() -> None:
    assert plan("single-gpu-lora", "reward.support=hf:org/nli").support_calls == 0
    assert plan("single-gpu-lora", "reward.support=cascade:openai:m@http://h:1/v1").support_calls == 64


GROWING = (
    "evolve.writer=openai:w@http://h:1/v1",
    "evolve.admission=openai:a@http://h:2/v1",
    "evolve.every=5",
    "evolve.n_positive=2",
    "evolve.n_negative=1",
)


def test_rubrics_that_grow_have_a_writer_and_a_judge_to_pay() -> None:
    without, found = plan("single-gpu-lora", prices=PRICES), plan("single-gpu-lora", *GROWING, prices=PRICES)
    assert without.growth is None
    growth = found.growth
    assert growth is not None
    assert (growth.every, growth.writer_calls, growth.admission_calls) == (5, 8, 64)  # 8 groups of 8 answers
    assert (found.calls, found.prompt_tokens) == (without.calls, without.prompt_tokens)  # every step the same
    assert without.cost is not None
    assert found.cost is not None
    each = growth.prompt_tokens / 1e6 + 10 * growth.reply_tokens / 1e6
    assert found.cost - without.cost == pytest.approx(each / 5, rel=1e-3)


def test_a_writer_is_paid_where_all_judges_compute() -> None:
    found = plan("tiny-cpu", *GROWING[:1], "evolve.admission=table:labels.jsonl")
    assert found.growth is not None
    assert (found.calls, found.growth.writer_calls, found.growth.admission_calls) == (0, 2, 0)
    assert found.cost is None
    assert "CITEREFINE_PRICES" in found.reason
