"""Snippets are made ready once, and not too many are kept."""

import pytest

from citerefine.judges.lexical import evidence
from citerefine.judges.lexical.evidence import Prepared, PreparedSnippets, prepare
from citerefine.refiner import Snippet


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were made ready, in order."""
    texts = list[str]()

    def noting(text: str, title: str) -> Prepared:
        texts.append(text)
        return prepare(text, title)

    monkeypatch.setattr(evidence, "prepare", noting)
    return texts


def test_a_snippet_is_made_ready_once(made: list[str]) -> None:
    snippets = PreparedSnippets()
    first = snippets.get(Snippet(text="Perch doubled.", id="a"))
    assert snippets.get(Snippet(text="Perch doubled.", id="b")) is first
    assert made == ["Perch doubled."]


def test_the_same_text_under_another_title_is_another(made: list[str]) -> None:
    snippets = PreparedSnippets()
    assert snippets.get(Snippet(text="It doubled.", title="Perch")).title == {"perch"}
    assert snippets.get(Snippet(text="It doubled.")).title == set()
    assert len(made) == 2


def test_what_was_used_longest_ago_is_forgotten_first(made: list[str]) -> None:
    snippets = PreparedSnippets(max_kept=25)
    one, two, three = (Snippet(text=f"Perch {n}234.") for n in (1, 2, 3))
    for snippet in (one, two, one, three, one, two):
        snippets.get(snippet)
    assert made == [one.text, two.text, three.text, two.text]


def test_the_latest_is_kept_however_long(made: list[str]) -> None:
    snippets, long = PreparedSnippets(max_kept=10), Snippet(text="Perch doubled. " * 100)
    for snippet in (long, long, Snippet(text="Pike."), long):
        snippets.get(snippet)
    assert made == [long.text, "Pike.", long.text]


def test_sentences_places_and_pairs() -> None:
    text = "Perch doubled.  Ice did not melt."
    ready = prepare(text, "Lake Orven")
    assert [text[start:end] for start, end in ready.sentences] == ["Perch doubled.", "Ice did not melt."]
    assert ready.places["ice"] == [1]
    assert ready.title == {"lake", "orven"}
    assert {"perch doubl", "lake orven"} <= ready.pairs
    assert not {"doubl ice", "orven perch"} & ready.pairs
    assert ready.denied == {1: {"melt"}}
