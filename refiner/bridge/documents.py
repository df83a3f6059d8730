"""Turns LangChain Documents into snippets and back.

In: Documents of any loader, splitter or retriever. Out: `Snippet`s, read as the agent graph reads them
(agent/documents.py), so that a Document has the same id wherever it comes in. Not here: retrieving (retrievers.py).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from langchain_core.documents import Document

from citerefine.refiner.agent.documents import read_snippet
from citerefine.refiner.agent.state import merge_evidence
from citerefine.refiner.records import Snippet

_NOT_METADATA: Final = {"text", "id", "page", "start", "end"}


def to_snippets(documents: Iterable[Document]) -> list[Snippet]:
    """One snippet for each Document that has text, in order.

    Read from metadata: `title`, `url`, `source` (a web address becomes the url), `authors`, `year`, `venue`, `doi`,
    `section`, `licence`, `page_label`, `start_index`, `also_found`, `retrieved_at` and `snippet_id`. Other keys, and
    values of an unexpected kind, are left out and never guessed at. Two texts under one id: the second gets an id of
    its own.

    >>> to_snippets([Document("Perch doubled.", metadata={"source": "perch.txt", "start_index": 7})])[0].end
    21
    """
    return told_apart(read_snippet(document) for document in documents if document.page_content.strip())


def to_documents(snippets: Iterable[Snippet]) -> list[Document]:
    """One Document a snippet, its id in the metadata: `to_snippets` gives the same snippets back.

    Split texts before they become snippets: pieces of such a Document would all claim its id.
    """
    return [Document(snippet.text, id=snippet.id, metadata=_metadata(snippet)) for snippet in snippets]


def _metadata(snippet: Snippet) -> dict[str, Any]:
    """Flat JSON values under the names that LangChain's loaders and splitters use."""
    known = snippet.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_METADATA)
    place = {"start_index": snippet.start, "page_label": None if snippet.page is None else str(snippet.page)}
    return {"snippet_id": snippet.id, **known, **{key: value for key, value in place.items() if value is not None}}


def told_apart(snippets: Iterable[Snippet | Mapping[str, Any]]) -> list[Snippet]:
    """The snippets, each once; where an id stands for another text already, the later one gets an id of its own.

    Tools that number their results anew in each call use one id for several texts.
    """
    return [Snippet.model_validate(record) for record in merge_evidence({}, snippets).values()]
