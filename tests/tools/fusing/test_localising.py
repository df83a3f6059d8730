"""The sentence of a passage that a query is about, and cutting around it."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tools.fusing.scripted import Scores

from citerefine.refiner.records import Snippet
from citerefine.tools.fusing.localising import best_sentence, best_sentence_by, cut_around, shorten
from citerefine.tools.passages import LONGEST, TARGET

TEXT = "Lakes warmed by 2 °C. Perch doubled in number. Roach did not change. Nets were set in spring."


def test_the_sentence_that_holds_most_of_the_query_is_found_with_its_offsets() -> None:
    snippet = Snippet(text=TEXT, start=100, end=100 + len(TEXT))
    found = best_sentence("Have perch doubled?", snippet)
    assert TEXT[found.span.start : found.span.end] == "Perch doubled in number."
    assert found.in_source == (found.span.start + 100, found.span.end + 100)


@pytest.mark.parametrize("place", [{}, {"start": 5, "end": 5000}])
def test_offsets_in_the_source_are_not_guessed(place: dict[str, Any]) -> None:
    assert best_sentence("perch", Snippet(text=TEXT, **place)).in_source is None


def test_where_no_sentence_holds_any_of_it_the_first_is_taken() -> None:
    assert best_sentence("quasars", Snippet(text=TEXT)).span == (0, len("Lakes warmed by 2 °C."))
    assert best_sentence("", Snippet(text="???")).span == (0, 3)


def test_a_reranker_chooses_where_there_is_one() -> None:
    reranker = Scores(lambda text: float("spring" in text))
    found = asyncio.run(best_sentence_by(reranker, "Have perch doubled?", Snippet(text=TEXT)))
    assert not isinstance(found, str)
    assert TEXT[found.span.start : found.span.end] == "Nets were set in spring."
    assert reranker.asked[0][1][0] == "Perch doubled in number."
    assert asyncio.run(best_sentence_by(Scores([1.0]), "perch", Snippet(text=TEXT))) == (
        "scores gave 1 scores for 4 hits"
    )


def test_a_cut_keeps_whole_sentences_on_both_sides_and_what_is_known_of_the_passage() -> None:
    snippet = Snippet(text=TEXT, start=100, end=100 + len(TEXT), doi="10.1000/1", title="Perch", section="Results")
    cut = cut_around(snippet, best_sentence("roach", snippet).span, 75)
    assert cut.text == "Perch doubled in number. Roach did not change. Nets were set in spring."
    assert (cut.start, cut.end) == (100 + TEXT.index("Perch"), 100 + len(TEXT))
    assert (cut.doi, cut.title, cut.section) == ("10.1000/1", "Perch", "Results")
    assert cut.id != snippet.id
    assert cut_around(snippet, best_sentence("roach", snippet).span, 75) == cut
    assert cut_around(snippet, best_sentence("roach", snippet).span, 30).text == "Roach did not change."


def test_a_sentence_that_is_too_long_itself_is_cut_between_words() -> None:
    snippet = Snippet(text="perch " * 100)
    assert cut_around(snippet, best_sentence("perch", snippet).span, 20).text == "perch perch perch"
    unbroken = Snippet(text="x" * 100)
    assert cut_around(unbroken, best_sentence("perch", unbroken).span, 20).text == "x" * 20


def test_only_what_is_longer_than_any_passage_is_cut() -> None:
    short, long = Snippet(text=TEXT), Snippet(text=f"{'Lakes warmed. ' * 300}Perch doubled.")
    found = asyncio.run(shorten("perch", [short, long]))
    assert found.snippets[0] is short
    assert len(found.snippets[1].text) <= TARGET
    assert found.snippets[1].text.endswith("Perch doubled.")
    assert not found.warnings


def test_where_the_reranker_fails_the_words_decide_and_it_is_said_once() -> None:
    long = [Snippet(text=f"{'Lakes warmed. ' * 300}Perch doubled.", source=source) for source in "ab"]
    found = asyncio.run(shorten("perch", long, Scores(RuntimeError())))
    assert [snippet.text[-14:] for snippet in found.snippets] == ["Perch doubled."] * 2
    assert found.warnings == ["scores failed: RuntimeError"]


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("ab .?\n"), min_size=1, max_size=80).filter(str.strip), st.integers(1, 40))
def test_a_cut_is_a_stretch_of_the_source_and_no_longer_than_it_may_be(text: str, longest: int) -> None:
    snippet = Snippet(text=text, start=7, end=7 + len(text))
    cut = cut_around(snippet, best_sentence("b", snippet).span, longest)
    assert cut is snippet or len(cut.text) <= longest
    assert cut.start is not None
    assert cut.end is not None
    assert text[cut.start - 7 : cut.end - 7] == cut.text


def test_texts_of_any_length_are_looked_at_in_bounded_time() -> None:
    long = Snippet(text="Perch doubled. " * 200_000)
    assert len(long.text) > LONGEST
    assert best_sentence("perch", long).span == (0, 14)
