"""What cited statements weigh: cutting a sentence to pieces gains nothing, and adding one raises no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.weights import (
    Extent,
    alone,
    claim_weights,
    recall_weights,
    training_weights,
    with_floors,
)

extents = st.builds(
    Extent,
    st.integers(0, 40),
    st.frozensets(st.sampled_from("abc"), min_size=1, max_size=2),
    st.integers(0, 4),
    st.booleans(),
)


def one(n_content: int, ids: str = "a", sentence: int = 0) -> Extent:
    return Extent(n_content, frozenset(ids), sentence, True)


def test_a_statement_for_itself_weighs_by_its_words_and_at_least_one() -> None:
    for n in (0, 3, 6, 12):
        assert recall_weights([one(n)]) == pytest.approx([alone(n)])
        assert claim_weights([one(n)]) == pytest.approx([alone(n)])


def test_scraps_of_one_sentence_weigh_together_what_their_words_weigh() -> None:
    assert sum(recall_weights([one(2, "ab"[n % 2]) for n in range(9)])) == pytest.approx(3)
    assert sum(recall_weights([one(1, "ab"[n % 2]) for n in range(3)])) == pytest.approx(1)


def test_two_clauses_with_other_ids_count_as_two_claims() -> None:
    assert claim_weights([one(4, "a"), one(3, "b")]) == [1, 1]
    assert sum(claim_weights([one(4, "a"), one(3, "a")])) == pytest.approx(7 / 6)
    assert sum(claim_weights([one(4, "a"), one(3, "b"), one(3, "c")])) < 3


def test_short_sentences_of_one_source_weigh_together_what_their_words_weigh_in_training() -> None:
    scraps = [one(2, "a", sentence) for sentence in range(9)]
    assert sum(training_weights(scraps)) == pytest.approx(3)
    assert sum(claim_weights(scraps)) == pytest.approx(3)
    assert sum(recall_weights(scraps)) == 9


def test_claims_of_as_many_ids_count_one_each() -> None:
    assert claim_weights([one(4, "abc", sentence) for sentence in range(3)]) == [1, 1, 1]


def test_no_claim_counts_more_than_five() -> None:
    assert claim_weights([one(90)]) == [5]


@given(st.lists(extents, max_size=8), extents)
def test_another_statement_raises_the_recall_weight_of_none(some: list[Extent], more: Extent) -> None:
    for weigh in (recall_weights, training_weights):
        before, after = weigh(some), weigh([*some, more])
        assert all(new <= old + 1e-9 for old, new in zip(before, after, strict=False))


@given(st.lists(extents, min_size=1, max_size=8))
def test_the_sum_of_claims_never_falls_when_a_sentence_is_added(some: list[Extent]) -> None:
    apart = [extent._replace(sentence=number) for number, extent in enumerate(some)]
    assert sum(claim_weights(apart[:-1])) <= sum(claim_weights(apart)) + 1e-9


@given(st.lists(st.integers(0, 20), min_size=1, max_size=8), st.integers(1, 4))
def test_order_does_not_matter(counts: list[int], floors: int) -> None:
    found, again = with_floors(counts, floors), with_floors(sorted(counts), floors)
    assert sorted(found) == pytest.approx(sorted(again))
