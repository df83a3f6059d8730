"""Citations in the form that LangChain has for them."""

from typing import Any, cast

from langchain_core.messages import AIMessage

from citerefine.refiner import Evidence, Snippet, parse_answer
from citerefine.refiner.bridge.annotations import text_block

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
