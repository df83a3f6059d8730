"""By which keys words are compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.hidden import visible
from citerefine.judges.lexical.words import (
    LIGHT_WEIGHT,
    NUMBER_WEIGHT,
    ORDINARY_WEIGHT,
    denied,
    key_of,
    keys,
    read_words,
)


@pytest.mark.parametrize(
    "same",
    [
        ("doubled", "doubles", "Doubling"),
        ("Perch", "perch's", "PERCH’S"),
        ("20", "twenty", "20th", "20s", "020", "20.0"),
        ("1,200", "1200"),
        ("3.5", "3.50"),
        ("one", "1"),
        ("isn't", "aren’t", "not"),
    ],
)
def test_forms_of_a_word_share_a_key(same: tuple[str, ...]) -> None:
    assert len({key_of(word) for word in same}) == 1


@pytest.mark.parametrize("other", [("3.5", "35"), ("20", "2"), ("perch", "pike"), ("1.5", "15")])
def test_different_words_do_not(other: tuple[str, str]) -> None:
    assert key_of(other[0]) != key_of(other[1])


@pytest.mark.parametrize(
    ("word", "weight"),
    [("salinity", ORDINARY_WEIGHT), ("show", LIGHT_WEIGHT), ("2010", NUMBER_WEIGHT), ("the", 0), ("not", 0), ("x", 0)],
)
def test_words_weigh_what_they_say(word: str, weight: int) -> None:
    assert [one.weight for one in read_words(word)] == [weight]


def test_units_are_cut_from_numbers_and_names_with_digits_are_whole() -> None:
    assert keys("10mg of p53 in COVID-19") == ["10", "mg", "of", "p53", "in", "covid", "19"]


def test_a_negation_denies_the_next_words_unless_they_are_said_without_it_too() -> None:
    assert denied(keys("ice did not melt before april in most years")) == {"melt", "befor", "april", "in"}
    assert denied(keys("not melt although snow in april did melt")) == {"although", "snow", "in"}
    assert denied(keys("ice melted")) == set()


@given(st.text())
def test_words_stand_where_they_say_in_order(text: str) -> None:
    text = visible(text)
    words = read_words(text)
    assert [key_of(text[word.start : word.end]) for word in words] == [word.key for word in words] == keys(text)
    assert all(word.key and 0 <= word.start < word.end <= len(text) for word in words)
    assert [word.start for word in words] == sorted({word.start for word in words})


def test_no_key_is_long() -> None:
    assert max(map(len, keys(f"{'a' * 10_000} {'1' * 10_000} {'1,' * 10_000}"))) <= 500
