"""Agreement with people: figures as defined, on examples that are worked out by hand or the plain way."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.statistics.confusion import Confusion
from citerefine.judges.statistics.decisions import cross_fit, decision_estimates
from citerefine.judges.statistics.ranking import auc, auc_estimate, best_threshold

# People's label by row, the judge's by column: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no.
BY_HAND = Confusion(("no", "yes"), ((15, 10), (5, 20)))
THREE = Confusion.of(
    [("a", "a")] * 5 + [("a", "b")] * 2 + [("b", "b")] * 3 + [("b", "c")] + [("c", "c")] * 4 + [("c", "a")],
    ("a", "b", "c"),
)
CLAIMS = st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30)


def test_figures_of_two_classes_are_those_worked_out_by_hand() -> None:
    assert BY_HAND.n == 50
    assert BY_HAND.accuracy == 0.7
    assert BY_HAND.kappa == pytest.approx(0.4)  # chance 0.5: the known example of Cohen's kappa
    assert BY_HAND.balanced_accuracy == pytest.approx((15 / 25 + 20 / 25) / 2)
    assert BY_HAND.precision("yes") == pytest.approx(20 / 30)
    assert BY_HAND.recall("yes") == 0.8
    assert BY_HAND.f1("yes") == pytest.approx(2 * 20 / 55)
    assert BY_HAND.macro_f1 == pytest.approx((40 / 55 + 30 / 45) / 2)
    assert BY_HAND.mcc == pytest.approx((20 * 15 - 10 * 5) / math.sqrt(30 * 25 * 25 * 20))


def test_matthews_of_several_labels_is_a_correlation_of_indicators() -> None:
    people = np.repeat(np.arange(3), THREE.said_by_people)
    judge = np.concatenate([np.repeat(np.arange(3), row) for row in THREE.counts])
    x, y = np.eye(3)[people], np.eye(3)[judge]
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    assert THREE.mcc == pytest.approx((x * y).sum() / math.sqrt((x**2).sum() * (y**2).sum()))


def test_kappa_of_several_labels_counts_chance_by_label() -> None:
    chance = (7 * 6 + 4 * 5 + 5 * 5) / 16**2
    assert THREE.kappa == pytest.approx((12 / 16 - chance) / (1 - chance))


def test_one_label_against_the_rest() -> None:
    merged = THREE.merged("a")
    assert (merged.labels, merged.counts) == (("rest", "a"), ((8, 1), (2, 5)))


@pytest.mark.parametrize("counts", [((0, 0), (3, 2)), ((0, 4), (0, 1)), ((5, 0), (0, 0)), ((0, 0), (0, 0))])
def test_with_one_class_on_a_side_nothing_agrees_beyond_chance(counts: tuple[tuple[int, int], ...]) -> None:
    one_sided = Confusion(("no", "yes"), counts)
    assert (one_sided.kappa, one_sided.mcc) == (None, None)


def test_figures_that_the_labels_do_not_define_are_none() -> None:
    only_no = Confusion(("no", "yes"), ((3, 0), (0, 0)))
    assert (only_no.recall("yes"), only_no.precision("yes"), only_no.f1("yes")) == (None, None, None)
    assert only_no.balanced_accuracy is None
    assert Confusion(("no", "yes"), ((0, 0), (0, 0))).accuracy is None


def test_a_label_that_is_not_listed_is_an_error() -> None:
    with pytest.raises(ValueError, match="'maybe' is none of the labels no, yes"):
        Confusion.of([("no", "maybe")], ("no", "yes"))


def test_auc_counts_pairs_and_half_of_the_ties() -> None:
    assert auc([1, 2, 3, 4], [False, False, True, True]) == 1.0
    assert auc([1, 1, 1], [True, False, True]) == 0.5
    assert auc([0.9, 0.1], [False, True]) == 0.0


@given(CLAIMS)
def test_auc_is_what_going_through_all_pairs_gives(claims: list[tuple[int, bool]]) -> None:
    scores, positive = [score for score, _ in claims], [flag for _, flag in claims]
    pairs = [(s > t) + (s == t) / 2 for s, p in claims for t, q in claims if p and not q]
    if not pairs:
        assert auc(scores, positive) is None
    else:
        assert auc(scores, positive) == pytest.approx(sum(pairs) / len(pairs))


@given(CLAIMS)
def test_the_threshold_is_as_good_as_any(claims: list[tuple[int, bool]]) -> None:
    scores, positive = [score for score, _ in claims], [flag for _, flag in claims]
    threshold = best_threshold(scores, positive)
    if threshold is None:
        assert len(set(positive)) == 1
        return

    def youden(at: float) -> float:
        hits = sum(score >= at for score, flag in claims if flag) / sum(positive)
        return hits + sum(score < at for score, flag in claims if not flag) / (len(positive) - sum(positive))

    assert youden(threshold) == pytest.approx(max(youden(at + 0.5) for at in range(-1, 5)))


def judged(n: int, gap: float, seed: int = 0) -> tuple[list[float], list[bool], list[str]]:
    """Scores of claims, five of them a text, that supported claims have `gap` higher."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    scores = rng.normal(positive * gap, 1)
    return scores.tolist(), positive.tolist(), [f"text {k // 5}" for k in range(n)]


def test_the_interval_of_auc_is_as_wide_as_the_textbook_says() -> None:
    scores, positive, _ = judged(400, 1.0)
    estimate = auc_estimate(scores, positive, [str(n) for n in range(400)])
    a, m, n = estimate.value, sum(positive), 400 - sum(positive)
    assert a is not None
    assert estimate.ci95 is not None
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)  # Hanley and McNeil 1982
    error = math.sqrt((a * (1 - a) + (m - 1) * (q1 - a * a) + (n - 1) * (q2 - a * a)) / m / n)
    assert estimate.ci95[1] - estimate.ci95[0] == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_claims_of_one_text_are_resampled_together() -> None:
    scores, positive, texts = judged(100, 1.0)
    apart = auc_estimate(scores * 4, positive * 4, [str(n) for n in range(400)]).ci95
    together = auc_estimate(scores * 4, positive * 4, texts * 4).ci95
    assert apart is not None
    assert together is not None
    assert together[1] - together[0] > 1.4 * (apart[1] - apart[0])


def test_no_interval_where_there_is_nothing_to_resample() -> None:
    assert auc_estimate([0.1, 0.9], [False, True], ["a", "a"]).ci95 is None
    one_class = auc_estimate([0.1, 0.9], [True, True], ["a", "b"])
    assert (one_class.value, one_class.ci95) == (None, None)
    assert "supported and other claims" in one_class.reason
    empty = auc_estimate([], [], [])
    assert (empty.value, empty.n) == (None, 0)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="2 scores and 1 labels"):
        auc([0.1, 0.2], [True])


def test_no_claim_has_a_part_in_its_own_threshold() -> None:
    scores, positive, texts = judged(200, 2.0)
    fitted = cross_fit(scores, positive, texts)
    assert fitted is not None
    for k in range(0, 200, 37):  # a wild score of its own text changes what is said of others only
        changed = [*scores]
        changed[k] = 50.0
        again = cross_fit(changed, positive, texts)
        assert again is not None
        own_half = [n for n in range(200) if n != k and texts[n] == texts[k]]
        assert [again.positive_N[n] for n in own_half] == [fitted.positive_N[n] for n in own_half]


def test_noise_is_not_flattered_by_its_threshold() -> None:
    found = []
    for seed in range(40):
        scores, positive, texts = judged(60, 0.0, seed)
        fitted = cross_fit(scores, positive, texts)
        assert fitted is not None
        found.append(decision_estimates(positive, fitted.positive_N, texts, draws=10)["balanced_accuracy"].value or 0)
    assert sum(found) / len(found) == pytest.approx(0.5, abs=0.02)


def test_halves_with_one_class_have_no_threshold() -> None:
    assert cross_fit([0.1, 0.9], [False, True], ["a", "b"]) is None
    assert cross_fit([], [], []) is None


def test_decisions_have_the_figures_of_their_confusion() -> None:
    positive = [True] * 25 + [False] * 25
    said = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    found = decision_estimates(positive, said, [str(n) for n in range(50)])
    assert found["accuracy"].value == BY_HAND.accuracy
    assert found["balanced_accuracy"].value == pytest.approx(BY_HAND.balanced_accuracy)
    assert found["precision"].value == pytest.approx(BY_HAND.precision("yes"))
    assert found["recall"].value == BY_HAND.recall("yes")
    assert found["f1"].value == pytest.approx(BY_HAND.f1("yes"))
    assert found["accuracy"].ci95 == pytest.approx((0.7 - 1.96 * 0.0648, 0.7 + 1.96 * 0.0648), abs=0.02)


def test_a_class_that_does_not_occur_leaves_figures_undefined() -> None:
    found = decision_estimates([False, False], [False, True], ["a", "b"])
    assert (found["balanced_accuracy"].value, found["recall"].value) == (None, None)
    assert found["accuracy"].value == 0.5
    assert found["balanced_accuracy"].reason
