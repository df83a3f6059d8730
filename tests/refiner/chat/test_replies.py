"""What a server says of its reply is taken only as far as it can be."""

import pytest
from pydantic import JsonValue

from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.chat.replies import read_usage

PRICES = Prices(prompt=1, completion=1)


@pytest.mark.parametrize("count", [10**400, 10**30, -1, 1.5, True, "7", None])
def test_a_count_that_cannot_be_is_not_told(count: JsonValue) -> None:
    said: JsonValue = {
        "prompt_tokens": count,
        "completion_tokens": count,
        "prompt_tokens_details": {"cached_tokens": count},
    }
    usage = read_usage(said, PRICES)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.cost) == (None,) * 4


@pytest.mark.parametrize("cost", [10**400, 1e308, float("inf"), float("nan"), -0.1, True, "1", None])
def test_a_cost_that_cannot_be_is_not_told_and_the_prices_count(cost: JsonValue) -> None:
    said: JsonValue = {"prompt_tokens": 1_000_000, "completion_tokens": 2_000_000, "cost": cost}
    assert read_usage(said, None).cost is None
    assert read_usage(said, PRICES).cost == 3


def test_a_cost_that_the_server_tells_goes_before_the_prices() -> None:
    assert read_usage({"prompt_tokens": 1, "completion_tokens": 1, "cost": 2}, PRICES).cost == 2
