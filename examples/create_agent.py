"""An agent of LangChain whose replies are replaced by cited answers.

Run it with: python examples/create_agent.py (after: pip install 'citerefine[langchain]')
The chat model is scripted, so that the example needs no network; give create_agent a model of your own in its place.
"""

from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage

from citerefine.refiner import Answer
from citerefine.refiner.middleware import RefinerMiddleware
from citerefine.tools.agent_tool import search_tool
from citerefine.tools.local import LocalSearch
from citerefine.tools.notes import open_notes

QUESTION = "How does ALCE measure citation recall and precision?"


class ScriptedModel(GenericFakeChatModel):
    """Plays a model that searches once and then answers from memory, without a source."""

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Any:
        return self


SCRIPT = [
    AIMessage(
        "I look into the notes.",
        tool_calls=[{"name": "search_notes", "args": {"query": "ALCE citation recall precision"}, "id": "call-1"}],
    ),
    AIMessage("It asks whether the citations entail the sentence, I believe."),
]


def main() -> None:
    with open_notes() as corpus:
        agent = create_agent(
            ScriptedModel(messages=iter(SCRIPT)),
            tools=[search_tool(LocalSearch(corpus), name="search_notes", k=5)],
            middleware=[RefinerMiddleware("extractive")],
        )
        result = agent.invoke({"messages": [HumanMessage(QUESTION)]})

    reply = result["messages"][-1]
    for citation in reply.content_blocks[0]["annotations"]:
        claim = reply.text[citation["start_index"] : citation["end_index"]]
        print(f"{claim}\n    ({citation['title']}, snippet {citation['extras']['snippet_id']})")

    answer = Answer.model_validate(result["cited_answer"])
    print(answer.to_markdown())


if __name__ == "__main__":
    main()
