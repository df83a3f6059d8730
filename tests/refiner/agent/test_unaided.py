"""Queries that need no model."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.agent.unaided import MAX_QUERY, first_query, missing_words, next_query

QUESTION = "Did perch double in Lake Orven?"


def records(*texts: str) -> list[dict[str, Any]]:
    return [{"id": f"r{n}", "text": text} for n, text in enumerate(texts)]


def test_the_first_query_is_the_question_on_one_line() -> None:
    assert next_query("Did perch\n double?", [], []) == "Did perch double?"


def test_a_long_question_is_searched_for_by_its_content_words_each_once() -> None:
    query = first_query(f"{QUESTION} {'and so on ' * 10_000}")
    assert query == "perch double lake orven"
    assert len(first_query(QUESTION)) <= MAX_QUERY


def test_a_question_without_content_words_asks_for_nothing() -> None:
    assert next_query("the of and?", [], []) is None


def test_missing_words_are_those_whose_stem_nothing_mentions() -> None:
    assert missing_words(QUESTION, records("The lakes doubled.")) == ["perch", "orven"]
    assert missing_words(QUESTION, [{"id": "a", "text": "Doubling.", "title": "Perch", "section": "Lake Orven"}]) == []


def test_later_queries_ask_for_what_is_missing_then_with_words_of_the_best_snippets() -> None:
    found = records("Perch doubled in Finland, as gill nets showed; gill nets last.")
    asked = [first_query(QUESTION)]
    second = next_query(QUESTION, asked, found)
    assert second == "lake orven"
    third = next_query(QUESTION, [*asked, second], found)
    assert third == "lake orven finland gill nets"


def test_what_is_covered_asks_for_nothing_more() -> None:
    assert next_query(QUESTION, [QUESTION], records("Perch in Lake Orven doubled.")) is None


def test_queries_run_out() -> None:
    asked: list[str] = []
    while (query := next_query(QUESTION, asked, records("Nothing of that."))) is not None:
        asked.append(query)
        assert len(asked) < 10
    assert len(set(asked)) == len(asked)


@given(st.text(max_size=2000), st.lists(st.text(min_size=1), max_size=5))
def test_any_text_gives_a_query_or_none_and_the_same_each_time(question: str, texts: list[str]) -> None:
    query = next_query(question, [], records(*texts))
    assert query == next_query(question, [], records(*texts))
    assert query is None or query.strip()


def test_words_of_scripts_without_blanks_are_asked_for_whole() -> None:
    question = "琵琶湖と諏訪湖の水温は上昇しましたか"
    found = records("琵琶湖の水温は上昇した。")
    assert next_query(question, [first_query(question)], found) == "諏訪湖"
    assert missing_words("琵琶湖表層水温", records("琵琶湖の水温、表層で")) == []
