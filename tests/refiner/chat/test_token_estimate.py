"""The estimate is never below what real tokenizers count, for text that people write."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.chat.token_estimate import bound_tokens, estimate_tokens

COUNTED = {
    "The reanalysis found no significant association (p = 0.37) between intake and mortality.": (21, 20),
    "Immunohistochemistry of pseudostratified epithelium was inconclusive in 14 of 1,024 biopsies.": (31, 28),
    "In 2023, 1,234,567.89 km² were surveyed; 95% CI [0.12, 0.98].": (42, 32),
    "https://doi.org/10.1371/journal.pcbi.1004113?format=xml&v=2#sec-3": (37, 30),
    "def f(xs: list[int]) -> int:\n    return sum(x ** 2 for x in xs if x % 3 != 0)  # squares\n": (34, 34),
    "这项研究表明,长期摄入与死亡率之间没有显著的关联。样本量为一千零二十四。": (21, 46),
    "この研究は、長期摂取と死亡率の間に有意な関連がないことを示しています。": (22, 38),
    "이 연구는 장기 섭취와 사망률 사이에 유의미한 연관성이 없음을 보여 줍니다.": (29, 39),
    "Für die Größe der Änderung wäre eine ausführlichere Prüfung nötig gewesen.": (22, 23),
    "Исследование не выявило значимой связи между потреблением и смертностью.": (23, 35),
}
"""Text → tokens in the vocabularies of Qwen (2.5 and 3) and of GPT-4."""


@pytest.mark.parametrize("text", COUNTED)
def test_it_is_not_below_the_count_of_a_real_tokenizer(text: str) -> None:
    assert max(COUNTED[text]) <= estimate_tokens(text)


def test_for_english_prose_it_is_at_most_twice_the_count() -> None:
    for text in [*COUNTED][:2]:
        assert estimate_tokens(text) <= 2 * min(COUNTED[text])


@given(st.text() | st.text(alphabet="aZ 0.\n\té漢"))
def test_the_quick_bound_is_never_below_the_estimate(text: str) -> None:
    assert estimate_tokens(text) <= bound_tokens(text)


def test_the_quick_bound_of_prose_is_near_the_estimate() -> None:
    prose = "The reanalysis of 14 trials found no association between intake and mortality in older adults. " * 20
    assert bound_tokens(prose) <= 1.3 * estimate_tokens(prose)


def test_nothing_has_no_tokens() -> None:
    assert estimate_tokens("") == 0


@given(st.text())
def test_any_text_has_an_estimate_between_nothing_and_two_tokens_a_byte(text: str) -> None:
    assert 0 <= estimate_tokens(text) <= 2 * len(text.encode(errors="replace"))


@given(st.text(min_size=1))
def test_every_word_sign_and_line_costs_something(text: str) -> None:
    assert estimate_tokens(text) >= len(re.findall(r"[^\W_]+", text)) / 3
    assert estimate_tokens(text) > 0


@given(st.text(alphabet="0123456789"))
def test_each_digit_is_a_token(digits: str) -> None:
    assert estimate_tokens(digits) == len(digits)


@given(st.lists(st.from_regex(r"[A-Z]?[a-z]{1,12}[.,;]?", fullmatch=True)), st.lists(st.text(max_size=30)))
def test_texts_joined_by_lines_have_no_fewer_tokens_than_each(words: list[str], texts: list[str]) -> None:
    parts = [" ".join(words), *texts]
    assert estimate_tokens("\n".join(parts)) >= sum(map(estimate_tokens, parts)) - len(parts)


def test_a_long_text_takes_milliseconds() -> None:
    assert estimate_tokens("The quick brown fox jumps over 13 lazy dogs. " * 20_000) > 200_000
