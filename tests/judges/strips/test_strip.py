"""What a judging model may reply, and how it is read."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gbnf import read_gbnf, write_admitted

from citerefine.judges.strips.strip import (
    MAX_REPLY,
    MOST_ITEMS,
    Item,
    Said,
    Word,
    item_names,
    read_strip,
    strip_grammar,
)

LABELS: Item = tuple(map(Word, ("FULL", "PARTIAL", "NONE", "CONTRADICTS")))
ITEMS = st.one_of(
    st.just(LABELS),
    st.builds(
        lambda first, last: (Word("MET", range(first, last + 1)), Word("UNMET"), Word("CANNOT_ASSESS")),
        st.integers(0, 1),
        st.integers(1, 1200),
    ),
    st.integers(2, 26).map(lambda n: tuple(Word(f"{number:0{len(str(n - 1))}d}") for number in range(n))),
)
STRIPS = st.lists(ITEMS, min_size=1, max_size=MOST_ITEMS)
SPOILT = r"it (does not )?judge|is no verdict"


def labels_in(reply: str, count: int = 1, *, thinks: bool = False) -> list[str]:
    return [said.word for said in read_strip(reply, [LABELS] * count, thinks=thinks)]


def admitted(items: Sequence[Item], chance: random.Random) -> str:
    return write_admitted(read_gbnf(strip_grammar(items)), chance)


def written(found: list[Said]) -> list[str]:
    words = [said.word if said.pointer is None else f"{said.word} {said.pointer}" for said in found]
    return [f"{name}={word}" for name, word in zip(item_names(len(found)), words, strict=True)]


@given(STRIPS, st.randoms(use_true_random=False))
def test_whatever_the_grammar_admits_is_read(items: list[Item], chance: random.Random) -> None:
    reply = admitted(items, chance)
    assert written(read_strip(reply, items)) == reply.split("\n")


@given(STRIPS, st.randoms(use_true_random=False))
def test_lines_may_come_in_any_order_and_with_any_white_space(items: list[Item], chance: random.Random) -> None:
    lines = admitted(items, chance).split("\n")
    shuffled = chance.sample(lines, len(lines))
    assert written(read_strip("\n" + " \r\n".join(shuffled) + "\n\n", items)) == lines


@given(STRIPS, st.randoms(use_true_random=False), st.data())
def test_a_line_that_is_missing_twice_there_or_unknown_spoils_the_whole(
    items: list[Item], chance: random.Random, data: st.DataObject
) -> None:
    lines = admitted(items, chance).split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    unknown = f"c{len(lines) + 1:02d}={items[0][-1].text}"
    for spoilt in (lines[:at] + lines[at + 1 :], [*lines, lines[at]], [*lines, unknown], []):
        with pytest.raises(ValueError, match=SPOILT):
            read_strip("\n".join(spoilt), items)


@given(STRIPS, st.randoms(use_true_random=False), st.text(min_size=1), st.data())
def test_other_text_anywhere_spoils_the_whole_or_is_a_verdict_too(
    items: list[Item], chance: random.Random, text: str, data: st.DataObject
) -> None:
    reply = admitted(items, chance)
    at = data.draw(st.integers(0, len(reply)))
    spoilt = reply[:at] + text + reply[at:]
    try:
        found = read_strip(spoilt, items)
    except ValueError:
        return
    assert " ".join(written(found)).split() == spoilt.split()  # white space was added, or a digit to a number


@given(st.text(st.sampled_from("c01=FULPARTINECODS\n <think>/{}[]:"), max_size=60), st.integers(1, 3))
def test_reading_gives_words_or_a_value_error_whatever_comes(reply: str, count: int) -> None:
    try:
        found = labels_in(reply, count)
    except ValueError:
        return
    assert len(found) == count


POINTED: Item = (Word("MET", range(1, 13)), Word("UNMET"))
ABSENT: Item = (Word("MET", range(13)), Word("UNMET"))


@pytest.mark.parametrize(
    ("reply", "item", "said"),
    [
        ("c01=MET 12", POINTED, Said("MET", 12)),
        ("c01=MET 0", ABSENT, Said("MET", 0)),
        ("c01=UNMET", POINTED, Said("UNMET")),
    ],
)
def test_a_verdict_points_to_what_exists(reply: str, item: Item, said: Said) -> None:
    assert read_strip(reply, [item]) == [said]


@pytest.mark.parametrize(
    "reply", ["MET", "MET 0", "MET 13", "MET 012", "MET +1", "MET -1", "MET 1.0", "MET １", "MET  1", "UNMET 1"]
)
def test_or_is_none(reply: str) -> None:
    with pytest.raises(ValueError, match="is no verdict"):
        read_strip(f"c01={reply}", [POINTED])


def test_a_word_of_another_question_is_no_verdict() -> None:
    grades: Item = (Word("0"), Word("1"))
    with pytest.raises(ValueError, match="is no verdict on c02"):
        read_strip("c01=UNMET\nc02=UNMET", [POINTED, grades])


def test_equal_questions_share_their_rules() -> None:
    assert strip_grammar([POINTED, LABELS, POINTED]).count("::=") == 4


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
    with pytest.raises(ValueError, match=SPOILT):
        labels_in(reply)


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
    assert labels_in(f"{thoughts}c01=FULL", thinks=True) == ["FULL"]
    with pytest.raises(ValueError, match="is no verdict"):
        labels_in(f"{thoughts}c01=FULL")


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
        labels_in(reply, 2, thinks=thinks)


@pytest.mark.parametrize("between", [*" \t\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\xa0\u3000", ", ", ""])
def test_only_a_line_end_divides_verdicts(between: str) -> None:
    with pytest.raises(ValueError, match="is no verdict"):
        labels_in(f"c01=FULL{between}c02=FULL", 2)
    for end in ("\n", "\r\n", " \n\n\t"):
        assert labels_in(f"c01=FULL{end}c02=FULL", 2) == ["FULL"] * 2


def test_a_reply_beyond_the_bound_is_not_read() -> None:
    with pytest.raises(ValueError, match="at most"):
        labels_in("c01=FULL" + " " * MAX_REPLY)
