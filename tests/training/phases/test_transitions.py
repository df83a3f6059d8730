"""What became of drafts: of answers that are right or wrong, and of claims."""

import pytest
from tests.training.phases.drafts import cited, draft

from citerefine.training.phases.claims import ClaimChanges, compare_claims
from citerefine.training.phases.draft import Draft
from citerefine.training.phases.transitions import Change, change_between, transition_figures

PERCH, ICE, EELS = "Perch doubled by 2010.", "Ice came late in December.", "Eels left the whole lake."


def changes(before: Draft, after: Draft) -> ClaimChanges:
    assert before.breakdown is not None
    assert after.breakdown is not None
    return compare_claims(before.text, before.breakdown, after.text, after.breakdown)


def test_claims_are_kept_fixed_damaged_added_and_dropped() -> None:
    before = cited(("S1", PERCH, 1.0), ("S2", ICE, 0.0), ("S3", EELS, 0.5), ("S1", "Trout came from the sea.", 0.0))
    after = cited(("S2", ICE, 1.0), ("S1", PERCH, 0.0), ("S3", EELS, 0.0), ("S4", "Pike were never seen there.", 1.0))
    assert changes(before, after) == ClaimChanges(fixed=1, damaged=1, unfixed=1, added=1, dropped=1)
    assert changes(before, before) == ClaimChanges(kept=1, unfixed=3)


def test_a_claim_stays_the_same_in_slightly_other_words() -> None:
    """A number that is mended is the case that matters."""
    before = cited(("S1", "In the lake, perch doubled by 2011.", 0.0))
    assert changes(before, cited(("S1", "Perch doubled in the lake by 2010.", 1.0))) == ClaimChanges(fixed=1)
    assert changes(before, cited(("S1", EELS, 1.0))) == ClaimChanges(added=1, dropped=1)


def test_the_likest_claims_belong_together_and_each_once() -> None:
    before = cited(("S1", "Perch doubled by 2010.", 1.0), ("S1", "Perch doubled by 2011.", 0.0))
    after = cited(("S1", "Perch doubled by 2011.", 0.0), ("S1", "Perch doubled by 2010.", 1.0), ("S1", PERCH, 1.0))
    assert changes(before, after) == ClaimChanges(kept=1, unfixed=1, added=1)


def test_citations_are_gained_and_lost_by_claims_of_both() -> None:
    before = cited(("S1,S2", PERCH, 1.0), ("S3", EELS, 1.0))
    after = cited(("S1,S4,S5", PERCH, 1.0), ("S6", "Pike were never seen there.", 1.0))
    assert changes(before, after) == ClaimChanges(kept=1, added=1, dropped=1, gained=2, lost=1)


def test_claims_that_were_not_judged_are_in_no_share() -> None:
    assert changes(cited(("S1", PERCH, None)), cited(("S1", PERCH, 1.0))) == ClaimChanges()


def test_an_answer_without_claims_drops_them_all() -> None:
    assert changes(cited(("S1", PERCH, 1.0)), cited(citation=0.0)) == ClaimChanges(dropped=1)


@pytest.mark.parametrize(
    ("before", "after", "right"),
    [
        (draft(right=1.0), draft(right=1.0), (True, True)),
        (draft(right=0.0), draft(right=1.0), (False, True)),
        (draft(right=1.0), draft(), None),
        (Draft(id="q", text="It is 4."), draft(right=1.0), None),
    ],
)
def test_an_answer_is_right_where_verification_says_so(
    before: Draft, after: Draft, right: tuple[bool, bool] | None
) -> None:
    assert change_between(before, after) == Change(right)


def test_claims_are_compared_where_the_citations_of_both_are_known() -> None:
    known, missing = cited(("S1", PERCH, 1.0)), cited(("S1", PERCH, 1.0), citation=None)
    assert change_between(known, known) == Change(claims=ClaimChanges(kept=1))
    assert change_between(known, missing) == change_between(missing, known) == Change()


def test_shares_are_of_what_is_known_and_what_is_not_is_counted() -> None:
    seen = [Change((True, True)), Change((False, True)), Change((False, True)), Change((True, False)), Change()]
    assert transition_figures(seen) == {
        "transitions/right_right": 0.25,
        "transitions/wrong_right": 0.5,
        "transitions/right_wrong": 0.25,
        "transitions/wrong_wrong": 0.0,
        "transitions/unknown_share": 0.2,
    }
    assert transition_figures([]) == {}


def test_figures_of_claims_are_shares_of_claims_and_means_of_answers() -> None:
    seen = [
        Change(claims=ClaimChanges(kept=2, fixed=1, added=3, gained=1)),
        Change(claims=ClaimChanges(damaged=1, dropped=1, lost=4)),
    ]
    assert transition_figures(seen) == {
        "transitions/claims_kept": 0.5,
        "transitions/claims_fixed": 0.25,
        "transitions/claims_damaged": 0.25,
        "transitions/claims_unfixed": 0.0,
        "transitions/claims_added": 1.5,
        "transitions/claims_dropped": 0.5,
        "transitions/citations_gained": 0.5,
        "transitions/citations_lost": 2.0,
        "transitions/unknown_share": 0.0,
    }
    assert "transitions/claims_kept" not in transition_figures([Change(claims=ClaimChanges(added=1))])
