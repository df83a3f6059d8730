"""Groups: who gets a score, which cells are estimated, and that groups do not touch each other."""

from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.judges.rubric.rubric_cases import cell, cells
from tests.rubrics.building import criterion, flat

from citerefine.judges.rubric.cell import Status
from citerefine.judges.rubric.grading import gated_cells
from citerefine.judges.rubric.group import score_group
from citerefine.refiner.errors import InputError
from citerefine.rubrics.rubric import Rubric

RUBRIC = flat(1, 1, 1, 1, 1, -1)
WHOLE = [[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0]]
VALUE = st.none() | st.floats(0, 1)


def test_complete_groups_are_scored_answer_by_answer() -> None:
    got = score_group(RUBRIC, [cells(RUBRIC, row) for row in WHOLE])
    assert got.scores_G == pytest.approx((0.8, 0.2, 0.6))
    assert (got.formula, got.n_imputed, got.n_missing) == ("pos_norm", 0, 0)


def test_a_failed_cell_is_estimated_marked_and_counted() -> None:
    got = score_group(RUBRIC, [cells(RUBRIC, [None, 1, 1, 1, 0, 0]), *(cells(RUBRIC, row) for row in WHOLE[1:])])
    first = got.cells_GC[0][0]
    # Column mean .5; residuals of the answer: 1/3, 1/3, 1/3, -1/3, and 1/3 for the absent fault: 1 / (5 + 2).
    assert first.value == pytest.approx(0.5 + 1 / 7)
    assert first.status is Status.IMPUTED
    assert first.reason == "imputed: failed before (timeout: no reply in 60 s)"
    assert got.n_imputed == got.n_missing == 1
    assert got.scores_G[0] == pytest.approx((3 + 0.5 + 1 / 7) / 5)


def test_with_less_than_four_fifths_known_an_answer_has_no_score() -> None:
    got = score_group(RUBRIC, [cells(RUBRIC, [None, None, 1, 1, 0, 0]), *(cells(RUBRIC, row) for row in WHOLE)])
    assert got.scores_G[0] is None
    assert got.reasons_G[0].startswith("coverage: values are known for 67 %")
    assert [each.status for each in got.cells_GC[0]][:2] == [Status.FAILED] * 2
    assert got.n_imputed == 0
    assert got.n_missing == 2


def test_an_abstention_counts_as_unmet_of_a_positive_and_is_estimated_of_a_fault() -> None:
    row = cells(RUBRIC, WHOLE[0])
    row[0] = cell(RUBRIC.criteria[0], None, Status.ABSTAIN)
    row[5] = cell(RUBRIC.criteria[5], None, Status.ABSTAIN)
    got = score_group(RUBRIC, [row, *(cells(RUBRIC, other) for other in WHOLE[1:])])
    assert [each.status for each in got.cells_GC[0]][::5] == [Status.ABSTAIN, Status.IMPUTED]
    assert got.n_imputed == 1


def test_an_answer_that_nobody_judged_is_worth_nothing_and_informs_no_estimate() -> None:
    rows = [cells(RUBRIC, [None, 1, 1, 1, 0, 0]), *(cells(RUBRIC, row) for row in WHOLE[1:])]
    alone = score_group(RUBRIC, rows)
    with_gated = score_group(RUBRIC, [*rows, gated_cells(RUBRIC)])
    assert with_gated.scores_G == (*alone.scores_G, 0.0)
    assert with_gated.reasons_G[3].startswith("gated: ")


def test_who_says_nothing_is_never_the_best_of_a_group() -> None:
    rubric = flat(2, -4)
    tried = [cells(rubric, [0, 1]), cells(rubric, [1, 1])]
    assert score_group(rubric, [*tried, gated_cells(rubric)]).scores_G == (-2, -1, -2)
    assert score_group(rubric, [cells(rubric, [1, 0]), gated_cells(rubric)]).scores_G == (1, 0)
    assert score_group(rubric, [gated_cells(rubric)] * 2).scores_G == (0, 0)
    assert score_group(rubric, [cells(rubric, [None, None]), gated_cells(rubric)]).scores_G == (None, 0)


VETOED = Rubric(criteria=(criterion("a", 9), criterion("key", 1, veto=True), criterion("bad", -20)))


@pytest.mark.parametrize("formula", ["pos_norm", "policy_aware", "min_max"])
def test_a_veto_holds_by_every_formula(formula: str) -> None:
    rows = [cells(VETOED, row) for row in ([1, 0.2, 0], [0, 1, 0], [0.5, 1, 0])]
    got = score_group(VETOED, rows, formula=formula)
    assert got.scores_G[0] == 0
    assert got.reasons_G[0].startswith("veto: 'key'")
    assert all(score is not None and score > 0 for score in got.scores_G[1:])
    assert got.reasons_G[1:] == ("", "")


def test_who_fails_a_veto_is_never_the_best_of_a_group_and_who_says_nothing_is_not_better() -> None:
    rows = [cells(VETOED, [1, 0, 0]), cells(VETOED, [0, 1, 1]), cells(VETOED, [1, 1, 1]), gated_cells(VETOED)]
    assert score_group(VETOED, rows).scores_G == pytest.approx((-1.9, -1.9, -1, -1.9))
    worst = cells(VETOED, [0, 0, 1])
    assert score_group(VETOED, [worst, *rows[2:]]).scores_G == pytest.approx((-2, -1, -2))


def test_formulas_that_clip_are_not_what_groups_are_scored_with() -> None:
    bad = flat(1, -3, format="llmdata_rubric")
    got = score_group(bad, [cells(bad, [0, 1]), cells(bad, [0, 0])])
    assert got.formula == "pos_norm"
    assert got.scores_G == (-3.0, 0.0)


def test_weights_can_follow_what_tells_the_answers_apart() -> None:
    rubric = flat(1, 1, -1)
    got = score_group(rubric, [cells(rubric, [1, 1, 0]), cells(rubric, [1, 0, 0])], formula="policy_aware")
    assert got.scores_G == pytest.approx((1.0, 0.25))
    faults = flat(-1)
    assert score_group(faults, [cells(faults, [1])] * 2, formula="policy_aware").reasons_G[0].startswith("no_weight: ")


def test_a_policy_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="no policy 'zero'; choose one of two_way"):
        score_group(RUBRIC, [], policy="zero")


@given(st.lists(st.lists(VALUE, min_size=6, max_size=6), min_size=1, max_size=5), st.sampled_from(["two_way", "skip"]))
def test_a_score_of_a_group_is_none_with_a_reason_or_within_bounds(rows: list[list[float | None]], policy: str) -> None:
    got = score_group(RUBRIC, [cells(RUBRIC, row) for row in rows], policy=policy)
    for score, reason in zip(got.scores_G, got.reasons_G, strict=True):
        assert reason if score is None else isfinite(score) and -0.2 <= score <= 1


@given(st.lists(st.lists(VALUE, min_size=6, max_size=6), min_size=2, max_size=4), st.data())
def test_a_failure_in_another_group_never_changes_a_reward(rows: list[list[float | None]], data: st.DataObject) -> None:
    """Scoring holds no state: a group is worth the same whatever was scored before it."""
    mine = [cells(RUBRIC, row) for row in WHOLE]
    before = score_group(RUBRIC, mine)
    other = [list(row) for row in rows]
    other[0][data.draw(st.integers(0, 5))] = None
    score_group(RUBRIC, [cells(RUBRIC, row) for row in other])
    assert score_group(RUBRIC, mine) == before
