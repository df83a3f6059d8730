"""Takes the steps one after the other, without LangGraph.

In: a question, search tools, a context. Out: the answer; events while it comes. The graph (graph.py) takes the same
steps, and can be interrupted and go on; importing LangGraph alone takes longer than answering without a model. Not
here: the steps.
"""

from collections.abc import Callable, Sequence
from typing import Any

from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.events import Event
from citerefine.refiner.agent.state import State, merge_evidence, updated
from citerefine.refiner.agent.steps import Run, Toolbox, first_step, move_on, take_step
from citerefine.refiner.answer import Answer
from citerefine.refiner.protocols import SearchTool


def _nobody(event: Event) -> None:
    """Listens to nothing."""


async def research(
    question: str,
    search: Sequence[SearchTool] = (),
    context: RefinerContext | None = None,
    *,
    reasoning: str = "",
    evidence: Any = None,
    emit: Callable[[Event], None] = _nobody,
) -> Answer:
    """The answer to a question: searched for, refined, verified.

    Args:
        question: any text that is not blank.
        search: where to search.
        context: models, limits and settings.
        reasoning: what an agent thought before; context, never evidence.
        evidence: what is known already, in any form that `read_evidence` reads.
        emit: is told what happens (events.py).

    Raises:
        InputError: if the question is blank, or two tools have one name.
        ModelError: if a model string names nothing that can run here.
        CallError: if the model cannot be asked.
        ReplyError: if what it writes is no answer.
        CitationError: if the answer does not validate and the policy is to raise.
    """
    toolbox, context = Toolbox(search), context or RefinerContext()
    state = State(question=question, reasoning=reasoning, evidence=merge_evidence({}, evidence or ()))
    name = first_step(toolbox)
    while True:
        run = Run(toolbox, context, emit)
        try:
            move = await take_step(name, state, run)
        except Exception as error:
            move = move_on(name, state, run, error)
        if move.answer is not None:
            return move.answer
        state, name = updated(state, move.update), move.to
