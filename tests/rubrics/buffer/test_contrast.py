"""Contrast is a rate with its uncertainty, checked against the Beta distribution of scipy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from citerefine.rubrics.buffer.contrast import Contrast, separates
from citerefine.rubrics.buffer.independence import are_independent, models_of


@given(st.floats(0, 60), st.floats(0, 1), st.floats(0.02, 0.98))
def test_the_posterior_is_that_of_an_even_prior(groups: float, share: float, rate: float) -> None:
    contrast = Contrast(groups, groups * share)
    posterior = beta(groups * share + 1, groups * (1 - share) + 1)
    assert contrast.below(rate) == pytest.approx(posterior.cdf(rate), abs=2e-3)
    assert contrast.mean == pytest.approx(posterior.mean())


def test_older_groups_count_for_less() -> None:
    contrast = Contrast()
    for separated in (True, False, True):
        contrast = contrast.seen(separated, 0.5)
    assert contrast == Contrast(1.75, 1.25)


@pytest.mark.parametrize(
    ("values", "separated"),
    [((1.0, 0.0), True), ((0.9, 0.4), True), ((0.9, 0.5, None), False), ((None, 1.0), False), ((), False)],
)
def test_a_group_is_separated_by_two_values_far_apart(values: tuple[float | None, ...], separated: bool) -> None:
    assert separates(values, 0.5) is separated


@pytest.mark.parametrize(
    ("one", "other", "independent"),
    [
        ("openai:Qwen/Qwen3-4B@http://a/v1", "vllm:/models/qwen3-4b (votes 3)", False),
        ("cascade:openai:Qwen/Qwen3-4B@http://a/v1,http://b/v1 (prompt 2)", "hf:Qwen/Qwen3-4B", False),
        ("openai:A@http://a/v1 (prompt 1, backup openai:B@http://b/v1)", "openai:B@http://c/v1", False),
        ("openai:Qwen/Qwen3-4B@http://a/v1", "openai:Qwen/Qwen3-8B@http://a/v1", True),
        ("lexical-1", "lexical-1 (k 3)", False),
        ("lexical-1", "openai:A@http://a/v1", True),
    ],
)
def test_the_same_model_elsewhere_is_the_same_model(one: str, other: str, independent: bool) -> None:
    assert are_independent(one, other) is are_independent(other, one) is independent
    assert models_of(one)
