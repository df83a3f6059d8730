"""Means over few seeds: intervals that hold what they promise, and differences that pair seeds."""

import random
from statistics import NormalDist

import pytest

from citerefine.training.ablating.estimates import paired_difference, seed_mean, t_quantile


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [(1, 12.706), (2, 4.303), (9, 2.262), (30, 2.042), (31, 2.0395), (60, 2.000), (1000, 1.962)],
)
def test_the_quantile_is_that_of_the_tables(degrees: int, expected: float) -> None:
    assert t_quantile(degrees) == pytest.approx(expected, abs=5e-4)


def test_three_seeds_give_a_mean_with_an_interval() -> None:
    mean = seed_mean({1: 0.5, 2: 0.6, 3: 0.7})
    assert mean.mean == pytest.approx(0.6)
    assert mean.ci95 == pytest.approx((0.6 - 4.3027 * 0.1 / 3**0.5, 0.6 + 4.3027 * 0.1 / 3**0.5))
    assert (mean.n, mean.reason) == (3, "")


def test_what_is_not_known_is_left_out_and_never_0() -> None:
    assert seed_mean({1: 0.5, 2: None, 3: 0.7}).mean == pytest.approx(0.6)
    alone = seed_mean({1: 0.5, 2: None})
    assert (alone.mean, alone.ci95, alone.n, alone.reason) == (0.5, None, 1, "an interval needs two seeds")
    assert seed_mean({1: None}) == seed_mean({})
    assert seed_mean({}).mean is None
    assert seed_mean({}).reason


def test_a_difference_pairs_seeds_and_drops_those_that_one_lacks() -> None:
    first = {1: 0.1, 2: 0.5, 3: 0.9, 4: 0.3}
    other = {4: None, 3: 1.0, 2: 0.6, 1: 0.2, 5: 0.9}
    gap = paired_difference(first, other)
    assert gap.mean == pytest.approx(0.1)
    assert gap.n == 3
    assert gap.ci95 == pytest.approx((0.1, 0.1))  # what the seeds do to both is gone


@pytest.mark.parametrize("seeds", [3, 5])
def test_of_a_hundred_intervals_ninety_five_hold_the_truth(seeds: int) -> None:
    rng, inside, rounds = random.Random(7), 0, 4000
    for _ in range(rounds):
        low, high = seed_mean({seed: rng.gauss(0.4, 0.1) for seed in range(seeds)}).ci95 or (1.0, 0.0)
        inside += low <= 0.4 <= high
    error = NormalDist().inv_cdf(0.999) * (0.05 * 0.95 / rounds) ** 0.5
    assert inside / rounds == pytest.approx(0.95, abs=error)
