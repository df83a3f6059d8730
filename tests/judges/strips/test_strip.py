"""What a judging model may reply, and how it is read."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gbnf import read_gbnf, write_admitted

from citerefine.judges.chat.verdict_lines import (
    MAX_REPLY,
    MOST_CLAIMS,
    WORDS,
    claim_names,
    read_verdicts,
    verdict_grammar,
)
from citerefine.judges.verdict import Label

LABELS = st.lists(st.sampled_from([*Label]), min_size=1, max_size=MOST_CLAIMS)


def written(labels: list[Label]) -> list[str]:
    return [f"{name}={label.value.upper()}" for name, label in zip(claim_names(len(labels)), labels, strict=True)]


@given(st.integers(1, MOST_CLAIMS), st.randoms(use_true_random=False))
def test_whatever_the_grammar_admits_is_read(count: int, chance: random.Random) -> None:
    reply = write_admitted(read_gbnf(verdict_grammar(count)), chance)
    assert written(read_verdicts(reply, count)) == reply.split("\n")


@given(LABELS, st.randoms(use_true_random=False))
def test_lines_may_come_in_any_order_and_with_any_white_space(labels: list[Label], chance: random.Random) -> None:
    lines = written(labels)
    chance.shuffle(lines)
    reply = " \r\n".join(lines)
    assert read_verdicts(f"\n{reply}\n\n", len(labels)) == labels


@given(LABELS, st.data())
def test_a_line_that_is_missing_twice_there_or_unknown_spoils_the_whole(
    labels: list[Label], data: st.DataObject
) -> None:
    lines = written(labels)
    at = data.draw(st.integers(0, len(lines) - 1))
    for spoilt in (lines[:at] + lines[at + 1 :], [*lines, lines[at]], [*lines, f"c{len(lines) + 1:02d}=FULL"], []):
        with pytest.raises(ValueError, match=r"it (does not )?judge|is no verdict"):
            read_verdicts("\n".join(spoilt), len(labels))


@given(LABELS, st.text(min_size=1), st.data())
def test_other_text_anywhere_spoils_the_whole(labels: list[Label], text: str, data: st.DataObject) -> None:
    reply = "\n".join(written(labels))
    at = data.draw(st.integers(0, len(reply)))
    spoilt = reply[:at] + text + reply[at:]
    try:
        found = read_verdicts(spoilt, len(labels))
    except ValueError:
        return
    assert found == labels
    assert spoilt.split() == reply.split()  # nothing but white space was added


@given(st.text(st.sampled_from("c01=FULPARTINECODS\n <think>/{}[]:"), max_size=60), st.integers(1, 3))
def test_reading_gives_labels_or_a_value_error_whatever_comes(reply: str, count: int) -> None:
    try:
        found = read_verdicts(reply, count)
    except ValueError:
        return
    assert len(found) == count


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "FULL",
        "c1=FULL",
        "C01=FULL",
        "c01=full",
        "c01 = FULL",
        "c01=FULLY",
        "c01=MET",
        "c01=1.0",
        "c01=NaN",
        "[[c01=FULL]]",
        "c01=FULL.",
        "Rating: c01=FULL",
        '{"c01": "FULL"}',
        "c01=FULL c01=FULL",
        "c01=FULL c02=NONE",
        "c00=FULL",
        "c０1=FULL",
        "<think>c01=FULL",
        "<think>It is c01=FULL</think>",
        "c01=FULL</think>",
    ],
)
def test_a_reply_that_is_no_single_verdict_is_refused(reply: str) -> None:
    with pytest.raises(ValueError, match=r"it (does not )?judge|is no verdict"):
        read_verdicts(reply, 1)


@pytest.mark.parametrize(
    "thoughts",
    [
        "<think>c01=NONE, or is it?</think>",
        "so c01=NONE\n</think>\n",
        "<think></think>",
        "<think>\nc01=NONE\n</think>\n",
    ],
)
def test_what_was_thought_before_is_passed_over_if_thinking_was_asked_for(thoughts: str) -> None:
    assert read_verdicts(f"{thoughts}c01=FULL", 1, thinks=True) == [Label.FULL]
    with pytest.raises(ValueError, match="is no verdict"):
        read_verdicts(f"{thoughts}c01=FULL", 1)


@pytest.mark.parametrize(
    "reply",
    [
        "c01=NONE\nc02=NONE\n</think>\nc01=FULL\nc02=FULL",
        "<think></think>c01=NONE\nc02=NONE\n</think>\nc01=FULL\nc02=FULL",
        "x\n c01=NONE \nc02=NONE</think>c01=FULL\nc02=FULL",
    ],
)
@pytest.mark.parametrize("thinks", [True, False])
def test_verdicts_are_not_taken_back_by_what_ends_a_thought(reply: str, thinks: bool) -> None:
    with pytest.raises(ValueError, match="is no verdict"):
        read_verdicts(reply, 2, thinks=thinks)


@pytest.mark.parametrize("between", [*" \t\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\xa0\u3000", ", ", ""])
def test_only_a_line_end_divides_verdicts(between: str) -> None:
    with pytest.raises(ValueError, match="is no verdict"):
        read_verdicts(f"c01=FULL{between}c02=FULL", 2)
    for end in ("\n", "\r\n", " \n\n\t"):
        assert read_verdicts(f"c01=FULL{end}c02=FULL", 2) == [Label.FULL] * 2


def test_a_reply_beyond_the_bound_is_not_read() -> None:
    with pytest.raises(ValueError, match="at most"):
        read_verdicts("c01=FULL" + " " * MAX_REPLY, 1)


def test_every_label_has_a_word() -> None:
    assert {*WORDS.values()} == {*Label}
    assert {word[0] for word in WORDS} == {"F", "P", "N", "C"}  # so that a first token tells which it begins
