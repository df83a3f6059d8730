"""How sure a model was, from log-probabilities."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.strips.odds import Odds, read_odds
from citerefine.judges.strips.strip import Item, Word
from citerefine.refiner.chat.call import ChatReply

Masses = dict[str, float]
LABELS: Item = tuple(map(Word, ("FULL", "PARTIAL", "NONE", "CONTRADICTS")))


def found_in(reply: ChatReply, *items: Item, thinks: bool = False) -> list[Odds | None]:
    return read_odds(reply, items or [LABELS], thinks=thinks)


def about(**odds: float) -> Any:
    """Odds of about this size; words that are not named have next to none."""
    return pytest.approx({word.text: odds.get(word.text, 0.0) for word in LABELS}, abs=1e-6)


def entry(token: str, masses: Masses | None = None, *, bytes_too: bool = True) -> dict[str, Any]:
    """A token with its alternatives."""
    masses = masses or {token: 1.0}

    def one(text: str) -> dict[str, Any]:
        p = masses.get(text, 1e-9)
        value = math.log(p) if p else -9999.0
        return {"token": text, "logprob": value, "bytes": [*text.encode()] if bytes_too else None}

    return one(token) | {"top_logprobs": [one(text) for text in masses]}


def reply_of(*entries: dict[str, Any], text: str | None = None) -> ChatReply:
    said = "".join(one["token"] for one in entries)
    return ChatReply(text=said if text is None else text, logprobs=entries)


def odds(masses: Masses, token: str = "F", rest: str = "ULL") -> Odds | None:
    """Those of a reply to one question, whose word begins with `token`."""
    (found,) = found_in(reply_of(entry("c01="), entry(token, masses), entry(rest)))
    return found


def test_they_are_the_masses_of_the_words_that_the_first_token_can_begin() -> None:
    found = odds({"F": 0.6, "PART": 0.2, "N": 0.1, "CON": 0.1})
    assert found == about(FULL=0.6, PARTIAL=0.2, NONE=0.1, CONTRADICTS=0.1)


def test_tokens_that_begin_the_same_word_are_added_up() -> None:
    assert odds({"F": 0.2, "FULL": 0.3, " FU": 0.1, "N": 0.4}) == about(FULL=0.6, NONE=0.4)


def test_mass_outside_the_words_is_left_out() -> None:
    assert odds({"F": 0.3, "N": 0.3, "The": 0.2, "FULLY": 0.2}) == about(FULL=0.5, NONE=0.5)


def test_without_at_least_half_of_the_mass_on_words_there_are_no_figures() -> None:
    assert odds({"F": 0.2, "N": 0.2, "The": 0.6}) is None


def test_the_chosen_token_counts_once_though_it_stands_among_the_alternatives() -> None:
    assert odds({"F": 0.5, "N": 0.5}) == about(FULL=0.5, NONE=0.5)


def test_a_token_that_reaches_into_the_word_is_read_from_there() -> None:
    reply = reply_of(entry("c01"), entry("=F", {"=F": 0.75, "=N": 0.25, "FULL": 0.0}), entry("ULL"))
    assert found_in(reply) == [about(FULL=0.75, NONE=0.25)]


def test_each_question_has_its_own_whatever_the_order_of_the_lines() -> None:
    reply = reply_of(
        entry("<think>c01=NONE</think>\n"),
        entry("c02="),
        entry("N", {"F": 0.1, "N": 0.9}),
        entry("ONE"),
        entry("\nc01="),
        entry("FULL", {"FULL": 0.8, "NONE": 0.2}),
        entry("<|im_end|>"),
        text="<think>c01=NONE</think>\nc02=NONE\nc01=FULL",
    )
    expected = [about(FULL=0.8, NONE=0.2), about(FULL=0.1, NONE=0.9)]
    assert found_in(reply, LABELS, LABELS, thinks=True) == expected


# --- what is not told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("masses", [{"F": 0.55}, {"F": 0.999}, {"F": 1.0}])
def test_the_chosen_token_alone_is_no_figure(masses: Masses) -> None:
    assert odds(masses) is None


def test_a_word_that_is_not_told_may_have_all_that_is_left_over() -> None:
    """Which one word could have 0.15, nobody knows; 0.05 changes no decision."""
    assert odds({"F": 0.6, "N": 0.2, "C": 0.05}) is None
    assert odds({"F": 0.7, "N": 0.2, "C": 0.05}) == about(FULL=0.7 / 0.95, NONE=0.2 / 0.95, CONTRADICTS=0.05 / 0.95)


def test_where_every_word_is_told_what_is_left_over_is_of_none() -> None:
    assert odds({"F": 0.4, "P": 0.1, "N": 0.1, "C": 0.1}) == about(
        FULL=4 / 7, PARTIAL=1 / 7, NONE=1 / 7, CONTRADICTS=1 / 7
    )


@pytest.mark.parametrize("second", [{"7": 0.5, "8": 0.1}, {"7": 1.0}])
def test_nor_at_the_next_token_is_it_made_up(second: Masses) -> None:
    reply = reply_of(entry("c01="), entry("0", {"0": 0.8, "1": 0.2}), entry("7", second))
    assert found_in(reply, GRADES) == [None]


def test_a_blank_token_before_the_word_hides_nothing() -> None:
    reply = reply_of(entry("c01="), entry(" ", {" ": 0.9, "F": 0.1}), entry("F", {"F": 0.5, "N": 0.2}), entry("ULL"))
    assert found_in(reply) == [None]


def test_zeros_in_place_of_log_probabilities_are_none() -> None:
    assert odds({"F": 1.0, "N": 1.0}) is None
    assert odds({"F": 0.61, "N": 0.41}) is None
    assert odds({"F": 0.603, "N": 0.402}) is not None  # rounded


# --- words that begin alike -------------------------------------------------------------------------------------

GRADES: Item = tuple(Word(f"{number:02d}") for number in range(1, 11))
MET: Item = (Word("MET", range(1, 40)), Word("UNMET"), Word("CANNOT_ASSESS"))


def test_where_several_words_begin_alike_the_next_token_is_looked_at_too() -> None:
    reply = reply_of(entry("c01="), entry("0", {"0": 0.8, "1": 0.2}), entry("7", {"7": 0.5, "8": 0.5}))
    (found,) = found_in(reply, GRADES)
    assert found is not None
    assert {word: round(p, 6) for word, p in found.items() if p > 1e-3} == {"07": 0.4, "08": 0.4, "10": 0.2}


def test_where_the_path_to_much_of_the_mass_was_not_taken_there_are_no_figures() -> None:
    reply = reply_of(entry("c01="), entry("1", {"0": 0.3, "1": 0.7}), entry("0"))
    assert found_in(reply, GRADES) == [None]


def test_a_word_is_told_from_a_longer_one_by_what_follows_it() -> None:
    plain: Item = (Word("1"), Word("10"), Word("2"))
    entries = [entry("c01="), entry("1", {"1": 0.9, "2": 0.1}), entry("\n", {"\n": 0.75, "0": 0.25})]
    reply = reply_of(*entries, text="c01=1")
    assert found_in(reply, plain) == [pytest.approx({"1": 0.675, "10": 0.225, "2": 0.1}, abs=1e-6)]


def test_a_number_behind_the_word_changes_nothing() -> None:
    reply = reply_of(entry("c01="), entry("MET 12", {"MET 12": 0.4, "MET": 0.2, "UN": 0.3, "CANN": 0.1}))
    assert found_in(reply, MET) == [pytest.approx({"MET": 0.6, "UNMET": 0.3, "CANNOT_ASSESS": 0.1}, abs=1e-6)]


# --- servers ----------------------------------------------------------------------------------------------------


def test_tokens_without_bytes_are_read_as_text() -> None:
    reply = reply_of(entry("c01="), entry("F", {"F": 0.5, "P": 0.5}, bytes_too=False), entry("ULL"))
    assert found_in(reply) == [about(FULL=0.5, PARTIAL=0.5)]


@pytest.mark.parametrize(
    "entries",
    [
        (),
        (entry("something else"),),
        (entry("c01="), {"token": "FULL"}),
        (entry("c01="), {"token": "FULL", "logprob": None, "top_logprobs": []}),
        (entry("c01="), {"token": "FULL", "logprob": 2.0, "top_logprobs": []}),
        (entry("c01="), {"token": "FULL", "logprob": math.nan, "top_logprobs": []}),
        (entry("c01="), {"token": "FULL", "logprob": -0.1, "top_logprobs": ["x"]}),
        (entry("c01="), {"token": "FULL", "logprob": True, "top_logprobs": None}),
        (entry("c01="), {"token": "FULL", "logprob": -4.0, "top_logprobs": "none"}),
    ],
)
def test_what_is_no_log_probability_gives_no_figures(entries: tuple[dict[str, Any], ...]) -> None:
    assert found_in(ChatReply.model_construct(text="c01=FULL", logprobs=entries)) == [None]


@given(
    st.lists(st.tuples(st.text(max_size=6), st.floats(-50, 0)), max_size=8),
    st.sampled_from(["F", "FULL", "=FULL", "1=F", "c01=FULL"]),
)
def test_they_are_shares_or_nothing_whatever_a_server_gives(others: list[tuple[str, float]], token: str) -> None:
    at = "c01=FULL".find(token)
    chosen = {"token": token, "logprob": -0.01, "top_logprobs": [{"token": t, "logprob": p} for t, p in others]}
    tokens: list[dict[str, Any]] = [
        {"token": "c01=FULL"[:at], "logprob": 0.0},
        chosen,
        {"token": "c01=FULL"[at + len(token) :], "logprob": 0.0},
    ]
    (found,) = found_in(ChatReply(text="c01=FULL", logprobs=tuple(tokens)))
    assert found is None or (all(0 <= p <= 1 for p in found.values()) and sum(found.values()) == pytest.approx(1))
