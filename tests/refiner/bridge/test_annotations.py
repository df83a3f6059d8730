"""Citations in the form that LangChain has for them."""

import json
from typing import Any, cast

import pytest
from hypothesis import given
from langchain_core.messages import AIMessage
from tests.refiner.bridge.cited_answers import answers, cited_claims

from citerefine.refiner import Answer, Evidence, Snippet, parse_answer
from citerefine.refiner.bridge.annotations import block_evidence, read_text_block, text_block

SURVEY = Snippet(text="It rained. Perch doubled. It snowed.", title="Survey", url="https://example.org/s", id="a")
PAPER = Snippet(text="Perch doubled.", doi="10.1000/(182)", source="paper.pdf", page=4, start=5, end=19, id="b")
EVIDENCE = Evidence([SURVEY, PAPER, Snippet(text="Ice.", id="c")])


def annotations(tagged: str) -> list[dict[str, Any]]:
    block = text_block(parse_answer(f"<answer>{tagged}</answer>", EVIDENCE))
    return cast(list[dict[str, Any]], block["annotations"])


def test_each_citation_of_each_claim_is_one_annotation() -> None:
    found = annotations("<snippet id=S1,S2>Perch doubled.</snippet> And: <snippet id=S1>It rained.</snippet>")
    assert [citation["extras"]["snippet_id"] for citation in found] == ["a", "b", "a"]
    assert len({citation["id"] for citation in found}) == 3


def test_offsets_count_code_points_of_the_plain_text() -> None:
    tagged = "🐟 p &lt; 0.05: <snippet id=S1>Perch doubled.</snippet>"
    (citation,) = annotations(tagged)
    text = text_block(parse_answer(f"<answer>{tagged}</answer>", EVIDENCE))["text"]
    assert text[citation["start_index"] : citation["end_index"]] == "Perch doubled."


def test_what_is_quoted_is_the_place_in_the_source() -> None:
    (citation,) = annotations("<snippet id=S1>Perch numbers doubled.</snippet>")
    assert citation["cited_text"] == "Perch doubled."
    (citation,) = annotations("<snippet id=S3>Nothing of the kind.</snippet>")
    assert "cited_text" not in citation


def test_a_source_without_address_is_linked_by_its_doi_and_else_only_named() -> None:
    paper, bare = annotations("<snippet id=S2,S3>Perch doubled.</snippet>")
    assert paper["url"] == "https://doi.org/10.1000/%28182%29"
    assert paper["extras"] == {
        "snippet_id": "b", "doi": "10.1000/(182)", "source": "paper.pdf", "page": 4, "start": 5, "end": 19,
    }  # fmt: skip
    assert bare.keys() == {"type", "id", "start_index", "end_index", "extras"}


def test_a_claim_without_a_known_id_has_no_annotation() -> None:
    assert annotations("<snippet id=S7>Perch doubled.</snippet>") == []


def test_langchain_reads_the_block_as_its_own() -> None:
    block = text_block(parse_answer("<answer><snippet id=S1>Perch doubled.</snippet></answer>", EVIDENCE))
    message = AIMessage(content_blocks=[block])
    assert message.content_blocks == [block]
    assert message.text == "Perch doubled."


# --- the way back -----------------------------------------------------------------------------------------------------


@given(answers())
def test_an_answer_is_read_back_from_its_block(answer: Answer) -> None:
    again = read_text_block(text_block(answer), answer.evidence, question=answer.question)
    assert (again.text, again.question) == (answer.text, answer.question)
    assert cited_claims(again) == cited_claims(answer)


@given(answers())
def test_a_whole_block_holds_the_evidence_that_is_cited(answer: Answer) -> None:
    block = json.loads(json.dumps(text_block(answer, whole=True)))
    evidence = block_evidence(block)
    cited = dict.fromkeys(id for claim in answer.claims for id in claim.citations)
    assert evidence.snippets == tuple(answer.evidence[id] for id in cited)
    assert cited_claims(read_text_block(block, evidence)) == cited_claims(answer)


def test_a_block_that_is_not_whole_holds_no_evidence() -> None:
    answer = parse_answer("<answer><snippet id=S1>Perch doubled.</snippet></answer>", EVIDENCE)
    assert block_evidence(text_block(answer)) == Evidence()


def test_a_citation_of_a_provider_is_found_by_its_url() -> None:
    cited: dict[str, Any] = {"type": "citation", "url": "https://example.org/s", "title": "Else"}
    placed = {**cited, "start_index": 0, "end_index": 14}
    block: dict[str, Any] = {"type": "text", "text": "Perch doubled. So.", "annotations": [placed]}
    assert [(claim.text, claim.citations) for claim in read_text_block(block, EVIDENCE).claims] == [
        ("Perch doubled.", ("a",))
    ]
    block["annotations"] = [cited]
    assert [claim.text for claim in read_text_block(block, EVIDENCE).claims] == ["Perch doubled. So."]


@pytest.mark.parametrize(
    "annotations",
    [None, "junk", [None, 7, {}], [{"type": "citation"}], [{"type": "citation", "extras": {"snippet_id": ["a"]}}],
     [{"type": "citation", "start_index": "0", "end_index": True, "extras": 1}],
     [{"type": "citation", "extras": {"snippet": {"text": ""}, "snippet_id": "zz"}}]],
)  # fmt: skip
def test_annotations_that_are_none_make_no_citation(annotations: object) -> None:
    block: dict[str, Any] = {"type": "text", "text": "Perch doubled.", "annotations": annotations}
    answer = read_text_block(block, EVIDENCE)
    assert (answer.text, answer.answered) == ("Perch doubled.", False)
    assert block_evidence(block) == Evidence()
