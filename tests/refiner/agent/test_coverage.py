"""The parts of a question: when one is covered, and when it is said that nothing was found on it."""

import pytest

from citerefine.refiner.agent.coverage import MAX_IDS, Mark, all_covered, begin_parts, mark_parts, nothing_found_note

LAKES = ["perch in Lake Orven", "perch in Lake Veld"]


def records(*texts: str) -> list[dict[str, str]]:
    return [{"id": f"r{n}", "text": text} for n, text in enumerate(texts)]


def test_a_part_is_covered_by_a_mark_that_names_a_record_that_exists() -> None:
    parts = mark_parts(begin_parts(LAKES), [Mark(1, ("r0", "r9")), Mark(2, ("r9",))], {"r0"})
    assert parts == [{"text": LAKES[0], "ids": ["r0"]}, {"text": LAKES[1], "ids": []}]
    assert not all_covered(parts)
    assert all_covered(mark_parts(parts, [Mark(2, ("r1",))], {"r1"}))


def test_marks_add_up_and_none_is_kept_twice() -> None:
    known = {f"r{n}" for n in range(50)}
    once = mark_parts(begin_parts(LAKES), [Mark(1, ("r1", "r0", "r1"))], known)
    more = mark_parts(once, [Mark(1, tuple(f"r{n}" for n in range(50)))], known)
    assert once[0]["ids"] == ["r1", "r0"]
    assert more[0]["ids"] == ["r1", "r0", *(f"r{n}" for n in range(2, MAX_IDS))]
    assert once[0]["ids"] == ["r1", "r0"]


@pytest.mark.parametrize("number", [0, -1, 3, 99])
def test_marks_of_no_part_are_passed_over(number: int) -> None:
    parts = begin_parts(LAKES)
    assert mark_parts(parts, [Mark(number, ("r0",))], {"r0"}) == parts


def test_a_question_that_was_not_split_is_not_covered() -> None:
    assert not all_covered([])


def test_nothing_was_found_on_a_part_whose_own_words_no_record_holds() -> None:
    note = nothing_found_note(begin_parts(LAKES), records("Perch doubled in Lake Orven.", "Lakes and perch."))
    assert note == "Nothing was found on: perch in Lake Veld."
    assert nothing_found_note(begin_parts(LAKES), []) == f"Nothing was found on: {'; '.join(LAKES)}."


def test_it_is_not_said_of_a_part_that_a_record_may_be_about() -> None:
    assert nothing_found_note(begin_parts(LAKES), records("In Orven, and in Veld's shallows.")) is None
    parts = begin_parts(["warming and perch", "decline of perch"])
    assert nothing_found_note(parts, records("A warmer lake held more perch.", "Perch declined.")) is None


def test_it_is_not_said_of_a_part_that_has_evidence_in_other_words() -> None:
    parts = mark_parts(begin_parts(LAKES), [Mark(2, ("r0",))], {"r0"})
    assert nothing_found_note(parts, records("Perch of Orven's neighbour.")) is None


def test_it_is_not_said_of_a_part_that_no_word_tells_from_the_others() -> None:
    assert nothing_found_note(begin_parts(["perch numbers", "numbers of perch"]), records("Pike.")) is None
    assert nothing_found_note(begin_parts(["the best way", "perch"]), records("Perch.")) is None
