"""Fitting a refiner into the tokens that are left."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.agent.budget import affordable
from citerefine.refiner.errors import CallError
from citerefine.refiner.settings import OnInvalid, RefinerSettings

WANTED = RefinerSettings(passes=2, on_invalid=OnInvalid.REPAIR_DROP)


def test_plenty_changes_nothing() -> None:
    assert affordable(WANTED, 100_000) == WANTED


def test_the_second_pass_goes_first_then_the_repair_then_length() -> None:
    assert affordable(WANTED, 20_000) == WANTED.model_copy(update={"passes": 1})
    assert affordable(WANTED, 10_000) == WANTED.model_copy(update={"passes": 1, "on_invalid": OnInvalid.DROP})
    short = affordable(WANTED, 2_000)
    assert (short.total_tokens, short.answer_tokens) == (1_936, 645)


@given(st.integers(min_value=0, max_value=50_000), st.sampled_from([*OnInvalid]), st.sampled_from([1, 2]))
def test_all_calls_together_fit_or_it_is_said(left: int, on_invalid: OnInvalid, passes: int) -> None:
    wanted = RefinerSettings(on_invalid=on_invalid, passes=passes)
    if left < 320:
        with pytest.raises(CallError, match="budget"):
            affordable(wanted, left)
        return
    settings = affordable(wanted, left)
    assert (settings.passes + settings.on_invalid.repairs) * settings.total_tokens <= left
    assert settings.on_invalid.last_resort == on_invalid.last_resort


def test_too_few_tokens_are_said_before_any_call() -> None:
    with pytest.raises(CallError, match="300 tokens are left of the run's budget"):
        affordable(WANTED, 300)
