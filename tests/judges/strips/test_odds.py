"""p(supported) from log-probabilities."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.chat.label_odds import read_odds
from citerefine.refiner.chat.call import ChatReply

Masses = dict[str, float]


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


def odds(masses: Masses, token: str = "F", rest: str = "ULL") -> float | None:
    """Those of a reply about one claim, whose label begins with `token`."""
    (found,) = read_odds(reply_of(entry("c01="), entry(token, masses), entry(rest)), 1)
    return found


def test_it_is_the_mass_of_full_and_half_that_of_partial() -> None:
    assert odds({"F": 0.6, "PART": 0.2, "N": 0.1, "CON": 0.1}) == pytest.approx(0.7)


def test_tokens_that_begin_the_same_label_are_added_up() -> None:
    assert odds({"F": 0.2, "FULL": 0.3, " FU": 0.1, "N": 0.4}) == pytest.approx(0.6)


def test_mass_outside_the_labels_is_left_out() -> None:
    assert odds({"F": 0.3, "N": 0.3, "The": 0.4}) == pytest.approx(0.5)


def test_without_at_least_half_of_the_mass_on_labels_there_is_no_figure() -> None:
    assert odds({"F": 0.2, "N": 0.2, "The": 0.6}) is None


def test_the_chosen_token_counts_once_though_it_stands_among_the_alternatives() -> None:
    assert odds({"F": 0.5, "N": 0.5}) == pytest.approx(0.5)


def test_a_token_that_reaches_into_the_label_is_read_from_there() -> None:
    reply = reply_of(entry("c01"), entry("=F", {"=F": 0.75, "=N": 0.25, "FULL": 0.0}), entry("ULL"))
    assert read_odds(reply, 1) == [pytest.approx(0.75)]


def test_each_claim_has_its_own_whatever_the_order_of_the_lines() -> None:
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
    assert read_odds(reply, 2, thinks=True) == [pytest.approx(0.8), pytest.approx(0.1)]


def test_tokens_without_bytes_are_read_as_text() -> None:
    reply = reply_of(entry("c01="), entry("F", {"F": 0.5, "P": 0.5}, bytes_too=False), entry("ULL"))
    assert read_odds(reply, 1) == [pytest.approx(0.75)]


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
def test_what_is_no_log_probability_gives_no_figure(entries: tuple[dict[str, Any], ...]) -> None:
    assert read_odds(ChatReply.model_construct(text="c01=FULL", logprobs=entries), 1) == [None]


@given(
    st.lists(st.tuples(st.text(max_size=6), st.floats(-50, 0)), max_size=8),
    st.sampled_from(["F", "FULL", "=FULL", "1=F", "c01=FULL"]),
)
def test_it_is_a_share_or_nothing_whatever_a_server_gives(others: list[tuple[str, float]], token: str) -> None:
    at = "c01=FULL".find(token)
    chosen = {"token": token, "logprob": -0.2, "top_logprobs": [{"token": t, "logprob": p} for t, p in others]}
    tokens: list[dict[str, Any]] = [
        {"token": "c01=FULL"[:at], "logprob": 0.0},
        chosen,
        {"token": "c01=FULL"[at + len(token) :], "logprob": 0.0},
    ]
    (found,) = read_odds(ChatReply(text="c01=FULL", logprobs=tuple(tokens)), 1)
    assert found is None or 0 <= found <= 1
