"""What tells one claim from another, and what does not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.claim_key import claim_key


@pytest.mark.parametrize(
    "disguise",
    [
        "perch DOUBLED by 2010",
        "Perch  doubled by 2010!",
        "“Perch doubled by 2010.”",
        "**Perch** doubled by 2010",
        "Perch, doubled, by 2010",
        "Perch\u00a0doubled by 2010",
        "Per\u200bch doubled by 2010",
        "Perch doub\u00adled by 2010",
        "Per\ufe0fch doubled by 2010",
        "Per\u034fch doubled by 2010",
        "Ｐｅｒｃｈ doubled by ２０１０",
        "- Perch doubled by 2010",
    ],
)
def test_a_claim_in_disguise_has_the_same_key(disguise: str) -> None:
    assert claim_key(disguise) == claim_key("Perch doubled by 2010")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("by 2010", "by 2011"),
        ("p < 0.05", "p > 0.05"),
        ("0.3 g", "3 g"),
        ("at -5 °C", "at 5 °C"),
        ("5 percent", "5 % percent"),
        ("1,000 eels", "1 000 eels"),
    ],
)
def test_another_number_is_another_claim(one: str, other: str) -> None:
    assert claim_key(one) != claim_key(other)


def test_text_without_letter_or_digit_has_no_key() -> None:
    assert claim_key(" … \u3164 *** ") == ""


@given(st.text(max_size=60))
def test_a_key_is_its_own_key(text: str) -> None:
    key = claim_key(text)
    assert claim_key(key) == key


@pytest.mark.parametrize("piece", [".", ")", "< ", "1,", "\u200b", "- "])
def test_long_texts_take_a_moment(piece: str) -> None:
    text = "a" + piece * 200_000 + "b"
    begun = time.process_time()
    claim_key(text)
    assert time.process_time() - begun < 2
