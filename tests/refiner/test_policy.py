"""What becomes of an answer that does not validate."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner import Answer, Evidence, parse_answer
from citerefine.refiner.errors import CallError, CitationError, ReplyError
from citerefine.refiner.policy import apply_policy, drop_uncited
from citerefine.refiner.validation import NOT_ANSWERED, Finding, validate

EVIDENCE = Evidence([{"text": "Perch doubled."}, {"text": "Ice came late."}])
UNKNOWN = Finding(code="unknown_id", message="an id that no snippet has")


def parsed(inner: str) -> Answer:
    return parse_answer(f"<answer>{inner}</answer>", EVIDENCE)


@pytest.mark.parametrize(
    ("inner", "left"),
    [
        ("<snippet id=S1>Perch doubled.</snippet> <snippet id=S9>Ice melts.</snippet>", "Perch doubled."),
        ("<snippet id=S9>Ice melts.</snippet> <snippet id=S1>Perch doubled.</snippet>", "Perch doubled."),
        ("However, <snippet id=S9>ice melts</snippet>. <snippet id=S1>Perch doubled.</snippet>", "Perch doubled."),
        ("- <snippet id=S1>Perch doubled.</snippet>\n- <snippet id=S9>Ice melts.</snippet>\n", "- Perch doubled."),
        ("- <snippet id=S9>Ice melts.</snippet>\n- <snippet id=S1>Perch doubled.</snippet>", "- Perch doubled."),
        ("<snippet id=S1>Perch doubled</snippet> and <snippet id=S9>ice melts</snippet>.", "Perch doubled."),
        ("So <snippet id=S9>ice melts</snippet>, and <snippet id=S1>perch doubled</snippet>.", "perch doubled."),
        (
            "<snippet id=S1>Perch rose</snippet>, <snippet id=S9>ice melts</snippet>, <snippet id=S2>late</snippet>.",
            "Perch rose, late.",
        ),
        ("A heading\n\n<snippet id=S9>Ice melts.</snippet>", "A heading"),
        ("<snippet id=S9>Ice melts.</snippet>", NOT_ANSWERED),
        ("<snippet id=S1,S9>Perch doubled.</snippet>", "Perch doubled."),
    ],
)
def test_drop_removes_the_claim_and_what_makes_no_sense_without_it(inner: str, left: str) -> None:
    answer = drop_uncited(parsed(inner))
    assert answer.text == left
    assert all(claim.citations for claim in answer.claims)


def test_dropping_nothing_changes_nothing() -> None:
    answer = parsed("So: <snippet id=S1>Perch doubled.</snippet>")
    assert drop_uncited(answer) is answer


def test_dropping_keeps_code_and_the_claims_around_it() -> None:
    answer = drop_uncited(
        parsed("<snippet id=S9>Ice melts.</snippet>\n\n```\nx < 3\n```\n\n<snippet id=S2>Ice came late.</snippet>")
    )
    assert answer.text == "```\nx < 3\n```\n\nIce came late."
    assert [answer.text[start:end] for start, end in answer.code] == ["```\nx < 3\n```"]
    assert answer.claims[0].citations == (EVIDENCE.snippets[1].id,)


WORDS = st.sampled_from(["Perch", " doubled", ". ", "\n", "\n\n", "- ", ", and ", "x < 3 ", "é", "```\n", "!"])
PIECES = st.lists(st.tuples(WORDS, st.sampled_from(["", "S1", "S2", "S9", "S1,S9"])), max_size=12)


@given(PIECES, st.booleans())
def test_after_dropping_every_claim_is_cited_and_the_rest_is_what_it_was(
    pieces: list[tuple[str, str]], truncated: bool
) -> None:
    answer = parsed("".join(f"<snippet id={ids}>{text}</snippet>" if ids else text for text, ids in pieces))
    smaller = drop_uncited(answer, truncated=truncated)
    assert all(claim.citations for claim in smaller.claims)
    assert not smaller.format_errors or smaller is answer
    before = [(claim.text, claim.citations) for claim in answer.claims if claim.citations]
    after = [(claim.text, claim.citations) for claim in smaller.claims]
    assert after == before or (truncated and after == before[: len(after)])


def test_raise_names_what_is_wrong_and_survives_pickling() -> None:
    with pytest.raises(CitationError, match=r"unknown_id \(2\)") as caught:
        apply_policy(parsed("x"), [UNKNOWN, UNKNOWN], "raise")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.answer, again.findings, str(again)) == (parsed("x"), (UNKNOWN, UNKNOWN), str(caught.value))


def test_the_other_errors_survive_pickling_too() -> None:
    error = pickle.loads(pickle.dumps(CallError("slow", "deadline", retryable=True)))
    assert (str(error), error.code, error.retryable) == ("slow", "deadline", True)
    assert pickle.loads(pickle.dumps(ReplyError("nothing", "empty"))).code == "empty"


def test_a_valid_answer_passes_every_policy_untouched() -> None:
    answer = parsed("<snippet id=S1>Perch doubled.</snippet>")
    assert validate(answer) == ()
    assert all(apply_policy(answer, (), last) is answer for last in ("mark", "drop", "raise"))
