"""Runs with a planner model: parts, follow-up queries, when searching ends, what is told and what stands in notes."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from tests.refiner.agent.scripted_search import ScriptedSearch, passages
from tests.scripted_model import ScriptedModel

from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.run import research
from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.errors import CallError
from citerefine.refiner.graph import build_graph
from citerefine.refiner.records import Snippet

QUESTION = "Did perch double in Lake Orven, and did pike vanish from Lake Veld?"
PERCH, PIKE = passages("Perch in Lake Orven doubled by 2010.", "Pike vanished from Lake Veld in 1990.")
SPLIT = "PART: perch in Lake Orven\nPART: pike in Lake Veld"


def lakes(query: str) -> list[Snippet]:
    """Finds perch or pike, as asked."""
    return [snippet for word, snippet in (("perch", PERCH), ("pike", PIKE)) if word in query]


class Told:
    """A run and all that was told while it worked."""

    def __init__(self, replies: Sequence[str | Exception], *tools: ScriptedSearch, **context: Any) -> None:
        self.planner = ScriptedModel(*replies)
        self.events = list[dict[str, Any]]()
        self.tools = tools or (ScriptedSearch("lakes", lakes),)
        made = RefinerContext(planner=self.planner, **context)
        self.answer: Answer = asyncio.run(research(QUESTION, self.tools, made, emit=self.events.append))

    @property
    def prompts(self) -> list[str]:
        return [call.messages[1].content for call in self.planner.calls]

    @property
    def plans(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == "plan"]


# --- parts and follow-up queries --------------------------------------------------------------------------------


def test_each_turn_is_told_what_every_part_has_and_what_every_query_found() -> None:
    run = Told([f"{SPLIT}\nSEARCH: perch orven", "COVERED: 1 S1\nSEARCH: pike veld", "COVERED: 2 S2"])
    first, second, third = run.prompts
    assert "<parts>\nnot split yet\n</parts>" in first
    assert "1. perch in Lake Orven: nothing yet\n2. pike in Lake Veld: nothing yet" in second
    assert "perch orven — lakes: 1 found, 1 new" in second
    assert f"S1 {PERCH.text}" in second
    assert "1. perch in Lake Orven: covered by S1\n2. pike in Lake Veld: nothing yet" in third
    assert "pike veld — lakes: 1 found, 1 new" in third
    assert run.tools[0].queries == ["perch orven", "pike veld"]
    assert [snippet.id for snippet in run.answer.evidence.snippets] == [PERCH.id, PIKE.id]


def test_every_turn_is_an_event_with_parts_their_evidence_and_the_next_queries() -> None:
    run = Told([f"{SPLIT}\nSEARCH: perch orven", "COVERED: 1 S1\nSEARCH: pike veld", "COVERED: 2 S2"])
    texts = ["perch in Lake Orven", "pike in Lake Veld"]
    evidence = [[[], []], [[PERCH.id], []], [[PERCH.id], [PIKE.id]]]
    assert [[part["text"] for part in plan["parts"]] for plan in run.plans] == [texts] * 3
    assert [[part["ids"] for part in plan["parts"]] for plan in run.plans] == evidence
    assert [plan["queries"] for plan in run.plans] == [["perch orven"], ["pike veld"], []]


def test_without_a_planner_nothing_is_told_of_parts() -> None:
    events = list[dict[str, Any]]()
    asyncio.run(research(QUESTION, [ScriptedSearch("lakes", lakes)], emit=events.append))
    assert "plan" not in {event["type"] for event in events}


def test_a_planner_that_does_not_split_the_question_plans_all_the_same() -> None:
    run = Told(["SEARCH: perch orven", "SEARCH: pike veld", "ENOUGH"])
    assert run.tools[0].queries == ["perch orven", "pike veld"]
    assert [plan["parts"] for plan in run.plans] == [[], [], []]
    assert run.answer.notes == Told(["SEARCH: perch orven\nSEARCH: pike veld", "ENOUGH"]).answer.notes


def test_a_source_that_failed_is_told_as_such() -> None:
    broken = ScriptedSearch("broken", ConnectionError())
    run = Told([f"{SPLIT}\nSEARCH: perch", "ENOUGH"], ScriptedSearch("lakes", lakes), broken)
    assert "<sources>\nlakes\nbroken\n</sources>" in run.prompts[0]
    assert "<sources>\nlakes\nbroken: failed, is asked no more\n</sources>" in run.prompts[1]
    assert "perch — lakes: 1 found, 1 new; broken: failed" in run.prompts[1]


# --- the budget -------------------------------------------------------------------------------------------------


def test_no_more_queries_are_promised_than_can_be_sent_to_a_source() -> None:
    tools = [ScriptedSearch(name, lakes) for name in ("one", "two", "three")]
    run = Told([f"{SPLIT}\n" + "\n".join(f"SEARCH: perch {n}" for n in range(4))], *tools, max_searches=4)
    assert "Queries left: 2. Searches left: 4;" in run.prompts[0]
    assert run.plans[0]["queries"] == ["perch 0", "perch 1"]
    assert [tool.queries for tool in tools] == [["perch 0", "perch 1"], ["perch 0"], ["perch 0"]]


@pytest.mark.parametrize(("most", "left"), [(1, [1]), (2, [2, 1]), (3, [3, 2, 1])])
def test_the_searches_that_are_told_to_be_left_are_left(most: int, left: list[int]) -> None:
    numbers = iter(range(100))
    tool = ScriptedSearch("lakes", lambda query: passages(f"{query} is new."))
    planner = ScriptedModel(reply=lambda _: f"SEARCH: perch {next(numbers)}")
    asyncio.run(research(QUESTION, [tool], RefinerContext(planner=planner, max_searches=most)))
    said = [call.messages[1].content.splitlines()[-1].split(".")[0] for call in planner.calls]
    assert said == [f"Queries left: {n}" for n in left]
    assert len(tool.queries) == most


def test_tokens_left_and_the_limit_of_time_are_told_and_not_the_time_left_which_a_replay_could_not_tell() -> None:
    slow = Told([f"{SPLIT}\nSEARCH: perch", "ENOUGH"], ScriptedSearch("lakes", lakes, delay=0.05), max_tokens=9000)
    fast = Told([f"{SPLIT}\nSEARCH: perch", "ENOUGH"], ScriptedSearch("lakes", lakes), max_tokens=9000)
    told = [message.content for message in slow.planner.calls[0].messages]
    used = sum(map(estimate_tokens, [*told, f"{SPLIT}\nSEARCH: perch"]))
    assert "The whole run may take 300 seconds." in slow.prompts[1]
    assert "the answer included: 9000." in slow.prompts[0]
    assert f"the answer included: {9000 - used}." in slow.prompts[1]
    assert slow.prompts == fast.prompts


# --- when searching ends ----------------------------------------------------------------------------------------


def test_searching_ends_when_all_parts_are_covered_though_more_is_asked_for() -> None:
    run = Told([f"{SPLIT}\nSEARCH: perch\nSEARCH: pike", "COVERED: 1 S1\nCOVERED: 2 S2\nSEARCH: eels"])
    assert run.tools[0].queries == ["perch", "pike"]
    assert run.plans[-1]["queries"] == []


def test_evidence_that_is_given_and_covers_all_parts_needs_no_search() -> None:
    planner, tool = ScriptedModel(f"{SPLIT}\nCOVERED: 1 S1\nCOVERED: 2 S2\nSEARCH: perch"), ScriptedSearch("lakes")
    asyncio.run(research(QUESTION, [tool], RefinerContext(planner=planner), evidence=[PERCH, PIKE]))
    assert tool.queries == []


def test_marks_of_what_does_not_exist_cover_nothing() -> None:
    run = Told([f"{SPLIT}\nSEARCH: perch", "COVERED: 1 S1\nCOVERED: 2 S7\nSEARCH: pike", "ENOUGH"])
    assert run.tools[0].queries == ["perch", "pike"]
    assert run.plans[1]["parts"][1]["ids"] == []


def test_searching_ends_when_nothing_new_is_found_twice_in_a_row() -> None:
    queries = ("ice", "perch", "lakes with perch", "more ice", "pike")
    run = Told([f"SEARCH: {query}" for query in queries], max_searches=50)
    found = [(event["query"], event["found"]) for event in run.events if event["type"] == "search" and event["outcome"]]
    assert found == [("ice", 0), ("perch", 1), ("lakes with perch", 1), ("more ice", 0)]


def test_searching_ends_when_the_planner_says_that_it_is_enough() -> None:
    run = Told([f"{SPLIT}\nSEARCH: perch", "COVERED: 1 S1\nENOUGH"])
    assert run.tools[0].queries == ["perch"]


def test_a_planner_that_repeats_itself_asks_for_nothing_new() -> None:
    run = Told([f"{SPLIT}\nSEARCH: perch", "SEARCH: Perch!"])
    assert run.tools[0].queries == ["perch"]


def test_a_planner_that_fails_on_the_way_costs_its_queries_and_no_parts() -> None:
    run = Told([f"{SPLIT}\nSEARCH: perch", CallError("busy", "rate_limited"), "COVERED: 1 S1\nENOUGH"])
    assert run.tools[0].queries == ["perch", "perch in Lake Orven"]
    assert [note for note in run.answer.notes if "The planner was of no help (busy)" in note]
    assert [part["ids"] for part in run.plans[-1]["parts"]] == [[PERCH.id], []]


def test_the_parts_of_a_planner_that_only_splits_the_question_are_searched_for() -> None:
    run = Told([SPLIT, *["Hm."] * 4])
    assert run.tools[0].queries == ["perch in Lake Orven", "pike in Lake Veld"]
    assert "The planner was of no help (its reply held no query)" in " ".join(run.answer.notes)


# --- what was not found -----------------------------------------------------------------------------------------


def test_a_part_that_nothing_was_found_on_is_named_in_the_answer() -> None:
    run = Told([f"{SPLIT}\nSEARCH: perch", "COVERED: 1 S1\nSEARCH: lake veld", "ENOUGH"])
    said = "Nothing was found on: pike in Lake Veld."
    assert said in run.answer.notes
    assert {"type": "warning", "message": said} in run.events


def test_a_part_that_nobody_marked_is_not_said_to_be_missing_where_its_words_were_found() -> None:
    run = Told([f"{SPLIT}\nSEARCH: perch\nSEARCH: pike", "ENOUGH"])
    assert not [note for note in run.answer.notes if "Nothing was found on" in note]


# --- the state --------------------------------------------------------------------------------------------------


def test_parts_and_searches_of_one_question_are_not_told_in_the_next() -> None:
    prompts = list[str]()

    def reply(call: ChatCall) -> str:
        prompts.append(call.messages[1].content)
        return {1: f"{SPLIT}\nSEARCH: perch", 3: f"{SPLIT}\nSEARCH: ice"}.get(len(prompts), "ENOUGH")

    agent = build_graph([ScriptedSearch("lakes", lakes)], checkpointer=InMemorySaver())
    context = RefinerContext(planner=ScriptedModel(reply=reply))
    thread: Any = {"configurable": {"thread_id": "one"}}
    for question in (QUESTION, "And perch in Lake Orven?"):
        agent.invoke({"question": question}, thread, context=context)
    assert "1. perch in Lake Orven: nothing yet" in prompts[1]
    assert "not split yet" in prompts[2]
    assert "<searched>\nnothing yet" in prompts[2]
    state = agent.get_state(thread).values
    assert (state["parts"], state["searched"], state["barren"]) == ([], [], 0)
