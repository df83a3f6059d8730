"""Words of a query, for services whose query language has syntax."""

import pytest

from citerefine.tools.sources.query_words import query_words, telling
from citerefine.tools.web.failures import WebFailure


def test_syntax_separates_words_and_operators_are_words_like_others() -> None:
    assert query_words('title:"perch" AND roach ANDNOT (pike OR NOT carp)', ':"()') == [
        "title", "perch", "and", "roach", "andnot", "pike", "or", "not", "carp",
    ]  # fmt: skip


def test_only_what_a_service_takes_for_syntax_is_taken_out() -> None:
    assert query_words("AT&T & IL-6 -- -pike C++ 鱸魚", "+") == ["AT&T", "IL-6", "pike", "C", "鱸魚"]


@pytest.mark.parametrize("text", ["", "  ", "?!", '":"', "- --"])
def test_a_text_without_words_is_refused_before_anybody_is_asked(text: str) -> None:
    with pytest.raises(WebFailure, match="holds no word to look for; write it in words") as caught:
        query_words(text, ':"')
    assert caught.value.code == "bad_request"
    assert not caught.value.retryable


def test_as_many_words_are_taken_as_fit_into_an_address() -> None:
    assert query_words("perch " * 1_000, "") == ["perch"] * 333
    assert query_words("鱸 " * 1_000, "") == ["鱸"] * 200


def test_words_that_say_little_are_left_out_unless_there_are_no_others() -> None:
    assert telling(["what", "do", "the", "perch", "of", "IT", "eat"]) == ["perch", "IT", "eat"]
    assert telling(["to", "be", "or", "not"]) == ["to", "be", "or", "not"]
