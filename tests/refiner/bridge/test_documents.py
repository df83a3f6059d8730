"""LangChain Documents as snippets, and back."""

from datetime import UTC, datetime

from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from citerefine.refiner import Snippet
from citerefine.refiner.middleware import to_documents, to_snippets
from citerefine.tools.notes import open_notes

FULL = Snippet(
    text="Perch doubled.",
    title="Survey",
    authors=("A. Berg", "C. Dahl"),
    year=2012,
    venue="Lake Letters",
    doi="10.1000/182",
    url="https://example.org/survey",
    source="survey.pdf",
    also_found=("crossref:10.1000/182",),
    section="Results > Nets",
    page=4,
    start=100,
    end=114,
    licence="CC-BY-4.0",
    retrieved_at=datetime(2026, 11, 1, 12, tzinfo=UTC),
    id="survey-7",
)


def test_a_document_keeps_where_it_comes_from() -> None:
    metadata = {"title": "Survey", "source": "survey.txt", "year": 2012, "authors": ["A. Berg"], "start_index": 7}
    (snippet,) = to_snippets([Document("Perch doubled.", metadata=metadata)])
    assert (snippet.title, snippet.source, snippet.year) == ("Survey", "survey.txt", 2012)
    assert snippet.authors == ("A. Berg",)
    assert (snippet.start, snippet.end) == (7, 21)


def test_a_web_address_as_source_is_the_url() -> None:
    (snippet,) = to_snippets([Document("Perch doubled.", metadata={"source": "https://example.org/survey"})])
    assert (snippet.url, snippet.source) == ("https://example.org/survey", None)


def test_unknown_and_strange_metadata_are_left_out() -> None:
    metadata = {"title": 7, "relevance_score": 0.8, "page": 0, "authors": "A, B", "year": "soon", "url": None}
    assert to_snippets([Document("Perch doubled.", metadata=metadata)]) == [Snippet(text="Perch doubled.")]


def test_documents_without_text_are_left_out() -> None:
    assert to_snippets([Document(" \n"), Document("Perch doubled.")]) == [Snippet(text="Perch doubled.")]


def test_a_snippet_comes_back_whole_from_its_document() -> None:
    bare = Snippet(text="Ice came late.")
    assert to_snippets(to_documents([FULL, bare])) == [FULL, bare]


def test_passages_of_a_corpus_come_back_whole() -> None:
    with open_notes() as corpus:
        snippets = [hit.snippet for hit in corpus.search("citation recall precision evidence", 50)]
    assert len(snippets) > 20
    assert to_snippets(to_documents(snippets)) == snippets


def test_the_metadata_is_flat_and_has_the_names_that_loaders_use() -> None:
    (document,) = to_documents([FULL])
    assert document.id == document.metadata["snippet_id"] == "survey-7"
    assert document.metadata["source"] == "survey.pdf"
    assert (document.metadata["page_label"], document.metadata["start_index"]) == ("4", 100)
    assert not any(isinstance(value, dict) for value in document.metadata.values())


def test_one_id_for_two_texts_loses_neither() -> None:
    pages = [Document("Perch doubled.", metadata={"snippet_id": "1"}), Document("Ice.", metadata={"snippet_id": "1"})]
    assert [snippet.text for snippet in to_snippets(pages)] == ["Perch doubled.", "Ice."]
    assert to_snippets(pages)[0].id == "1"


def test_it_is_a_step_of_a_chain() -> None:
    retrieve = RunnableLambda[str, list[Document]](lambda question: [Document(question)])
    chain = retrieve | to_snippets
    assert chain.invoke("Perch doubled.") == [Snippet(text="Perch doubled.")]
