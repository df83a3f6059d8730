"""Signal shares, against the arithmetic that they are for."""

import time

import pytest
from tests.judges.rubric.rubric_cases import cells
from tests.rubrics.building import criterion, flat

from citerefine.judges.rubric.signal import Term, criterion_signal, term_signal


def spread(std: float, around: float = 0.5) -> list[float | None]:
    """Two answers whose values have this standard deviation."""
    return [around - std, around + std]


@pytest.mark.parametrize(("weight", "share"), [(0.2, 0.05 / 0.114), (0.5, 0.125 / 0.165)])
def test_a_small_weight_can_have_most_of_the_signal(weight: float, share: float) -> None:
    group = {"rubric": Term(1 - weight, spread(0.08)), "citation": Term(weight, spread(0.25))}
    shares = {term.name: term.share for term in term_signal([group]).terms}
    assert shares["citation"] == pytest.approx(share)
    assert round(share, 2) in (0.44, 0.76)
    assert sum(value or 0 for value in shares.values()) == pytest.approx(1)


def test_spread_between_groups_is_no_signal() -> None:
    groups = [
        {"a": Term(1, [0.1, 0.1]), "b": Term(1, spread(0.1))},
        {"a": Term(1, [0.9, 0.9]), "b": Term(1, [0.3] * 2)},
    ]
    got = term_signal(groups)
    assert [(term.name, term.share) for term in got.terms] == [("b", 1.0), ("a", 0.0)]
    assert (got.n_groups, got.n_flat) == (2, 1)


def test_an_answer_without_one_term_is_left_out_of_all_and_counted() -> None:
    group = {"a": Term(1, [0.0, 1.0, 0.5]), "b": Term(1, [0.2, 0.2, None])}
    got = term_signal([group])
    assert (got.n_rows, got.n_left_out) == (3, 1)
    assert got.terms[0].std == pytest.approx(0.5)


def test_without_any_spread_there_are_no_shares() -> None:
    got = term_signal([{"a": Term(1, [0.5, 0.5])}, {"a": Term(1, [0.5, None])}])
    assert got.terms[0].share is None
    assert got.n_flat == 2
    assert got.to_log() == {"signal/n_groups": 2, "signal/n_flat": 2, "signal/n_left_out": 1, "signal/a/std": 0}
    assert term_signal([]).terms == ()


def test_terms_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="answers; each needs one value an answer"):
        term_signal([{"a": Term(1, [0.5]), "b": Term(1, [0.5, 0.1])}])


def test_criteria_that_tell_no_answers_apart_have_no_share() -> None:
    rubric = flat(2, 1, -1)
    titled = rubric.model_copy(
        update={"criteria": tuple(each.model_copy(update={"title": each.id}) for each in rubric.criteria)}
    )
    got = criterion_signal(
        [(titled, [cells(titled, [1, 0, 0]), cells(titled, [1, 1, None]), cells(titled, [1, 0, 1])])]
    )
    shares = {term.name: term.share for term in got.terms}
    assert shares["c1"] == 0
    assert shares["c3"] == pytest.approx(0.5 / (0.5 + 2**0.5 / 3))
    assert got.n_left_out == 1
    assert got.to_log("criteria")["criteria/c1/share"] == 0


def test_criteria_of_one_title_stay_apart_and_a_static_one_is_one_term_over_groups() -> None:
    twice = flat(1)
    twice = twice.model_copy(update={"criteria": (criterion("a", title="Same"), criterion("b", title="Same"))})
    other = flat(1).model_copy(update={"criteria": (criterion("z", title="Static"),)})
    rows = [cells(twice, [1, 0]), cells(twice, [0, 1])]
    static = [cells(other, [1]), cells(other, [0])]
    got = criterion_signal([(twice, rows), (other, static), (other, static)])
    assert sorted(term.name.split(":")[0] for term in got.terms) == ["Same", "Same", "Static"]
    assert {term.name: term.n_groups for term in got.terms}["Static"] == 2


def test_the_signal_of_a_rubric_of_any_size_is_had_in_time() -> None:
    rubric = flat(*[1] * 8_000)
    rows = [cells(rubric, [value] * 8_000) for value in (0.0, 1.0)]
    begin = time.process_time()
    assert len(criterion_signal([(rubric, rows)]).terms) == 8_000
    assert time.process_time() - begin < 2
