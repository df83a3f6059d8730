"""What is read in a planner's reply: queries, parts, marks, and nothing that it cannot know."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citerefine.refiner.agent.coverage import Mark, begin_parts
from citerefine.refiner.agent.findings import Findings
from citerefine.refiner.agent.plan_reply import (
    MAX_PART,
    MAX_PARTS,
    MAX_QUERIES,
    MAX_QUERY,
    Plan,
    clean_lines,
    read_plan,
)
from citerefine.refiner.chat.call import ChatReply, ToolCall

RECORDS = ({"id": "a", "text": "Perch."}, {"id": "b", "text": "Pike."}, {"id": "c", "text": "Ice."})
UNSPLIT = Findings("Did perch double?", RECORDS, 4, 4, asked=("perch numbers",))
SPLIT = UNSPLIT._replace(parts=begin_parts(["perch", "pike"]))


def written(text: str, told: Findings = UNSPLIT) -> Plan | None:
    return read_plan(ChatReply(text=text), told)


def called(*calls: tuple[str, Any], told: Findings = UNSPLIT, text: str = "") -> Plan | None:
    made = [ToolCall(id=f"c{n}", name=name, arguments=json.dumps(given)) for n, (name, given) in enumerate(calls)]
    return read_plan(ChatReply(text=text, finish="tool_calls", tool_calls=tuple(made)), told)


# --- queries ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("SEARCH: perch 1990\nSEARCH: pike", Plan(("perch 1990", "pike"))),
        ("Here you are:\n- **SEARCH:** perch 1990\n2. search: pike", Plan(("perch 1990", "pike"))),
        ("SEARCH 1: perch 1990\n2. **SEARCH 2**: pike", Plan(("perch 1990", "pike"))),
        ("<think>SEARCH: a trap\nENOUGH</think>\nSEARCH: pike", Plan(("pike",))),
        ("ENOUGH", Plan(())),
        ("**Enough.**", Plan(())),
        ("That is not enough to tell.", None),
        ("SEARCH: perch numbers", Plan(())),
        ("SEARCH:", Plan(())),
        ("", None),
        ("SEARCH: a\nENOUGH", Plan(("a",))),
    ],
)
def test_what_a_reply_in_lines_searches_for(text: str, plan: Plan | None) -> None:
    assert written(text) == plan


def test_tool_calls_and_lines_are_read_in_one_reply() -> None:
    plan = called(("search", {"query": "perch 1990"}), ("split", {"parts": ["perch"]}), text="SEARCH: pike")
    assert plan == Plan(("perch 1990", "pike"), ("perch",))


@pytest.mark.parametrize("arguments", ["{", "[]", '{"query": 7}', '{"q": "perch"}', "[" * 100_000, "null", ""])
def test_tool_calls_that_cannot_be_read_ask_for_nothing(arguments: str) -> None:
    broken = [ToolCall(id=name, name=name, arguments=arguments) for name in ("search", "split", "covered")]
    other = ToolCall(id="d", name="delete_everything", arguments='{"query": "perch"}')
    assert read_plan(ChatReply(text="", tool_calls=(*broken, other)), UNSPLIT) is None


def test_queries_are_bounded_in_number_and_length() -> None:
    plan = called(*(("search", {"query": f"perch {n} {'x' * 1000}"}) for n in range(50)))
    assert plan is not None
    assert plan.queries is not None
    assert len(plan.queries) == MAX_QUERIES
    assert all(len(query) <= MAX_QUERY for query in plan.queries)
    assert written("SEARCH: a\nSEARCH: b\nSEARCH: c", UNSPLIT._replace(queries_left=2)) == Plan(("a", "b"))


# --- parts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "PART: perch in 1990\nPART: perch in 2010",
        "PART 1: perch in 1990\nPART 2: perch in 2010",
        "1. **PART:** perch in 1990\n2. part : perch in 2010\nPART: Perch in 1990",
    ],
)
def test_a_reply_that_only_splits_the_question_does_not_say_that_it_is_enough(text: str) -> None:
    assert written(text) == Plan(None, ("perch in 1990", "perch in 2010"))


def test_parts_come_from_a_tool_call_as_well() -> None:
    assert called(("split", {"parts": ["perch in 1990", 7, None, "pike\n in 1990"]})) == Plan(
        None, ("perch in 1990", "pike in 1990")
    )


def test_a_question_is_split_once() -> None:
    assert written("PART: eels\nSEARCH: eels", SPLIT) == Plan(("eels",))
    assert called(("split", {"parts": ["eels"]}), told=SPLIT) is None


def test_parts_are_bounded_in_number_and_length() -> None:
    plan = written("\n".join(f"PART: perch {n} {'x' * 1000}" for n in range(50)))
    assert plan is not None
    assert len(plan.parts) == MAX_PARTS
    assert all(len(part) <= MAX_PART for part in plan.parts)


# --- marks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "COVERED: 1 S1 S3",
        "COVERED 1: S1, S3",
        "- **COVERED:** part 1 by [S1] and (s3)",
        "COVERED: 1: S1 S3",
    ],
)
def test_a_mark_names_a_part_and_what_answers_it(text: str) -> None:
    assert written(text, SPLIT) == Plan(None, (), (Mark(1, ("a", "c")),))


@pytest.mark.parametrize("found", [["S1", "S3"], [1, 3], ["S1 S3"]])
@pytest.mark.parametrize("part", [1, "1", "part 1"])
def test_a_mark_in_a_tool_call_may_be_written_in_several_ways(part: object, found: list[object]) -> None:
    assert called(("covered", {"part": part, "found": found}), told=SPLIT) == Plan(None, (), (Mark(1, ("a", "c")),))


@pytest.mark.parametrize(
    "text", ["COVERED: 1", "COVERED: 1 S9", "COVERED: S1", "COVERED: perch", "COVERED: 1 S0", "COVERED: 1 SX1", "S1"]
)
def test_a_mark_without_a_part_or_with_nothing_that_was_shown_is_none(text: str) -> None:
    assert written(text, SPLIT) is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"part": 1, "found": "S1"},
        {"part": None, "found": ["S1"]},
        {"part": [[[1]]], "found": ["S1"]},
        {"part": 1, "found": [None, {}, ["S1"], 2.5]},
        {"part": 1},
    ],
)
def test_a_mark_in_a_tool_call_that_cannot_be_read_is_none(arguments: object) -> None:
    assert called(("covered", arguments), told=SPLIT) is None


def test_what_a_planner_was_not_shown_it_cannot_mark() -> None:
    told = SPLIT._replace(records=[{"id": f"r{n}", "text": "Perch."} for n in range(1, 41)], fresh={"r39", "r40"})
    assert written("COVERED: 1 S18 S19 S39 S40", told) == Plan(None, (), (Mark(1, ("r18", "r39", "r40")),))


# --- all of it --------------------------------------------------------------------------------------------------


@given(st.lists(st.text()), st.lists(st.text()))
def test_cleaned_lines_are_new_single_lines_that_say_something(texts: list[str], known: list[str]) -> None:
    cleaned = clean_lines(texts, MAX_QUERY, known)
    assert len(set(cleaned)) == len(cleaned)
    assert all(line.isprintable() and line.strip() == line and 0 < len(line) <= MAX_QUERY for line in cleaned)
    assert clean_lines(cleaned, MAX_QUERY) == cleaned
    assert clean_lines(cleaned, MAX_QUERY, cleaned) == ()


@pytest.mark.parametrize("word", ["*", "</think", "SEARCH", "ENOUGH ", "\n", "PART *", f"SEARCH{'*' * 590}x\n", "1. _"])
def test_a_long_reply_is_read_in_linear_time(word: str) -> None:
    assert written(word * (10**6 // len(word))) is None


@given(st.text(), st.lists(st.tuples(st.sampled_from(["search", "split", "covered"]), st.text())))
def test_no_reply_breaks_the_reading(text: str, calls: list[tuple[str, str]]) -> None:
    made = tuple(ToolCall(id="c", name=name, arguments=arguments) for name, arguments in calls)
    plan = read_plan(ChatReply(text=text, tool_calls=made), SPLIT)
    assert plan is None or plan.parts == ()
