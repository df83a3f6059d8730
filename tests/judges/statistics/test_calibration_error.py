"""Probabilities against labels: by hand, and as scikit-learn measures and mends them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from citerefine.judges.statistics.calibration_error import calibration_estimates
from citerefine.judges.statistics.calibrators import (
    cross_calibrated,
    fit_isotonic,
    fit_platt,
    pool_adjacent_violators,
)

PAIRS = st.lists(st.tuples(st.integers(0, 20).map(lambda k: k / 20), st.booleans()), min_size=2, max_size=40)


def overconfident(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Probabilities whose log odds are twice what they should be."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 1.5, n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    return 1 / (1 + np.exp(-2 * odds)), labels, [f"prompt {k // 4}" for k in range(n)]


def test_errors_are_those_worked_out_by_hand() -> None:
    """Bin .9 to 1: two rows, 1.9 said and 1 true. Bin .2 to .3: two rows, .5 said and 1 true."""
    found = calibration_estimates([0.9, 1.0, 0.2, 0.3 - 1e-12], [1, 0, 0, 1], "abcd")
    assert found["ece"].value == pytest.approx((0.9 + 0.5) / 4)
    assert found["brier"].value == pytest.approx((0.01 + 1 + 0.04 + 0.49) / 4)
    assert found["mean_error"].value == pytest.approx((0.9 - 0.5) / 4)
    assert found["ece"].n == 4


@given(PAIRS)
def test_the_brier_score_is_that_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    p, labels = [p for p, _ in pairs], [label for _, label in pairs]
    found = calibration_estimates(p, [float(one) for one in labels], [f"{k}" for k in range(len(p))], draws=2)
    assert found["brier"].value == pytest.approx(brier_score_loss(labels, p, pos_label=True))


def test_without_rows_there_is_no_error_and_not_an_error_of_0() -> None:
    assert [one.value for one in calibration_estimates([], [], []).values()] == [None, None, None]


@given(PAIRS)
def test_isotonic_regression_is_that_of_scikit_learn(pairs: list[tuple[float, bool]]) -> None:
    p, labels = np.array([p for p, _ in pairs]), np.array([float(label) for _, label in pairs])
    theirs = IsotonicRegression(out_of_bounds="clip").fit(p, labels)
    asked = np.linspace(0, 1, 37)
    assert fit_isotonic(p, labels)(asked) == pytest.approx(theirs.predict(asked))


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20))
def test_pooling_keeps_the_mean_and_never_falls(values: list[float]) -> None:
    pooled = pool_adjacent_violators(np.array(values), np.ones(len(values)))
    assert (np.diff(pooled) >= -1e-12).all()
    assert pooled.mean() == pytest.approx(np.mean(values))


def test_platt_scaling_finds_the_slope_that_scikit_learn_finds() -> None:
    p, labels, _ = overconfident(4_000)
    theirs = LogisticRegression(C=np.inf, tol=1e-8).fit(logit(np.clip(p, 0.01, 0.99))[:, None], labels)
    asked = np.linspace(0.05, 0.95, 19)
    expected = theirs.predict_proba(logit(asked)[:, None])[:, 1]
    assert fit_platt(p, labels)(asked) == pytest.approx(expected, abs=2e-3)  # Platt's targets are a little smoothed


def test_labels_that_a_threshold_separates_give_finite_probabilities() -> None:
    mended = fit_platt(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]))(np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(mended).all()
    assert (np.diff(mended) > 0).all()


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_mending_takes_most_of_the_error_away_on_rows_that_had_no_part_in_it(method: str) -> None:
    p, labels, prompts = overconfident(2_000)
    raw = calibration_estimates(p, labels, prompts, draws=20)["ece"].value
    mended_p = cross_calibrated(method, p, labels, prompts)
    assert mended_p is not None
    mended = calibration_estimates(mended_p, labels, prompts, draws=20)["ece"].value
    assert raw is not None
    assert mended is not None
    assert mended < raw / 2


def test_no_row_has_a_part_in_mending_its_own_half() -> None:
    p, labels, prompts = overconfident(200)
    before = cross_calibrated("isotonic", p, labels, prompts)
    changed = labels.copy()
    changed[:4] = 1 - changed[:4]  # all of the first prompt
    after = cross_calibrated("isotonic", p, changed, prompts)
    assert before is not None
    assert after is not None
    assert before[:4].tolist() == after[:4].tolist()
    assert before.tolist() != after.tolist()


def test_a_half_with_one_kind_of_label_cannot_mend_the_other() -> None:
    assert cross_calibrated("isotonic", [0.1, 0.9], [0, 1], ["a", "b"]) is None
    assert cross_calibrated("platt", [], [], []) is None
