"""Estimates of missing cells: the equation, and what may never happen."""

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.rubric.imputation import POLICIES, column_mean, two_way

VALUE = st.none() | st.floats(0, 1)
N = 4


def test_an_estimate_is_the_column_mean_and_the_row_effect() -> None:
    filled = two_way([[1.0, 1.0, 0.0, None], [0.0, 1.0, 1.0, 0.5], [0.5, 0.4, 0.5, 0.3]], [False, False, True, True])
    # Means: .5, .8, .5, .4. Residuals of the first answer, signed: .5, .2, .5. Effect: 1.2 / 5; it is a fault.
    assert filled[0][3] == pytest.approx(0.4 - 1.2 / 5)
    assert filled[0][:3] == [1.0, 1.0, 0.0]


def test_estimates_stay_in_the_unit_interval_and_columns_without_values_stay_unknown() -> None:
    filled = two_way([[1.0, 1.0, 1.0, None], [0.0, 0.0, 0.0, 1.0]], [False] * 4)
    assert filled[0][3] == 1.0
    assert two_way([[None, 1.0], [None, 0.0]], [False, False]) == [[None, 1.0], [None, 0.0]]


def test_the_column_mean_knows_no_answers() -> None:
    assert column_mean([[1.0, None], [0.0, 0.2]], [False, False])[0] == [1.0, 0.2]


@given(
    st.lists(st.lists(VALUE, min_size=N, max_size=N), min_size=1, max_size=6),
    st.lists(st.booleans(), min_size=N, max_size=N),
    st.sampled_from(sorted(POLICIES)),
)
def test_known_values_stay_and_estimates_are_values(
    values: list[list[float | None]], faults: list[bool], policy: str
) -> None:
    filled = POLICIES[policy](values, faults)
    for before_row, after_row in zip(values, filled, strict=True):
        for before, after in zip(before_row, after_row, strict=True):
            assert after == before or before is None
            assert after is None or (isfinite(after) and 0 <= after <= 1)
    if policy != "skip":
        known = [any(row[c] is not None for row in values) for c in range(N)]
        assert all((row[c] is not None) == known[c] for row in filled for c in range(N))
