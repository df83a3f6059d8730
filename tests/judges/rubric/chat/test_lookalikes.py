"""Brackets that look like citations which the answer does not have."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.rubric.chat.lookalikes import escape_lookalikes


@pytest.mark.parametrize(
    "text",
    [
        *("[S1]", "[ S1 ]", "[s1]", "[S12, S3]", "[SS1]", "[1, S1]", "[see S1]", "[passage S1]", "[Survey; S1]"),
        *("[**S1**]", "[`S1`]", "[*S*1]", "[S_1]", "[S 1]", "['S1']", "[^S1]", "(S1)", "(see S1)", "{S1}"),
        *(
            "［S1］",
            "[Ｓ1]",
            "[Ｓ１]",
            "[𝐒𝟏]",
            "[S₁]",
            "[ſ1]",
            "[Ѕ1]",
            "[Տ1]",
            "【S1】",
            "〔S1〕",
            "⟦S1⟧",
            "「S1」",
            "﹝S1﹞",
        ),
        *("[S1", "[a [b] S1]", "[see) S1]", "[?]", "[ ? ]", "【?】", "[?, ?]", "[S\u0332" + "1]"),
    ],
)
def test_a_bracket_with_a_name_in_it_is_an_entity(text: str) -> None:
    assert escape_lookalikes(f"Perch {text} doubled.") == f"Perch &#{ord(text[0])};{text[1:]} doubled."


@pytest.mark.parametrize(
    "text",
    [
        *(
            "[1]",
            "[sic]",
            "[a, b]",
            "x[i]",
            "(?)",
            "(Fig. 3)",
            "[class 1]",
            "(Darwin's 1859 book)",
            "(in the 1990s, 2)",
        ),
        *("[a] S1", "Table S1", "S1]", "[0, 1)", "½ [µm²]", "s[1]", "[", "(as", "(see [1]) S1"),
    ],
)
def test_other_brackets_stay(text: str) -> None:
    assert escape_lookalikes(text) == text


def test_all_brackets_that_hold_a_name_are_escaped() -> None:
    assert escape_lookalikes("([S1] [2])") == "&#40;&#91;S1] [2])"
    assert escape_lookalikes("[x] ([y] S1)") == "[x] &#40;[y] S1)"


def test_no_bracket_takes_in_a_citation_that_follows() -> None:
    assert escape_lookalikes("Perch [see", goes_on=True) == "Perch &#91;see"
    assert escape_lookalikes("Perch [1] (as", goes_on=True) == "Perch [1] (as"


def test_every_opening_bracket_that_unicode_knows_is_one() -> None:
    opening = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Ps"]
    brackets = [one for one in opening if not re.search("QUOTATION|FEATHER", unicodedata.name(one))]
    assert len(brackets) > 60
    assert [one for one in brackets if escape_lookalikes(f"{one}S1") == f"{one}S1"] == []


@given(st.text(st.sampled_from("[](){}【】［］Ss1Ｓ１?* ,éx'")), st.booleans())
def test_nothing_else_changes(text: str, goes_on: bool) -> None:
    shown = escape_lookalikes(text, goes_on=goes_on)
    assert re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), shown) == text
    assert not re.search(r"[\[【［][^\[\](){}【】［］]*(?<![^\W_])[SsＳ][1１]", shown)
