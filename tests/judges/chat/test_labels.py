"""What may be said to a claim, and what it says of it."""

import pytest

from citerefine.judges.chat.labels import LABELS, WORDS, as_verdict, p_supported
from citerefine.judges.strips.examiner import NoVerdict, Verdict
from citerefine.judges.verdict import Label


def test_every_label_has_a_word() -> None:
    assert {*WORDS.values()} == {*Label}
    assert [word.text for word in LABELS] == [*WORDS]
    assert {word[0] for word in WORDS} == {"F", "P", "N", "C"}  # so that a first token tells which it begins


def test_p_supported_is_the_mass_of_full_and_half_that_of_partial() -> None:
    assert p_supported({"FULL": 0.6, "PARTIAL": 0.2, "NONE": 0.1, "CONTRADICTS": 0.1}) == pytest.approx(0.7)


def test_without_odds_it_is_not_known() -> None:
    verdict = as_verdict(Verdict("PARTIAL", None, None), "judge")
    assert (verdict.label, verdict.support, verdict.p_supported) == (Label.PARTIAL, 0.5, None)


def test_where_nothing_was_said_there_is_no_label() -> None:
    verdict = as_verdict(NoVerdict("deadline", "it took too long"), "judge")
    assert (verdict.label, verdict.reason) == (None, "deadline: it took too long")
