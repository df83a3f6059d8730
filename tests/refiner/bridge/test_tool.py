"""The refiner as a tool of an agent: what the model gives, and what it cannot give."""

import asyncio
from typing import Any

import pytest
from tests.refiner.bridge.agents import PERCH, QUESTION, Lake, ask, bare_agent, calls, gone, says

from citerefine.refiner import Answer
from citerefine.refiner.middleware import refine_tool
from citerefine.tools.agent_tool import search_tool


def test_the_refine_tool_takes_its_evidence_from_the_turn_and_not_from_the_model() -> None:
    refine = refine_tool()
    assert [*refine.tool_call_schema.model_json_schema()["properties"]] == ["question"]  # type: ignore[union-attr]
    tools = [search_tool(Lake()), refine]
    result = bare_agent(calls(), calls("refine", question=QUESTION), says("Done."), tools=tools).invoke(ask())
    message = result["messages"][4]
    assert message.content == f"<answer><snippet id={PERCH.id}>{PERCH.text}</snippet></answer>"
    assert Answer.model_validate(message.artifact).answered


def test_the_refine_tool_says_when_nothing_was_searched_yet() -> None:
    chat = bare_agent(calls("refine", question=QUESTION), says("Done."), tools=[refine_tool()])
    result = asyncio.run(chat.ainvoke(ask()))
    assert "search first" in result["messages"][2].content


def test_the_refine_tool_tells_the_model_that_the_refiner_failed() -> None:
    tools = [search_tool(Lake()), refine_tool(gone())]
    result = bare_agent(calls(), calls("refine", question=QUESTION), says("Done."), tools=tools).invoke(ask())
    message = result["messages"][4]
    assert (message.status, "nobody answers" in message.content) == ("error", True)


@pytest.mark.parametrize(
    ("evidence", "arguments"),
    [
        ("artifacts", {"question": " "}),
        ("arguments", {"question": QUESTION, "snippets": [{"text": ""}]}),
        ("arguments", {"question": QUESTION, "snippets": [{"text": PERCH.text, "id": "a b"}]}),
    ],
)
def test_arguments_that_nothing_can_be_done_with_end_no_run(evidence: Any, arguments: dict[str, Any]) -> None:
    refine = refine_tool(evidence=evidence)
    result = bare_agent(calls("refine", **arguments), says("Done."), tools=[refine]).invoke(ask())
    assert result["messages"][2].status == "error"


def test_the_refine_tool_may_take_snippets_from_its_caller() -> None:
    refine = refine_tool(evidence="arguments")
    snippets = [{"text": PERCH.text, "title": "Survey", "id": "p1"}]
    tagged = refine.invoke({"question": QUESTION, "snippets": snippets})
    assert tagged == f"<answer><snippet id=p1>{PERCH.text}</snippet></answer>"
    assert asyncio.run(refine.ainvoke({"question": QUESTION, "snippets": snippets})) == tagged
    schema = refine.tool_call_schema.model_json_schema()  # type: ignore[union-attr]
    assert schema["required"] == ["question", "snippets"]
