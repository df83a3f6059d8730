"""Asks the models of a run within what is left of its time and tokens.

In: what a planner or a refiner is told, the context, seconds and tokens. Out: plans and answers, and the tokens that
they took. A planner never ends a run: where it cannot be asked, there is no plan and a note says why. A refiner's
failure is the run's. Not here: what the models are asked (planner.py, chat_refiner.py).
"""

from typing import Final, NamedTuple

from citerefine.refiner.agent.budget import affordable
from citerefine.refiner.agent.context import RefinerContext
from citerefine.refiner.agent.events import Emit
from citerefine.refiner.agent.findings import Findings
from citerefine.refiner.agent.plan_reply import Plan
from citerefine.refiner.agent.planner import ask_planner
from citerefine.refiner.agent.shared_models import chat_model
from citerefine.refiner.agent.within import within
from citerefine.refiner.agent.writing import write_answer
from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.budget import Budget, BudgetedModel
from citerefine.refiner.errors import CALL_FAILURES, CallError
from citerefine.refiner.models import EXTRACTIVE
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.request import RefineRequest

PLANNER_SECONDS: Final = 60.0
"""Longest time for one plan, however much is left."""
REFINER_SHARE: Final = 0.5
"""Share of `max_tokens` that planning leaves to the refiner, or else one whole call of it if that is less."""


class Planned(NamedTuple):
    """What came of asking a planner."""

    plan: Plan | None
    tokens: int
    note: str = ""
    """Why there are no queries, where that is not because it is enough."""


async def plan_with_model(
    findings: Findings, context: RefinerContext, plain: set[str], seconds: float, tokens_used: int
) -> Planned:
    """What the planner of the context plans, within `seconds`.

    Args:
        findings: what it is told.
        context: names the planner, and how many tokens the run may use.
        plain: names of planners that do not take tool calls.
        seconds: how long planning may take.
        tokens_used: tokens that the run has used.

    Raises:
        ModelError: if the planner's name names nothing that can run here.
    """
    if context.planner is None:
        raise ValueError("the context names no planner")
    budget = _budget(_for_planner(context), tokens_used)
    model = _within_budget(await chat_model(context.planner), budget, context)
    plan, why = None, "its reply held no query"
    try:
        plan = await within(min(PLANNER_SECONDS, seconds), ask_planner(model, findings, plain))
    except TimeoutError:
        why = CALL_FAILURES["deadline"]
    except CallError as error:  # a call that was cut off above is recorded as one that missed its deadline
        why = CALL_FAILURES["deadline"] if error.code == "deadline" else str(error)
    note = f"The planner was of no help ({why}); queries were built from the question instead."
    return Planned(plan, budget.used.tokens, note)


def _budget(most: int | None, used: int) -> Budget:
    return Budget(tokens=None if most is None else max(0, most - used))


def _within_budget(model: ChatModel, budget: Budget, context: RefinerContext) -> ChatModel:
    # Counting may cost a call of the server, so that nothing is counted where nothing is bounded.
    return model if context.max_tokens is None else BudgetedModel(model, budget)


def _for_planner(context: RefinerContext) -> int | None:
    """Tokens that planning may use in all; None bounds them not."""
    most = context.max_tokens
    if most is None or context.model == EXTRACTIVE:
        return most
    return most - min(context.settings.total_tokens, round(REFINER_SHARE * most))


async def refine_with_model(
    request: RefineRequest, context: RefinerContext, seconds: float, tokens_used: int, emit: Emit
) -> Answer:
    """The answer of the context's model.

    Raises:
        CallError: if it cannot be asked, or not within `seconds` or within the tokens left.
        ReplyError: if what it writes is no answer.
        CitationError: if the answer does not validate and the policy is to raise.
        ModelError: if its name names nothing that can run here.
    """
    if seconds <= 0:
        raise _too_late(context)
    settings = context.settings.model_copy(update={"deadline": min(context.settings.deadline, seconds)})
    model = _within_budget(await chat_model(context.model), _budget(context.max_tokens, tokens_used), context)
    if context.max_tokens is not None:
        settings = affordable(settings, context.max_tokens - tokens_used)
    try:
        return await within(seconds, write_answer(request, model, settings, emit, live=context.live))
    except TimeoutError as error:  # a model object that keeps no deadline
        raise _too_late(context) from error


def _too_late(context: RefinerContext) -> CallError:
    return CallError(
        f"the {context.max_seconds:g} s of the run were over before there was an answer; raise max_seconds, or ask a "
        "faster model",
        "deadline",
        retryable=True,
    )
