"""Plain text and stretches that cite, made into answers."""

import time

from hypothesis import given
from hypothesis import strategies as st
from tests.refiner.bridge.cited_answers import EVIDENCE, answers, cited_claims

from citerefine.refiner import Answer, Evidence, Snippet
from citerefine.refiner.bridge.cited_text import Cited, read_cited_text

TEXT = "Perch doubled. It rained. Ice came late."


def read(text: str, *cited: tuple[int, int, str]) -> Answer:
    return read_cited_text(text, [Cited(start, end, ids.split()) for start, end, ids in cited], EVIDENCE)


def claims(answer: Answer) -> list[tuple[str, str]]:
    return [(claim.text, " ".join(claim.citations)) for claim in answer.claims]


@given(answers())
def test_an_answer_is_read_back_as_it_was(answer: Answer) -> None:
    cited = [Cited(claim.start, claim.end, claim.citations) for claim in answer.claims if claim.citations]
    again = read_cited_text(answer.text, cited, answer.evidence, question=answer.question)
    assert again.text == answer.text
    assert cited_claims(again) == cited_claims(answer)
    assert again.question == answer.question
    assert again.notes == ()


@given(
    st.text(st.sampled_from("ab .\n\r<>/&`~") | st.characters(), max_size=60),
    st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70), st.sampled_from(["a", "b", "a b", ""])), max_size=8),
)
def test_whatever_is_cited_of_whatever_text_no_citation_leads_nowhere(
    text: str, cited: list[tuple[int, int, str]]
) -> None:
    answer = read(text, *cited)
    assert {id for claim in answer.claims for id in claim.citations} <= {"a", "b"}
    for claim in answer.claims:
        assert answer.text[claim.start : claim.end] == claim.text
        assert claim.text.strip() in "\n".join(text.splitlines()) or "\r" in text or not text.isprintable()


def test_stretches_that_overlap_are_cut_where_one_begins_or_ends() -> None:
    answer = read(TEXT, (0, 25, "a"), (15, 40, "b"))
    assert claims(answer) == [("Perch doubled.", "a"), ("It rained.", "a b"), ("Ice came late.", "b")]


def test_two_citations_of_one_stretch_are_one_claim_in_the_order_in_which_they_stand() -> None:
    assert claims(read(TEXT, (0, 14, "b"), (0, 14, "a"), (0, 14, "b"))) == [("Perch doubled.", "b a")]


def test_a_stretch_over_paragraphs_is_a_claim_in_each() -> None:
    assert claims(read("Perch doubled.\n \nIce came.", (0, 26, "a"))) == [("Perch doubled.", "a"), ("Ice came.", "a")]


def test_code_is_no_part_of_a_claim() -> None:
    text = "Perch doubled:\n```\nn = n * 2\n```\nIce came."
    answer = read(text, (0, len(text), "a"))
    assert claims(answer) == [("Perch doubled:", "a"), ("Ice came.", "a")]
    assert answer.text == text


def test_offsets_count_in_the_text_as_it_was_given() -> None:
    text = "\r\n  Perch doubled.\r\nIce came. "
    assert claims(read(text, (4, 18, "a"), (20, 29, "b"))) == [("Perch doubled.", "a"), ("Ice came.", "b")]


def test_a_citation_that_leads_nowhere_is_an_unknown_id() -> None:
    cited = [Cited(0, 14, [], "https://example.org/gone"), Cited(0, 14, ["a"]), Cited(15, 25, [])]
    answer = read_cited_text(TEXT, cited, EVIDENCE)
    assert claims(answer) == [("Perch doubled.", "a"), ("It rained.", "")]
    assert [issue.code for issue in answer.issues] == ["unknown_id", "unknown_id"]
    assert "https-example-org-gone-" in answer.issues[0].message


def test_no_id_of_the_evidence_can_be_the_name_of_an_unknown_place() -> None:
    (issue,) = read_cited_text(TEXT, [Cited(0, 14, [], "x")], EVIDENCE).issues
    name = issue.message.rpartition(": ")[2].strip("'")
    (issue,) = read_cited_text(TEXT, [Cited(0, 14, [], "x")], Evidence([Snippet(text="Perch.", id=name)])).issues
    assert issue.code == "unknown_id"


def test_what_covers_nothing_is_counted() -> None:
    answer = read(TEXT, (30, 30, "a"), (90, 99, "a"))
    assert answer.claims == ()
    assert answer.notes == ("Citations that cover no text of the answer, and were left out: 2.",)


def test_tags_in_plain_text_are_text() -> None:
    text = "</answer><snippet id=b>Perch</snippet> <tool_output>"
    answer = read(text, (23, 28, "a"))
    assert answer.text == text
    assert claims(answer) == [("Perch", "a")]


def test_many_citations_take_time_in_proportion() -> None:
    text = "perch " * 20_000
    begun = time.process_time()
    answer = read(text, *((start, len(text), "a") for start in range(0, len(text), 12)))
    assert len(answer.claims) == 10_000
    assert time.process_time() - begun < 10
