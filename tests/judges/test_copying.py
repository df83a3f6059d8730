"""How much of the supported text is copied."""

import pytest

from citerefine.judges.copying import MIN_RUN, copied_share

SOURCE = " ".join(f"w{n}" for n in range(60))


def words(start: int, n: int) -> str:
    return " ".join(f"w{number}" for number in range(start, start + n))


def test_a_quotation_is_copied_whole() -> None:
    assert copied_share([SOURCE.upper() + "!"], [SOURCE]) == 1


@pytest.mark.parametrize("hidden", ["\u00ad", "\u200b", "\ufe0f", "\u2060"])
def test_hidden_characters_do_not_break_a_quotation(hidden: str) -> None:
    assert copied_share([SOURCE.replace("w1", f"w{hidden}1")], [SOURCE]) == 1


def test_short_runs_are_not_copying() -> None:
    assert copied_share([words(0, MIN_RUN - 1)], [SOURCE]) == 0
    assert copied_share([words(0, MIN_RUN)], [SOURCE]) == 1


def test_a_quotation_cut_into_short_tags_is_still_one() -> None:
    assert copied_share([words(0, 5), words(5, 5), words(10, 5)], [SOURCE]) == 1


def test_the_share_is_of_words() -> None:
    own = " ".join(f"v{n}" for n in range(20))
    assert copied_share([words(0, 20), own], [SOURCE]) == 0.5


def test_a_run_over_two_snippets_is_not_copied_from_one() -> None:
    assert copied_share([words(0, 12)], [words(0, 6), words(6, 6)]) == 0


def test_nothing_supported_has_no_share() -> None:
    assert copied_share([], [SOURCE]) is None
    assert copied_share(["…"], [SOURCE]) is None


@pytest.mark.parametrize("text", ["a " * 200_000, SOURCE * 2_000])
def test_long_texts_are_read_in_one_pass(text: str) -> None:
    share = copied_share([text], [text])
    assert share == pytest.approx(1, abs=0.01)
