"""Citations in the form that inspect_ai has for them, written and read back; inspect_ai itself need not be there."""

import json
from typing import Any

import pytest
from hypothesis import given
from tests.refiner.bridge.cited_answers import EVIDENCE, answers, cited_claims

from citerefine.refiner import Answer, Evidence, Snippet, parse_answer
from citerefine.refiner.bridge.inspect_citations import (
    has_citations,
    inspect_content,
    inspect_evidence,
    openai_parts,
    read_inspect_content,
)

TEXT = "Perch doubled."


def content_of(tagged: str, evidence: Evidence = EVIDENCE) -> dict[str, Any]:
    return inspect_content(parse_answer(f"<answer>{tagged}</answer>", evidence))


def cites(content: object, evidence: Evidence = EVIDENCE) -> list[tuple[str, tuple[str, ...]]]:
    return [(claim.text, claim.citations) for claim in read_inspect_content(content, evidence).claims]


@given(answers())
def test_an_answer_is_read_back_from_its_content(answer: Answer) -> None:
    again = read_inspect_content(json.loads(json.dumps(inspect_content(answer))), answer.evidence)
    assert again.text == answer.text
    assert cited_claims(again) == cited_claims(answer)


@given(answers())
def test_a_whole_content_holds_the_evidence_that_is_cited(answer: Answer) -> None:
    content = inspect_content(answer, whole=True)
    evidence = inspect_evidence(content)
    cited = dict.fromkeys(id for claim in answer.claims for id in claim.citations)
    assert evidence.snippets == tuple(answer.evidence[id] for id in cited)
    assert cited_claims(read_inspect_content(content, evidence)) == cited_claims(answer)


@given(answers())
def test_the_library_reads_what_is_written_and_what_it_gives_is_read_back(answer: Answer) -> None:
    content_text = pytest.importorskip("inspect_ai.model", reason="inspect_ai is not installed").ContentText
    content = content_text.model_validate(inspect_content(answer))
    again = read_inspect_content(content, answer.evidence)
    assert (again.text, cited_claims(again)) == (answer.text, cited_claims(answer))


def test_each_snippet_is_cited_as_what_it_is() -> None:
    content = content_of("🐟 <snippet id=a,b,c,d>Perch doubled.</snippet>")
    url, doi, page, bare = content["citations"]
    here = [2, 16]
    assert url == {"type": "url", "cited_text": here, "title": "Survey", "url": "https://example.org/s"}
    assert doi == {"type": "url", "cited_text": here, "title": None, "url": "https://doi.org/10.1000/%28182%29"}
    assert page == {
        "type": "document", "cited_text": here, "title": "Scan",
        "range": {"type": "page", "start_index": 6, "end_index": 7},
    }  # fmt: skip
    assert bare == {"type": "content", "cited_text": here, "title": "Bare"}
    assert content["internal"] == {"citerefine": {"ids": ["a", "b", "c", "d"]}}


def test_a_place_in_a_document_is_a_range_of_characters() -> None:
    passage = Evidence([Snippet(text=TEXT, source="notes.txt", start=7, end=21, id="n")])
    (citation,) = content_of(f"<snippet id=n>{TEXT}</snippet>", passage)["citations"]
    assert citation["title"] == "notes.txt"
    assert citation["range"] == {"type": "char", "start_index": 7, "end_index": 21}


def test_citations_of_others_are_found_by_url_or_by_the_title_of_the_document() -> None:
    by_url = {"type": "url", "url": "https://example.org/s", "title": None, "cited_text": (0, 14)}
    by_title = {"type": "document", "title": "Scan", "cited_text": [15, 25], "range": None}
    content = {"type": "text", "text": "Perch doubled. It rained.", "citations": [by_url, by_title]}
    assert cites(content) == [("Perch doubled.", ("a",)), ("It rained.", ("c",))]


def test_a_citation_that_quotes_its_source_covers_its_content() -> None:
    quoting = {"type": "url", "url": "https://example.org/s", "cited_text": "Perch doubled, said the survey."}
    contents = [
        {"type": "reasoning", "reasoning": "Hm."},
        {"type": "text", "text": "It is known that "},
        {"type": "text", "text": TEXT, "citations": [quoting]},
        " So.",
    ]
    answer = read_inspect_content(contents, EVIDENCE)
    assert answer.text == "It is known that Perch doubled. So."
    assert [(claim.text, claim.citations) for claim in answer.claims] == [(TEXT, ("a",))]


def test_a_url_that_the_evidence_does_not_have_is_an_unknown_id() -> None:
    gone = {"type": "url", "url": "https://example.org/gone", "cited_text": [0, 14]}
    answer = read_inspect_content({"type": "text", "text": TEXT, "citations": [gone]}, EVIDENCE)
    assert not answer.answered
    assert [issue.code for issue in answer.issues] == ["unknown_id"]


@pytest.mark.parametrize(
    "content",
    ["", [], None, 7, {"type": "image", "image": "x"}, [{"type": "text"}], {"type": "text", "text": 5},
     {"type": "text", "text": "", "citations": "junk", "internal": "junk"},
     {"type": "text", "text": "", "citations": [None, 3], "internal": {"citerefine": {"snippets": [{}, 2]}}}],
)  # fmt: skip
def test_content_without_text_is_an_empty_answer(content: object) -> None:
    answer = read_inspect_content(content, EVIDENCE)
    assert (answer.text, answer.claims) == ("", ())
    assert inspect_evidence(content) == Evidence()


def test_urls_with_places_can_be_read_as_openai_has_them_and_nothing_else_can() -> None:
    cited = {"type": "url", "url": "https://example.org/s", "cited_text": (0, 14)}
    content = {"type": "text", "text": TEXT, "citations": [cited]}
    annotation = {"type": "url_citation", "url": "https://example.org/s", "start_index": 0, "end_index": 14}
    assert openai_parts(content) == [{"type": "text", "text": TEXT, "annotations": [annotation]}]
    assert openai_parts({**content, "citations": [{**cited, "cited_text": "Perch."}]}) is None
    assert openai_parts({**content, "citations": [{"type": "content", "cited_text": (0, 14)}]}) is None
    assert openai_parts(content_of(f"<snippet id=a>{TEXT}</snippet>")) is None


def test_whether_a_content_cites_can_be_told() -> None:
    assert has_citations([content_of(f"<snippet id=a>{TEXT}</snippet>")])
    assert not has_citations(content_of(TEXT))
    assert not has_citations(TEXT)
