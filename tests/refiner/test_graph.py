"""The agent as a LangGraph graph: by itself, inside other graphs, interrupted, served."""

import asyncio
import importlib.util
import json
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from tests.refiner.agent.scripted_search import ReadingSearch, ScriptedSearch, passages
from tests.scripted_model import ScriptedModel
from typing_extensions import TypedDict

from citerefine.refiner.agent import steps
from citerefine.refiner.agent.run import research
from citerefine.refiner.agent.state import State
from citerefine.refiner.agent.steps import Move, Run
from citerefine.refiner.answer import Answer
from citerefine.refiner.errors import CallError, CitationError, InputError, ModelError
from citerefine.refiner.graph import RefinerContext, build_graph, graph, refine_node
from citerefine.refiner.records import Snippet

ROOT = Path(__file__).parents[2]
QUESTION = "Did perch double in Lake Orven?"
PERCH = passages("Perch in Lake Orven doubled between 1990 and 2010.")
RECORD = {"id": "a", "text": PERCH[0].text}
ANSWER = "<answer><snippet id=S1>Perch doubled.</snippet></answer>"
THREAD: RunnableConfig = {"configurable": {"thread_id": "one"}}


def test_the_graph_gives_what_the_steps_give_without_it_awaited_or_not() -> None:
    agent = build_graph([ScriptedSearch("lakes", PERCH)])
    expected = asyncio.run(research(QUESTION, [ScriptedSearch("lakes", PERCH)]))
    for output in (agent.invoke({"question": QUESTION}), asyncio.run(agent.ainvoke({"question": QUESTION}))):
        assert [*output] == ["answer", "notes"]
        assert Answer.model_validate(output["answer"]) == expected
        assert output["notes"] == [*expected.notes]


def test_it_works_where_an_event_loop_runs_already() -> None:
    async def in_a_notebook() -> Any:
        return graph.invoke({"question": QUESTION, "evidence": [RECORD]})

    assert asyncio.run(in_a_notebook())["answer"]["text"] == PERCH[0].text


def test_a_context_may_be_an_object_a_dict_or_nothing() -> None:
    tool = ScriptedSearch("lakes", PERCH)
    agent: Any = build_graph([tool])
    agent.invoke({"question": QUESTION}, context=RefinerContext(max_searches=0))
    agent.invoke({"question": QUESTION}, context={"max_searches": 0, "settings": {"on_invalid": "drop"}})
    assert tool.queries == []
    agent.invoke({"question": QUESTION})
    assert tool.queries == [QUESTION]
    with pytest.raises(ValueError, match="max_serches"):
        agent.invoke({"question": QUESTION}, context={"max_serches": 0})
    with pytest.raises(ValueError, match="max_searches"):
        RefinerContext(max_searches=-1)


def test_its_schemas_are_narrow_and_plain_json() -> None:
    assert [*graph.get_input_jsonschema()["properties"]] == ["question", "reasoning", "evidence"]
    assert graph.get_input_jsonschema()["required"] == ["question"]
    assert [*graph.get_output_jsonschema()["properties"]] == ["answer", "notes"]
    context = graph.get_context_jsonschema() or {}
    assert context["properties"]["max_searches"]["default"] == 4
    assert context["properties"]["model"] == {"default": "extractive", "title": "Model", "type": "string"}


def test_events_come_as_custom_stream_parts() -> None:
    agent: Any = build_graph([ScriptedSearch("lakes", PERCH)])

    async def streamed() -> list[Any]:
        parts = agent.astream({"question": QUESTION}, stream_mode=["custom", "values"], version="v2")
        return [part async for part in parts]

    at_once = agent.stream({"question": QUESTION}, stream_mode=["custom", "values"], version="v2")
    for parts in (asyncio.run(streamed()), [*at_once]):
        events = [part["data"] for part in parts if part["type"] == "custom"]
        kinds = ["step", "step", "search", "search", "snippet", "step", "claim"]
        assert [event["type"] for event in events] == kinds
        assert parts[-1]["data"]["answer"]["text"] == PERCH[0].text


def test_all_that_a_checkpointer_is_given_is_json() -> None:
    def found(query: str) -> list[Snippet]:
        return passages("Perch doubled.") if query == QUESTION else PERCH

    tools = [ReadingSearch("lakes", found, passages("More.")), ScriptedSearch("broken", ConnectionError())]
    agent = build_graph(tools, checkpointer=InMemorySaver())
    agent.invoke({"question": QUESTION, "reasoning": "Hm."}, THREAD)
    history = [*agent.get_state_history(THREAD)]
    assert len(history) > 6
    for state in history:
        assert json.loads(json.dumps(state.values)) == state.values


def test_a_thread_that_has_answered_keeps_nothing_for_its_next_question() -> None:
    tool = ScriptedSearch("lakes", lambda query: PERCH if "perch" in query else passages("Pike vanished."))
    agent = build_graph([tool], checkpointer=InMemorySaver())
    agent.invoke({"question": QUESTION}, THREAD)
    second = agent.invoke({"question": "Did pike vanish?"}, THREAD)
    assert [snippet["text"] for snippet in second["answer"]["evidence"]["snippets"]] == ["Pike vanished."]
    assert agent.invoke({"question": QUESTION}, THREAD)["answer"]["answered"]
    assert tool.queries == [QUESTION, "Did pike vanish?", QUESTION]


def test_notes_on_one_question_do_not_reach_the_next() -> None:
    tool = ScriptedSearch("lakes", lambda query: PERCH if "perch" in query else ConnectionError())
    agent = build_graph([tool], checkpointer=InMemorySaver())
    assert agent.invoke({"question": "Did pike vanish?"}, THREAD)["notes"] == [
        "lakes was not reachable: ConnectionError."
    ]
    assert agent.invoke({"question": QUESTION}, THREAD)["notes"] == []


# --- interrupted ------------------------------------------------------------------------------------------------


def test_a_run_that_failed_goes_on_where_it_failed() -> None:
    tool = ScriptedSearch("lakes", PERCH)
    model = ScriptedModel(CallError("the server is down", "unreachable"), ANSWER)
    agent = build_graph([tool], checkpointer=InMemorySaver())
    context = RefinerContext(model=model)
    with pytest.raises(CallError, match="the server is down"):
        agent.invoke({"question": QUESTION}, THREAD, context=context)
    assert agent.get_state(THREAD).next == ("refine",)
    assert agent.invoke(None, THREAD, context=context)["answer"]["text"] == "Perch doubled."
    assert tool.queries == [QUESTION]


def test_the_same_with_sqlite_across_savers(tmp_path: Path) -> None:
    tool = ScriptedSearch("lakes", PERCH)
    path = str(tmp_path / "runs.db")

    async def first() -> None:
        async with AsyncSqliteSaver.from_conn_string(path) as saver:
            agent = build_graph([tool], checkpointer=saver)
            model = ScriptedModel(CallError("down", "unreachable"))
            with pytest.raises(CallError, match="down"):
                await agent.ainvoke({"question": QUESTION}, THREAD, context=RefinerContext(model=model))

    asyncio.run(first())
    with SqliteSaver.from_conn_string(path) as saver:
        agent = build_graph([tool], checkpointer=saver)
        output = agent.invoke(None, THREAD, context=RefinerContext(model=ScriptedModel(ANSWER)))
    assert output["answer"]["text"] == "Perch doubled."
    assert tool.queries == [QUESTION]


def test_a_pause_before_going_on_is_no_working_time() -> None:
    model = ScriptedModel(CallError("down", "unreachable"), ANSWER)
    agent = build_graph([ScriptedSearch("lakes", PERCH)], checkpointer=InMemorySaver())
    context = RefinerContext(model=model, max_seconds=0.4)
    with pytest.raises(CallError, match="down"):
        agent.invoke({"question": QUESTION}, THREAD, context=context)
    assert agent.get_state(THREAD).values["seconds"] < 0.4
    asyncio.run(asyncio.sleep(0.5))
    assert agent.invoke(None, THREAD, context=context)["answer"]["answered"]


@pytest.mark.parametrize("step", ["plan", "search", "read"])
def test_a_crash_before_refining_leads_on_to_an_answer(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(state: State, run: Run) -> Move:
        raise KeyError("a defect")

    monkeypatch.setitem(steps.STEPS, step, crash)
    agent = build_graph([ReadingSearch("lakes", PERCH, ())])
    given: Any = {"question": QUESTION, "evidence": [{"text": "Perch do double in lakes."}]}
    for output in (agent.invoke(given), asyncio.run(agent.ainvoke(given))):
        assert f"The step '{step}' failed (KeyError); the answer rests on what was found before." in output["notes"]
        assert output["answer"]["evidence"]["snippets"]


def test_what_the_refiner_raises_comes_out_as_it_is() -> None:
    bad = "<answer><snippet id=S9>Perch doubled.</snippet></answer>"
    context = RefinerContext(model=ScriptedModel(reply=lambda _: bad), settings={"on_invalid": "raise"})  # type: ignore[arg-type]
    with pytest.raises(CitationError) as failed:
        graph.invoke({"question": QUESTION, "evidence": [RECORD]}, context=context)
    assert failed.value.answer.text == "Perch doubled."
    with pytest.raises(InputError, match="the question is empty"):
        graph.invoke({"question": " "})
    with pytest.raises(ModelError, match="gpt-9"):
        graph.invoke({"question": QUESTION}, context=RefinerContext(model="gpt-9"))


# --- inside other graphs ----------------------------------------------------------------------------------------


class Parent(TypedDict, total=False):
    question: str
    evidence: Annotated[list[dict[str, Any]], operator.add]
    notes: Annotated[list[str], operator.add]
    answer: dict[str, Any]


@dataclass
class ParentContext:
    user: str = "nobody"


def test_as_a_subgraph_it_doubles_nothing_of_its_parent() -> None:
    builder = StateGraph(Parent, ParentContext)
    builder.add_node("refiner", build_graph(context=RefinerContext(model=ScriptedModel(ANSWER, ANSWER))))
    builder.add_edge(START, "refiner")
    parent = builder.compile()
    given: Any = {"question": QUESTION, "evidence": [RECORD], "notes": ["mine"]}
    for output in (
        parent.invoke(given, context=ParentContext()),
        asyncio.run(parent.ainvoke(given, context=ParentContext(user="me"))),
    ):
        assert output["evidence"] == [RECORD]
        assert output["answer"]["text"] == "Perch doubled."
        assert output["notes"] == ["mine", *output["answer"]["notes"]]


def test_its_events_carry_its_name_in_a_parent() -> None:
    builder = StateGraph(Parent)
    builder.add_node("refiner", build_graph())
    builder.add_edge(START, "refiner")
    given: Any = {"question": QUESTION, "evidence": [RECORD]}
    parent: Any = builder.compile()
    parts = [*parent.stream(given, stream_mode=["custom"], subgraphs=True, version="v2")]
    assert {part["ns"][0].split(":")[0] for part in parts} == {"refiner"}
    assert [part["data"]["text"] for part in parts if part["data"]["type"] == "claim"] == [PERCH[0].text]


class Own(TypedDict, total=False):
    q: str
    docs: Any
    thoughts: str | None
    final: dict[str, Any]


def own_graph(node: Any) -> Any:
    builder = StateGraph(Own)
    builder.add_node("refine", node)
    builder.add_edge(START, "refine")
    builder.add_edge("refine", END)
    return builder.compile()


@pytest.mark.parametrize(
    "docs",
    [
        [RECORD],
        {"a": {"text": PERCH[0].text}},
        [Snippet.model_validate(RECORD)],
        [Document(PERCH[0].text, metadata={"snippet_id": "a"})],
        [RECORD, RECORD],
    ],
)
def test_a_node_reads_and_writes_the_keys_that_it_is_told(docs: object) -> None:
    mine = own_graph(refine_node(question="q", evidence="docs", answer="final"))
    given = {"q": QUESTION, "docs": docs}
    for output in (mine.invoke(given), asyncio.run(mine.ainvoke(given))):
        answer = Answer.model_validate(json.loads(json.dumps(output["final"])))
        assert answer.claims[0].citations == ("a",)
        assert len(answer.evidence) == 1


def test_a_node_hands_on_the_reasoning_and_tells_of_claims() -> None:
    model = ScriptedModel(ANSWER)
    mine = own_graph(refine_node("q", "docs", "final", "thoughts", model=model))
    parts = [*mine.stream({"q": QUESTION, "docs": [RECORD], "thoughts": "Perch are fish."}, stream_mode="custom")]
    assert [part["text"] for part in parts if part["type"] == "claim"] == ["Perch doubled."]
    assert any("Perch are fish." in message.content for message in model.calls[0].messages)


def test_a_node_works_on_states_of_every_kind_and_by_itself() -> None:
    @dataclass
    class Kept:
        question: str
        evidence: list[Any]
        answer: dict[str, Any] | None = None

    node = refine_node()
    assert node.invoke(Kept(QUESTION, [RECORD]))["answer"]["answered"]
    assert node.invoke({"question": QUESTION, "evidence": None})["answer"]["answered"] is False


def test_a_node_names_what_is_wrong() -> None:
    with pytest.raises(ModelError, match="gpt-9"):
        refine_node(model="gpt-9")
    with pytest.raises(InputError, match="the state has no 'docs'; it has: q"):
        own_graph(refine_node("q", "docs", "final")).invoke({"q": QUESTION})
    with pytest.raises(InputError, match="'q' in the state is to be text; got int"):
        own_graph(refine_node("q", "docs", "final")).invoke({"q": 7, "docs": []})


# --- served -----------------------------------------------------------------------------------------------------


def test_langgraph_json_names_a_graph_that_a_loader_finds_by_its_path() -> None:
    served = json.loads((ROOT / "langgraph.json").read_text())
    path, _, name = served["graphs"]["refiner"]["path"].partition(":")
    spec = importlib.util.spec_from_file_location("served_by_path", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Any = module.__dict__[name]
    assert found.name == "refiner"
    output = found.invoke({"question": QUESTION, "evidence": [RECORD]})
    assert output["answer"]["text"] == PERCH[0].text


def test_many_runs_at_once_do_not_mix() -> None:
    agent = build_graph([ScriptedSearch("lakes", lambda query: passages(f"The fish {query.split()[-1]} is alone."))])

    async def all_at_once() -> Any:
        return await asyncio.gather(*(agent.ainvoke({"question": f"Which fish is n{n}x"}) for n in range(40)))

    for n, output in enumerate(asyncio.run(all_at_once())):
        assert [f"n{n}x" in snippet["text"] for snippet in output["answer"]["evidence"]["snippets"]] == [True]


def test_a_long_run_is_not_cut_off_by_langgraphs_own_limit() -> None:
    numbers = iter(range(1000))
    tool = ScriptedSearch("lakes", lambda _: passages(f"Perch number {next(numbers)} is new."))
    planner = ScriptedModel(reply=lambda call: f"SEARCH: perch {next(numbers)}")
    context = RefinerContext(planner=planner, max_searches=60)
    output = build_graph([tool]).invoke({"question": QUESTION}, context=context)
    assert len(output["answer"]["evidence"]["snippets"]) == 60
    assert len(tool.queries) == 60
