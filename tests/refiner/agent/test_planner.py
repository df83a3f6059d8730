"""What a planner model is asked, and what is read in its reply."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scripted_model import ScriptedModel

from citerefine.refiner.agent.planner import (
    MAX_QUERIES,
    MAX_QUERY,
    Findings,
    Plan,
    ask_planner,
    clean_queries,
    read_plan,
)
from citerefine.refiner.chat.call import ChatCall, ChatReply, ToolCall
from citerefine.refiner.errors import CallError

TOLD = Findings("Did perch double?", "", ("perch numbers",), ({"id": "a", "text": "Perch."},), 4)


def calls(*queries: str) -> ChatReply:
    made = [ToolCall(id=f"c{n}", name="search", arguments=json.dumps({"query": q})) for n, q in enumerate(queries)]
    return ChatReply(text="", finish="tool_calls", tool_calls=tuple(made))


def ask(model: ScriptedModel, plain: set[str] | None = None) -> Plan | None:
    return asyncio.run(ask_planner(model, TOLD, set() if plain is None else plain))


def test_tool_calls_are_tried_first_and_taken() -> None:
    model, plain = ScriptedModel(calls("perch 1990", "perch 2010")), set[str]()
    assert ask(model, plain) == Plan(("perch 1990", "perch 2010"))
    assert [tool.name for tool in model.calls[0].tools] == ["search"]
    assert plain == set()


def test_lines_are_taken_too_where_tools_were_offered() -> None:
    model = ScriptedModel("SEARCH: perch 1990")
    assert ask(model) == Plan(("perch 1990",))
    assert len(model.calls) == 1


@pytest.mark.parametrize("first", [CallError("no tools here", "bad_request"), "I would look for perch."])
def test_a_model_that_does_not_take_tools_is_asked_for_lines_from_then_on(first: str | Exception) -> None:
    model, plain = ScriptedModel(first, "SEARCH: perch 1990", "ENOUGH"), set[str]()
    assert ask(model, plain) == Plan(("perch 1990",))
    assert ask(model, plain) == Plan(())
    assert [bool(call.tools) for call in model.calls] == [True, False, False]
    assert plain == {"scripted"}


def test_other_failures_are_not_taken_for_a_refusal_of_tools() -> None:
    plain = set[str]()
    with pytest.raises(CallError, match="busy"):
        ask(ScriptedModel(CallError("busy", "rate_limited")), plain)
    assert plain == set()


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("SEARCH: perch 1990\nSEARCH: pike", Plan(("perch 1990", "pike"))),
        ("Here you are:\n- **SEARCH:** perch 1990\n2. search: pike", Plan(("perch 1990", "pike"))),
        ("<think>SEARCH: a trap\nENOUGH</think>\nSEARCH: pike", Plan(("pike",))),
        ("ENOUGH", Plan(())),
        ("**Enough.**", Plan(())),
        ("That is not enough to tell.", None),
        ("SEARCH: perch numbers", Plan(())),
        ("SEARCH:", None),
        ("", None),
        ("SEARCH: a\nENOUGH", Plan(("a",))),
    ],
)
def test_what_a_reply_in_lines_means(text: str, plan: Plan | None) -> None:
    got = read_plan(ChatReply(text=text), TOLD)
    assert got == (plan if text != "SEARCH:" else Plan(()))


@pytest.mark.parametrize("arguments", ["{", "[]", '{"query": 7}', '{"q": "perch"}', "[" * 100_000, "null", ""])
def test_tool_calls_that_cannot_be_read_ask_for_nothing(arguments: str) -> None:
    broken = ToolCall(id="c", name="search", arguments=arguments)
    other = ToolCall(id="d", name="delete_everything", arguments='{"query": "perch"}')
    assert read_plan(ChatReply(text="", tool_calls=(broken, other)), TOLD) is None


def test_queries_are_bounded_in_number_and_length() -> None:
    plan = read_plan(calls(*(f"perch {n} {'x' * 1000}" for n in range(50))), TOLD)
    assert plan is not None
    assert len(plan.queries) == MAX_QUERIES
    assert all(len(query) <= MAX_QUERY for query in plan.queries)
    few = read_plan(calls("a", "b", "c"), TOLD._replace(most=2))
    assert few == Plan(("a", "b"))


@given(st.lists(st.text()), st.lists(st.text()))
def test_cleaned_queries_are_new_single_lines_that_say_something(written: list[str], asked: list[str]) -> None:
    cleaned = clean_queries(written, asked)
    assert len(set(cleaned)) == len(cleaned)
    assert all(query.isprintable() and query.strip() == query and 0 < len(query) <= MAX_QUERY for query in cleaned)
    assert clean_queries(cleaned, ()) == cleaned
    assert clean_queries(cleaned, cleaned) == ()


def test_a_long_question_and_much_evidence_make_no_long_prompt() -> None:
    told = Findings("q" * 10**6, "r" * 10**6, ["a" * 300] * 500, [{"id": "x", "text": "t" * 10**6}] * 500, 4)
    model = ScriptedModel(reply=lambda call: "ENOUGH")
    asyncio.run(ask_planner(model, told, set()))
    [call] = model.calls
    assert sum(len(message.content) for message in call.messages) < 20_000


def test_a_long_reply_is_read_in_linear_time() -> None:
    for text in ("*" * 10**6, "</think" * 10**5, "SEARCH" * 10**5, "ENOUGH " * 10**5, "\n" * 10**6):
        assert read_plan(ChatReply(text=text), TOLD) is None


def test_the_prompts_show_the_planner_forms_that_are_read() -> None:
    call: ChatCall = _asked(plain=True)
    form = next(line for line in call.messages[0].content.splitlines() if line.startswith("SEARCH:"))
    assert read_plan(ChatReply(text=form), TOLD) == Plan(("a few telling words",))
    assert "ENOUGH" in call.messages[0].content
    assert "ENOUGH" in _asked(plain=False).messages[0].content


def _asked(*, plain: bool) -> ChatCall:
    model = ScriptedModel("ENOUGH")
    ask(model, {"scripted"} if plain else set())
    return model.calls[0]
