"""Your own LangGraph graph, with its own state and its own `tools` package, and a node that cites.

Run it with: python examples/own_graph/main.py
`refine_node` reads and writes the keys that you name; nothing else of your graph has to change.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from tools.library import find  # noqa: TID251 (the folder beside this file, not citerefine.tools)
from typing_extensions import TypedDict

from citerefine.refiner import Answer
from citerefine.refiner.graph import refine_node


class State(TypedDict, total=False):
    """What this graph calls things."""

    q: str
    docs: list[dict[str, str]]
    final: dict[str, Any]


def look_up(state: State) -> State:
    return {"docs": find(state["q"])}


def build() -> Any:
    builder = StateGraph(State)
    builder.add_node("look_up", look_up)
    builder.add_node("refine", refine_node(question="q", evidence="docs", answer="final"))
    builder.add_edge(START, "look_up")
    builder.add_edge("look_up", "refine")
    builder.add_edge("refine", END)
    return builder.compile()


if __name__ == "__main__":
    state = build().invoke({"q": "Did perch double in Lake Orven?"})
    answer = Answer.model_validate(state["final"])
    print(answer.tagged)
    print(answer.to_markdown())
