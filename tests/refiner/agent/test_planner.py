"""How a planner model is asked: for tool calls first, for lines where it takes none, once more where it only splits."""

import asyncio
import json
from collections.abc import Mapping

import pytest
from tests.scripted_model import ScriptedModel

from citerefine.refiner.agent.coverage import Mark, begin_parts
from citerefine.refiner.agent.findings import Findings
from citerefine.refiner.agent.plan_reply import MAX_PARTS, Plan, read_plan
from citerefine.refiner.agent.planner import ask_planner
from citerefine.refiner.chat.call import ChatCall, ChatReply, ToolCall
from citerefine.refiner.errors import CallError

TOLD = Findings("Did perch double?", ({"id": "a", "text": "Perch."},), 4, 4, asked=("perch numbers",))


def calls(*made: tuple[str, Mapping[str, object]]) -> ChatReply:
    named = [ToolCall(id=f"c{n}", name=name, arguments=json.dumps(given)) for n, (name, given) in enumerate(made)]
    return ChatReply(text="", finish="tool_calls", tool_calls=tuple(named))


def searches(*queries: str) -> ChatReply:
    return calls(*(("search", {"query": query}) for query in queries))


def ask(model: ScriptedModel, plain: set[str] | None = None, told: Findings = TOLD) -> Plan | None:
    return asyncio.run(ask_planner(model, told, set() if plain is None else plain))


def test_tool_calls_are_tried_first_and_taken() -> None:
    model, plain = ScriptedModel(searches("perch 1990", "perch 2010")), set[str]()
    assert ask(model, plain) == Plan(("perch 1990", "perch 2010"))
    assert plain == set()


def test_only_the_tools_that_can_be_of_use_are_offered() -> None:
    def offered(told: Findings) -> list[str]:
        model = ScriptedModel("ENOUGH")
        ask(model, told=told)
        return [tool.name for tool in model.calls[0].tools]

    split = begin_parts(["perch"])
    assert offered(TOLD) == ["search", "split", "covered"]
    assert offered(TOLD._replace(records=())) == ["search", "split"]
    assert offered(TOLD._replace(parts=split)) == ["search", "covered"]


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


def test_a_model_that_makes_one_call_at_a_time_is_asked_once_more_with_what_it_said() -> None:
    model = ScriptedModel(calls(("split", {"parts": ["perch", "pike"]})), searches("pike"))
    assert ask(model) == Plan(("pike",), ("perch", "pike"))
    assert "not split yet" in model.calls[0].messages[1].content
    assert "1. perch: nothing yet\n2. pike: nothing yet" in model.calls[1].messages[1].content
    assert [tool.name for tool in model.calls[1].tools] == ["search", "covered"]


def test_a_model_that_only_marks_is_asked_once_more_unless_all_is_covered() -> None:
    told = TOLD._replace(parts=begin_parts(["perch", "pike"]))
    model = ScriptedModel("COVERED: 1 S1", "SEARCH: pike")
    assert ask(model, told=told) == Plan(("pike",), (), (Mark(1, ("a",)),))
    assert "1. perch: covered by S1" in model.calls[1].messages[1].content
    done = ScriptedModel("COVERED: 1 S1")
    assert ask(done, told=told._replace(parts=begin_parts(["perch"]))) == Plan(None, (), (Mark(1, ("a",)),))
    assert len(done.calls) == 1


def test_a_model_that_splits_and_then_says_nothing_keeps_its_parts() -> None:
    model = ScriptedModel("PART: perch", "Let me think.")
    assert ask(model, {"scripted"}) == Plan(None, ("perch",))
    assert len(model.calls) == 2


def test_the_prompt_for_lines_shows_forms_that_are_read() -> None:
    system = asked(plain=True).messages[0].content
    form = {line.split(":")[0]: line for line in system.splitlines() if line.split(":")[0].isupper()}
    assert set(form) == {"PART", "COVERED", "SEARCH", "ENOUGH"}
    told = TOLD._replace(records=[{"id": f"r{n}", "text": "Perch."} for n in range(1, 6)])
    plan = read_plan(ChatReply(text="\n".join(form.values())), told)
    assert plan == Plan(("a few telling words",), ("one thing that the question asks",), (Mark(1, ("r2", "r5")),))
    assert read_plan(ChatReply(text=form["ENOUGH"]), told) == Plan(())


@pytest.mark.parametrize("plain", [True, False])
def test_both_prompts_name_the_most_parts_and_the_tools_that_are_offered(plain: bool) -> None:
    call = asked(plain=plain)
    assert f"{MAX_PARTS} at most" in call.messages[0].content
    assert "ENOUGH" in call.messages[0].content
    assert all(f"`{tool.name}`" in call.messages[0].content for tool in call.tools)
    assert bool(call.tools) is not plain


def asked(*, plain: bool) -> ChatCall:
    model = ScriptedModel("ENOUGH")
    ask(model, {"scripted"} if plain else set())
    return model.calls[0]
