"""The research agent as a LangGraph graph, and its refiner as one node for other people's graphs.

In: search tools, perhaps a checkpointer. Out: `build_graph`: a compiled graph, to run by itself or as a node of
another graph; `refine_node`: a node that reads and writes the keys it is told; `graph`: the graph without search
tools, which `langgraph.json` names. All of them work in `invoke` and in `ainvoke`. Every value in the state is plain
JSON, so that any checkpointer can keep it, also with LANGGRAPH_STRICT_MSGPACK=true.

Limits belong to a run and come from its context (agent/context.py). LangGraph's own `timeout=` is one number for all
runs and refuses `invoke`; its `retry_policy=` would send searches and tokens a second time that no limit counts, and
the clients retry already what may pass. A step that fails all the same leads on through `error_handler=`. Not here:
the steps (agent/steps.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.errors import NodeError
from langgraph.graph import END as GRAPH_END
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime, get_runtime
from langgraph.types import Checkpointer, Command

from citerefine.refiner.agent import steps
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.documents import read_evidence
from citerefine.refiner.agent.events import Emit, Event
from citerefine.refiner.agent.state import GraphInput, GraphOutput, State, merge_evidence
from citerefine.refiner.agent.steps import Move, Run, Toolbox
from citerefine.refiner.agent.writing import write_answer
from citerefine.refiner.background import run as run_in_background
from citerefine.refiner.errors import InputError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.models import EXTRACTIVE
from citerefine.refiner.protocols import ChatModel, SearchTool
from citerefine.refiner.records import Snippet
from citerefine.refiner.refiner import Refiner
from citerefine.refiner.request import RefineRequest
from citerefine.refiner.settings import RefinerSettings

__all__ = ["GraphInput", "GraphOutput", "RefinerContext", "build_graph", "graph", "refine_node"]

RefinerGraph = CompiledStateGraph[State, RefinerContext, GraphInput, GraphOutput]


def build_graph(
    search: Sequence[SearchTool] = (),
    *,
    context: RefinerContext | None = None,
    checkpointer: Checkpointer = None,
    name: str = "refiner",
) -> RefinerGraph:
    """The agent as a compiled graph: `GraphInput` in, `GraphOutput` out, events in `stream_mode="custom"`.

    Args:
        search: where to search; without any, the evidence is what the input holds.
        context: used where a run is given no `RefinerContext`, as in a node of a graph with a context of its own.
        checkpointer: keeps the state, so that a run can be interrupted and go on; only for a graph that is run itself.
        name: the graph's name.

    A run raises InputError for a blank question, ModelError for a model that cannot run here, and what the refiner
    raises: CallError, ReplyError, CitationError. A search that fails is a note in the answer.
    """
    toolbox, default = Toolbox(search), context or RefinerContext()
    builder = StateGraph(State, RefinerContext, input_schema=GraphInput, output_schema=GraphOutput)
    for step, leads_to in steps.LEADS_TO.items():
        destinations = tuple(map(_graph_name, leads_to))
        node = _StepNode(step, toolbox, default)
        # Handlers that are told the error are documented (langgraph.errors.NodeError), and missing in the types.
        handler: Any = node.move_on if step in steps.DEGRADING else None
        builder.add_node(step, node, destinations=destinations, error_handler=handler)
    builder.add_edge(START, steps.first_step(toolbox))
    return builder.compile(checkpointer=checkpointer, name=name)


def _graph_name(step: str) -> str:
    return GRAPH_END if step == steps.END else step


def _command(move: Move) -> Command[str]:
    return Command(update=move.update, goto=_graph_name(move.to))


class _StepNode(Runnable[State, Command[str]]):
    """A step as a node, to be awaited or not."""

    def __init__(self, step: str, toolbox: Toolbox, default: RefinerContext) -> None:
        self.name = step
        self._step, self._toolbox, self._default = step, toolbox, default

    def invoke(self, input: State, config: RunnableConfig | None = None, **kwargs: Any) -> Command[str]:
        return run_in_background(self.ainvoke(input, config))

    async def ainvoke(self, input: State, config: RunnableConfig | None = None, **kwargs: Any) -> Command[str]:
        return _command(await steps.take_step(self._step, input, self._run(get_runtime(RefinerContext))))

    def move_on(self, state: State, runtime: Runtime[RefinerContext], error: NodeError) -> Command[str]:
        """Where the step leads if it fails."""
        return _command(steps.move_on(self._step, state, self._run(runtime), error.error))

    def _run(self, runtime: Runtime[RefinerContext]) -> Run:
        # A caller may give no context (None), and a parent graph hands on its own.
        context = runtime.context if isinstance(runtime.context, RefinerContext) else self._default
        return Run(self._toolbox, context, runtime.stream_writer)


class _Keys(NamedTuple):
    """Where a state keeps what the refiner reads and writes."""

    question: str
    evidence: str
    answer: str
    reasoning: str | None


def refine_node(
    question: str = "question",
    evidence: str = "evidence",
    answer: str = "answer",
    reasoning: str | None = None,
    *,
    model: str | ChatModel = EXTRACTIVE,
    settings: RefinerSettings | None = None,
    live: bool = False,
) -> Runnable[Any, dict[str, Any]]:
    """A node that answers from evidence in your graph's state; the state's keys are yours to name.

    Args:
        question: key of the question.
        evidence: key of the evidence: snippets, dicts of their fields, LangChain documents, in a list or in a dict by
            id; None is no evidence.
        answer: key that the answer is written to, as `Answer.model_dump(mode="json")`: plain JSON for checkpointers,
            which `Answer.model_validate` reads back and checks.
        reasoning: key of what your agent thought, if it keeps that.
        model: who writes.
        settings: how.
        live: whether claims are told while they are written, as in `RefinerContext`.

    Raises ModelError here where the model string names nothing that can run. In a run it raises InputError for a state
    without question or evidence, and what the refiner raises. Claims are custom stream events (agent/events.py).
    """
    Refiner(model, settings)  # complains now of a model that cannot be
    return _RefineNode(_Keys(question, evidence, answer, reasoning), model, settings or RefinerSettings(), live)


class _RefineNode(Runnable[Any, dict[str, Any]]):
    """The refiner as a node, to be awaited or not."""

    def __init__(self, keys: _Keys, model: str | ChatModel, settings: RefinerSettings, live: bool) -> None:
        self.name = "refine"
        self._keys, self._model, self._settings, self._live = keys, model, settings, live

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:
        return run_in_background(self.ainvoke(input, config))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:
        answer = await write_answer(
            self._request(input), self._model, self._settings, _listener(), live=self._live
        )
        return {self._keys.answer: answer.model_dump(mode="json")}

    def _request(self, state: Any) -> RefineRequest:
        keys = self._keys
        records = merge_evidence({}, read_evidence(_value(state, keys.evidence)))
        return RefineRequest(
            question=_text(state, keys.question),
            evidence=Evidence(map(Snippet.model_validate, records.values())),
            reasoning="" if keys.reasoning is None else _text(state, keys.reasoning, missing=""),
            mode=self._settings.mode,
        )


def _value(state: Any, key: str) -> Any:
    """What a state (a dict, a dataclass or a model) keeps under a key. Raises InputError if it has none."""
    held = state if isinstance(state, Mapping) else vars(state)
    if key not in held:
        raise InputError(f"the state has no {key!r}; it has: {', '.join(map(str, held))}")
    return held[key]


def _text(state: Any, key: str, missing: str | None = None) -> str:
    held = state if isinstance(state, Mapping) else vars(state)
    value = missing if missing is not None and held.get(key) is None else _value(state, key)
    if not isinstance(value, str):
        raise InputError(f"{key!r} in the state is to be text; got {type(value).__name__}")
    return value


def _listener() -> Emit:
    """Who hears the events of a node: the run's custom stream; nobody where the node is called outside of a graph."""
    try:
        return get_runtime().stream_writer
    except RuntimeError:
        return _nobody


def _nobody(event: Event) -> None:
    """Listens to nothing."""


graph = build_graph()
"""The graph without search tools: it answers from the evidence of its input. `langgraph.json` names it, and what loads
it from there looks into the module itself, so that it is made at once; that takes a few milliseconds."""
