"""The stage `evidence`: what the agent finds for a question.

In: a question. Out: its snippets, as the agent would show them to a refiner, and notes of the run. A question that has
snippets keeps them. The agent writes no answer with a model here: answers are sampled apart (sampling.py). Not here:
how it searches (citerefine.refiner.agent).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.run import research
from citerefine.refiner.protocols import SearchTool
from citerefine.training.data.building.stages import StageError, Values


class FindEvidence:
    """Searches for each question."""

    name = "evidence"

    def __init__(self, tools: Sequence[SearchTool], context: RefinerContext, searched: Sequence[str] = ()) -> None:
        """Names where to search.

        Args:
            tools: where to search.
            context: planner and limits; its `model` is not asked.
            searched: the state of what is searched; with another one, it is searched anew.
        """
        self._tools = tools
        self._context = context
        self.settings: Mapping[str, Any] = {
            "tools": [tool.name for tool in tools],
            "searched": [*searched],
            "planner": context.as_json()["planner"],
            "max_searches": context.max_searches,
            "snippets_per_search": context.snippets_per_search,
        }

    async def make(self, row: Values) -> dict[str, Any]:
        """Snippets of a question. Raises StageError if there is none."""
        if row.get("snippets"):
            return {}
        answer = await research(row["question"], self._tools, self._context, reasoning=row.get("reasoning") or "")
        snippets = answer.evidence.snippets
        if not snippets:
            why = f": {answer.notes[-1]}" if answer.notes else ""
            raise StageError("no_evidence", f"nothing was found{why}")
        return {
            "snippets": [snippet.model_dump(mode="json", exclude_none=True) for snippet in snippets],
            "evidence_notes": [*answer.notes],
        }
