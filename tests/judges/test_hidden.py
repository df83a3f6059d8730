"""What nobody sees is taken away, and nothing else."""

import sys
import unicodedata

import pytest

from citerefine.judges.hidden import visible, without_hidden


def test_every_format_character_is_hidden() -> None:
    characters = map(chr, range(sys.maxunicode + 1))
    shown = [char for char in characters if unicodedata.category(char) == "Cf" and without_hidden(char)]
    assert shown == []


@pytest.mark.parametrize("char", ["\u034f", "\u115f", "\u3164", "\ufe0f", "\uffa0", "\U000e0101", "\u180b"])
def test_fillers_and_variation_selectors_are_hidden(char: str) -> None:
    assert without_hidden(f"per{char}ch") == "perch"


def test_what_can_be_seen_stays() -> None:
    text = "Å perch, 12 °C — 鲈鱼 🐟 é\n\t"
    assert without_hidden(text) == text


def test_words_that_look_alike_are_alike() -> None:
    assert visible("Ｐｅｒｃｈ ﬁsh ２０１０") == "Perch fish 2010"
