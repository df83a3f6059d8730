"""What votes come to."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.judges.rubric.chat.grading import ANSWER, CLARITY, DEPTH, EELS, PADDING, PERCH, PERCH_DOUBLED

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.chat.answer_lines import answer_lines
from citerefine.judges.rubric.chat.asked import Asked, ask_about
from citerefine.judges.rubric.chat.votes import count_votes, is_unsure
from citerefine.judges.strips.examiner import NoVerdict, Outcome, Verdict
from citerefine.refiner.evidence import Evidence

LINES = answer_lines(ANSWER, Evidence([PERCH, EELS]))
WANTED, FAULT, GRADED, LEVELS = (ask_about(one, 3) for one in (PERCH_DOUBLED, PADDING, CLARITY, DEPTH))


def met(p: float | None = None, at: int = 1) -> Verdict:
    return Verdict("MET", at, odds(p))


def unmet(p: float | None = None) -> Verdict:
    return Verdict("UNMET", None, odds(p))


def untold() -> Verdict:
    return Verdict("CANNOT_ASSESS", None, None)


def torn(met: float, untold: float) -> Verdict:
    """A verdict between MET, UNMET and CANNOT_ASSESS."""
    masses = {"MET": met, "UNMET": 1 - met - untold, "CANNOT_ASSESS": untold}
    return Verdict(max(masses, key=lambda word: masses[word]), None, masses)


def odds(p: float | None) -> dict[str, float] | None:
    return None if p is None else {"MET": p, "UNMET": 1 - p, "CANNOT_ASSESS": 0.0}


def cell(asked: Asked, *votes: Outcome, soft: bool = False) -> Cell:
    return count_votes(asked, votes, LINES, soft=soft)


def test_one_vote_is_its_word_with_the_sentence_that_it_points_to() -> None:
    found = cell(WANTED, met(0.9, at=2))
    assert (found.status, found.verdict, found.value, found.p_met) == (Status.OK, "MET", 1.0, 0.9)
    assert found.evidence == "Eels left."
    assert found.votes == ()
    assert (found.criterion, found.key, found.weight) == ("perch", PERCH_DOUBLED.key, 1)


def test_what_is_absent_is_shown_by_no_sentence() -> None:
    assert cell(FAULT, met(at=0)).evidence is None


def test_what_is_unmet_points_to_nothing() -> None:
    assert (cell(WANTED, unmet()).value, cell(WANTED, unmet()).evidence) == (0.0, None)


def test_softly_the_probability_counts() -> None:
    assert cell(WANTED, met(0.8), soft=True).value == pytest.approx(0.8)
    assert cell(WANTED, met(), soft=True).value == 1.0  # none was given


@pytest.mark.parametrize(
    ("votes", "verdict", "value"),
    [
        ((met(), met(), unmet()), "MET", 2 / 3),
        ((met(), unmet(), unmet()), "UNMET", 1 / 3),
        ((met(), met(), untold()), "MET", 2 / 3),
    ],
)
def test_the_value_is_the_mean_and_the_verdict_the_majority(votes: Any, verdict: str, value: float) -> None:
    found = cell(WANTED, *votes)
    assert found.verdict == verdict
    assert found.value == pytest.approx(value)
    assert len(found.votes) == 3


def test_a_tie_goes_against_the_policy() -> None:
    lost = NoVerdict("unparsable", "it is no strip")
    wanted, fault = cell(WANTED, met(), unmet(), lost), cell(FAULT, met(), unmet(), lost)
    assert (wanted.verdict, wanted.value) == ("UNMET", 0.0)
    assert (fault.verdict, fault.value) == ("MET", 1.0)
    assert wanted.reason == "1 of 3 votes failed, unparsable: it is no strip"


def test_what_cannot_be_told_is_no_value_of_a_fault_and_unmet_of_a_wanted_thing() -> None:
    wanted, fault = cell(WANTED, untold()), cell(FAULT, untold())
    assert (wanted.status, wanted.verdict, wanted.value) == (Status.ABSTAIN, "CANNOT_ASSESS", 0.0)
    assert (fault.status, fault.verdict, fault.value) == (Status.ABSTAIN, "CANNOT_ASSESS", None)


def test_a_vote_that_cannot_tell_says_nothing_of_a_fault() -> None:
    assert cell(FAULT, met(), met(), untold()).value == 1.0
    assert cell(FAULT, untold(), untold(), met()).status is Status.ABSTAIN


def test_where_as_many_cannot_tell_as_can_what_was_told_counts() -> None:
    lost = NoVerdict("unparsable", "it is no strip")
    fault, wanted = cell(FAULT, met(), untold(), lost), cell(WANTED, met(), untold(), lost)
    assert (fault.status, fault.verdict, fault.value) == (Status.OK, "MET", 1.0)
    assert (wanted.status, wanted.verdict, wanted.value) == (Status.OK, "UNMET", 0.0)


def test_a_fault_of_which_next_to_nothing_was_told_has_no_probability() -> None:
    assert cell(FAULT, torn(0.0005, 0.999)).p_met is None


def test_where_all_fail_the_cell_does() -> None:
    found = cell(WANTED, NoVerdict("deadline", "too slow"))
    assert (found.status, found.value, found.verdict) == (Status.FAILED, None, None)
    assert found.reason == "deadline: too slow"


def test_a_backup_is_named() -> None:
    assert cell(WANTED, met()._replace(backup="second")).reason == "by the backup model second"


def test_a_graded_verdict_is_the_native_score_and_the_value_its_share() -> None:
    found = cell(GRADED, Verdict("4", None, None))
    assert (found.verdict, found.value) == ("4", 0.75)
    assert cell(LEVELS, Verdict("1", None, None)).verdict == "deep"


def test_graded_votes_are_averaged_and_the_nearest_step_named() -> None:
    found = cell(GRADED, *(Verdict(word, None, None) for word in ("2", "4", "5")))
    assert found.verdict == "4"
    assert found.value == pytest.approx(2 / 3)


def test_the_expected_value_of_a_graded_verdict_is_its_p_met() -> None:
    found = cell(GRADED, Verdict("4", None, {"4": 0.5, "5": 0.5}), soft=True)
    assert found.p_met == found.value == pytest.approx(0.875)


@pytest.mark.parametrize(
    ("asked", "vote", "unsure"),
    [
        (WANTED, met(0.69), True),
        (WANTED, met(0.7), False),
        (WANTED, unmet(0.31), True),
        (WANTED, unmet(0.3), False),
        (FAULT, met(0.5), True),
        (FAULT, torn(0.48, 0.52), True),
        (FAULT, torn(0.0, 0.49), True),
        (WANTED, torn(0.0, 0.6), True),
        (FAULT, torn(0.28, 0.72), False),
        (FAULT, torn(0.75, 0.25), False),
        (FAULT, torn(0.0005, 0.999), False),
        (WANTED, met(), False),
        (WANTED, NoVerdict("deadline", "too slow"), False),
        (GRADED, Verdict("3", None, {"3": 0.9, "4": 0.1}), False),
        (GRADED, Verdict("3", None, {"3": 0.5, "5": 0.5}), True),
    ],
)
def test_more_votes_are_asked_for_only_where_the_first_is_unsure(asked: Asked, vote: Outcome, unsure: bool) -> None:
    assert is_unsure(asked, vote, without_odds=False) is unsure


def test_or_where_it_is_not_known_how_sure_it_is_and_one_wants_it() -> None:
    assert is_unsure(WANTED, met(), without_odds=True)


OUTCOMES = st.one_of(
    st.builds(met, st.one_of(st.none(), st.floats(0, 1)), st.integers(1, 3)),
    st.builds(unmet, st.one_of(st.none(), st.floats(0, 1))),
    st.just(untold()),
    st.just(NoVerdict("deadline", "too slow")),
)


@given(st.sampled_from([WANTED, FAULT]), st.lists(OUTCOMES, min_size=1, max_size=7), st.booleans(), st.randoms())
def test_votes_make_a_cell_whatever_they_are_and_their_order_changes_no_number(
    asked: Asked, votes: list[Outcome], soft: bool, chance: Any
) -> None:
    first = cell(asked, *votes, soft=soft)
    chance.shuffle(votes)
    second = cell(asked, *votes, soft=soft)
    assert (first.status, first.verdict, first.value, first.p_met) == (
        second.status,
        second.verdict,
        second.value,
        second.p_met,
    )
    if asked is FAULT and not soft and first.verdict == "MET":
        assert first.value is not None
        assert first.value > 0.5
