"""Documents that were read as snippets, and the best of them for a query.

In: `Document`s of any reader, bytes with their type. Out: `Snippet`s: passages with section, page and offsets. Not
here: reading (readers/), keeping (corpus.py).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BytesIO

from citerefine.refiner.prompts.relevance import by_relevance
from citerefine.refiner.records import Snippet
from citerefine.tools.passages import cut_passages
from citerefine.tools.readers import reader_for
from citerefine.tools.readers.document import Document, Problem


def read_documents(data: bytes, suffix: str) -> tuple[list[Document], list[str]]:
    """The documents in `data`, with what could not be read.

    Raises:
        UnreadableFile: if nothing can.
    """
    problems = list[Problem]()
    documents = [*reader_for(suffix)(BytesIO(data), problems.append)]
    return documents, [problem.reason for problem in problems if problem.failed]


def snippets_of(
    document: Document, source: str, retrieved_at: datetime | None = None, **fields: object
) -> list[Snippet]:
    """The passages of a document, in order; `fields` stand in where the document itself says nothing."""
    own = {
        "title": document.title,
        "authors": document.authors,
        "year": document.year,
        "venue": document.venue,
        "doi": document.doi,
        "url": document.url,
        "licence": document.licence,
    }
    known = {**fields, **{name: value for name, value in own.items() if value}}
    return [*_passages(document, {**known, "source": source, "retrieved_at": retrieved_at})]


def _passages(document: Document, known: dict[str, object]) -> Iterator[Snippet]:
    for passage in cut_passages(document.blocks):
        yield Snippet.model_validate({**passage._asdict(), **known})


def most_relevant(snippets: Sequence[Snippet], query: str, k: int) -> list[Snippet]:
    """The `k` snippets that hold most of a query, most relevant first."""
    return by_relevance(query, snippets)[:k]
