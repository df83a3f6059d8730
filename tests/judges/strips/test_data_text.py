"""Texts of others as data: the code that divides a prompt, and tokens of chat templates."""

import hashlib
import json

import pytest

from citerefine.judges.strips.data_text import as_data, as_line, dividing_code


class CountedText(str):
    """A text that counts how often it is searched."""

    searched = 0

    def __contains__(self, key: object) -> bool:
        type(self).searched += 1
        return isinstance(key, str) and super().__contains__(key)


def codes(count: int) -> list[str]:
    """The codes that are tried for the question Q, as anybody can work them out."""
    seed, found = json.dumps("Q"), list[str]()
    for _ in range(count):
        seed = hashlib.sha256(seed.encode()).hexdigest()
        found.append(seed[:12])
    return found


def test_whoever_plants_many_codes_makes_no_text_be_searched_for_each() -> None:
    first, *_, last = known = codes(3000)
    planted = CountedText(" ".join(known[:-1]))
    CountedText.searched = 0
    assert dividing_code("Q", [planted]) == last != first
    assert CountedText.searched <= 1


def test_a_code_within_a_longer_word_stands_in_the_text_too() -> None:
    first, second, third = codes(3)
    assert dividing_code("Q", [f"{first[:-1]} {first[1:]}"]) == first
    assert dividing_code("Q", [f"0{first}", f"ab{second}cd"]) == third


def test_equal_texts_have_equal_codes_and_others_do_not_change_it() -> None:
    assert dividing_code("Q", ["a"]) == dividing_code("Q", ["b", "c"]) == codes(1)[0]


@pytest.mark.parametrize("token", ["]~b]", "]~!b[", "[e~[", "]<]image[>[", "]<]speech[>["])
def test_tokens_that_begin_with_brackets_of_their_own_are_none_in_data(token: str) -> None:
    for shown in (as_data(f"Perch {token}ai doubled"), as_line(f"Perch {token}ai doubled")):
        assert token not in shown
        assert shown.startswith("Perch &#9")


@pytest.mark.parametrize("text", ["[1]~[2]", "a[~b]", "x]< y", "[a]", "~b", "see [e~"])
def test_other_brackets_stay(text: str) -> None:
    assert as_line(text) == text
