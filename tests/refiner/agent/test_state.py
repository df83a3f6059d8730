"""The state: JSON only, evidence merged and never doubled."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from citerefine.refiner.agent.documents import read_evidence
from citerefine.refiner.agent.state import merge_evidence
from citerefine.refiner.errors import EvidenceError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet, normalised


class Document:
    """As LangChain has it, which is known by these two names alone."""

    def __init__(self, page_content: str, **metadata: Any) -> None:
        self.page_content, self.metadata = page_content, metadata


TEXTS = st.text(min_size=1).filter(str.strip)
SNIPPETS = st.lists(st.fixed_dictionaries({"id": st.sampled_from("abc"), "text": TEXTS}), max_size=8)


@given(SNIPPETS, SNIPPETS)
def test_merging_twice_changes_nothing_and_loses_nothing(
    first: list[dict[str, str]], more: list[dict[str, str]]
) -> None:
    known = merge_evidence({}, first)
    merged = merge_evidence(known, more)
    assert [*merged][: len(known)] == [*known]
    assert merge_evidence(merged, merged) == merged
    assert json.loads(json.dumps(merged)) == merged
    assert all(record["id"] == id for id, record in merged.items())
    assert {normalised(row["text"]) for row in first + more} == {normalised(row["text"]) for row in merged.values()}


def test_none_empties_it() -> None:
    assert merge_evidence({"a": {"id": "a", "text": "x"}}, None) == {}


@pytest.mark.parametrize(
    "value",
    [
        [{"id": "a", "text": "Perch."}],
        {"a": {"text": "Perch."}},
        {"a": {"id": "a", "text": "Perch."}},
        [Snippet(id="a", text="Perch.")],
        Evidence([Snippet(id="a", text="Perch.")]),
        [Document("Perch.", snippet_id="a")],
    ],
)
def test_evidence_comes_in_many_forms(value: object) -> None:
    assert read_evidence(value) == [Snippet(id="a", text="Perch.")]


def test_what_a_document_knows_becomes_fields_and_nothing_is_guessed() -> None:
    [snippet] = read_evidence(
        [
            Document(
                "Perch doubled.", source="https://example.org/p", title="Survey", page=0, page_label="3",
                start_index=10, authors=["A. Bach"], year=2011, doi="10.1/x", producer="pdfTeX",
                section=None, id="not an id of ours",
            )
        ]
    )  # fmt: skip
    assert snippet.model_dump(exclude_defaults=True, exclude={"id"}) == {
        "text": "Perch doubled.", "url": "https://example.org/p", "title": "Survey", "page": 3, "start": 10, "end": 24,
        "authors": ("A. Bach",), "year": 2011, "doi": "10.1/x",
    }  # fmt: skip
    [plain] = read_evidence([Document("Perch.", page=0, year="?", authors="A. Bach", source="p.pdf", page_label="iv")])
    assert plain.model_dump(exclude_defaults=True, exclude={"id"}) == {"text": "Perch.", "source": "p.pdf"}


@pytest.mark.parametrize("value", ["text", 7, [7], ["text"], {"a": 7}])
def test_anything_else_is_refused_by_its_name(value: object) -> None:
    with pytest.raises(EvidenceError, match=r"got (str|int)"):
        read_evidence(value)


def test_a_record_that_is_no_snippet_is_refused() -> None:
    with pytest.raises(ValidationError, match="titel"):
        read_evidence([{"text": "x", "titel": "y"}])
