"""Citations in the form that OpenAI has for them, written and read back."""

import openai
from hypothesis import given
from tests.refiner.bridge.cited_answers import EVIDENCE, SURVEY, answers, cited_claims

from citerefine.refiner import Answer, Evidence, Snippet, parse_answer
from citerefine.refiner.bridge.url_citations import read_url_citations, url_citations

ADDRESSED = Evidence(
    Snippet(text=f"Passage {id}.", url=f"https://example.org/{id}", title=title, id=id)
    for id, title in (("a", "One"), ("b", None), ("c", "Three"), ("d", "https://example.org/d"))
)
"""Each with an address of its own: of such nothing is lost."""


def answer_of(tagged: str, evidence: Evidence = EVIDENCE) -> Answer:
    return parse_answer(f"<answer>{tagged}</answer>", evidence)


@given(answers(ADDRESSED))
def test_an_answer_whose_sources_have_addresses_is_read_back_as_it_was(answer: Answer) -> None:
    again = read_url_citations(answer.text, url_citations(answer), answer.evidence)
    assert again.text == answer.text
    assert cited_claims(again) == cited_claims(answer)


def test_only_what_has_an_address_has_a_citation() -> None:
    found = url_citations(answer_of("<snippet id=a,b,c,d>Perch doubled.</snippet>"))
    assert [one["url_citation"]["url"] for one in found] == [
        "https://example.org/s", "https://doi.org/10.1000/%28182%29",
    ]  # fmt: skip
    assert found[1]["url_citation"]["title"] == "https://doi.org/10.1000/%28182%29"


def test_offsets_count_code_points_and_the_end_is_exclusive() -> None:
    answer = answer_of("🐟: <snippet id=a>Perch doubled.</snippet> So.")
    (citation,) = url_citations(answer)
    start, end = citation["url_citation"]["start_index"], citation["url_citation"]["end_index"]
    assert (start, end) == (3, 17)
    assert answer.text[start:end] == "Perch doubled."


def test_the_client_library_reads_them_and_what_it_gives_is_read_back() -> None:
    answer = answer_of("<snippet id=a>Perch doubled.</snippet> So.")
    fields = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": url_citations(answer)}
    message = openai.types.chat.ChatCompletionMessage.model_validate(fields)
    assert message.content is not None
    again = read_url_citations(message.content, message.annotations or [], EVIDENCE)
    assert cited_claims(again) == cited_claims(answer)


def test_the_flat_form_of_responses_is_read_too_and_other_types_are_passed_over() -> None:
    flat = {"type": "url_citation", "start_index": 0, "end_index": 14, "url": SURVEY.url, "title": "Survey"}
    others: list[object] = [{"type": "file_citation", "file_id": "f", "index": 3}, "junk", None, {"url": SURVEY.url}]
    answer = read_url_citations("Perch doubled.", [*others, flat], EVIDENCE)
    assert [claim.citations for claim in answer.claims] == [("a",)]
    assert answer.notes == ()


def test_a_page_of_several_passages_means_those_of_its_title_and_else_all() -> None:
    page = Evidence(
        Snippet(text=f"Passage {id}.", url="https://example.org/", title=title, id=id)
        for id, title in (("a", "One"), ("b", "Two"), ("c", "Two"))
    )
    for title, ids in (("One", ("a",)), ("Two", ("b", "c")), ("Else", ("a", "b", "c"))):
        cited = {"start_index": 0, "end_index": 14, "url": "https://example.org/", "title": title}
        answer = read_url_citations("Perch doubled.", [{"type": "url_citation", "url_citation": cited}], page)
        assert [claim.citations for claim in answer.claims] == [ids]


def test_an_address_that_the_evidence_does_not_have_is_no_citation() -> None:
    cited = {"type": "url_citation", "start_index": 0, "end_index": 14, "url": "javascript:alert(1)", "title": "x"}
    answer = read_url_citations("Perch doubled.", [cited], EVIDENCE)
    assert (answer.text, answer.answered) == ("Perch doubled.", False)
    assert [issue.code for issue in answer.issues] == ["unknown_id"]
