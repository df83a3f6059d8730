"""Plans searches with a chat model, which calls tools or writes lines.

In: what the planner is told. Out: its `Plan`; None where its replies are none. On its first turn a planner splits the
question into parts; on later ones it says what was found for them, and asks for what is missing. Tool calls are tried
first; a model that refuses them, or does not use them, is asked for lines from then on. Not here: what is told
(findings.py), what is read in a reply (plan_reply.py), how many searches there may be (steps.py).
"""

from typing import Final

from citerefine.refiner.agent.coverage import all_covered, begin_parts, mark_parts
from citerefine.refiner.agent.findings import Findings, prompt_template, told
from citerefine.refiner.agent.plan_reply import COVERED_TOOL, SEARCH_TOOL, SPLIT_TOOL, Plan, read_plan
from citerefine.refiner.chat.call import ChatCall, Message, Sampling, ToolSpec
from citerefine.refiner.errors import CallError
from citerefine.refiner.protocols import ChatModel

MAX_REPLY: Final = 400
"""Most tokens of a reply."""


async def ask_planner(model: ChatModel, findings: Findings, plain: set[str]) -> Plan | None:
    """What the model plans; None if its reply is no plan.

    A model that only tells of parts, as one that makes one tool call at a time, is asked once more with these.

    Args:
        model: the planner.
        findings: what it is told.
        plain: names of planners that do not take tool calls; this one is added where it turns out to be one.

    Raises:
        CallError: if the model cannot be asked.
    """
    plan = await _ask(model, findings, plain)
    if plan is None or plan.queries is not None:
        return plan
    later = with_plan(findings, plan)
    if all_covered(later.parts):
        return plan
    more = await _ask(model, later, plain)
    return plan if more is None else Plan(more.queries, plan.parts or more.parts, plan.marks + more.marks)


def with_plan(findings: Findings, plan: Plan) -> Findings:
    """What a planner is told after its plan was taken: its parts and marks with the others."""
    parts = [*findings.parts] or begin_parts(plan.parts)
    return findings._replace(parts=mark_parts(parts, plan.marks, {record["id"] for record in findings.records}))


async def _ask(model: ChatModel, findings: Findings, plain: set[str]) -> Plan | None:
    if model.name not in plain:
        plan = await _ask_with_tools(model, findings)
        if plan is not None:
            return plan
        plain.add(model.name)
    reply = await model.complete(_call("plan_text", findings))
    return read_plan(reply, findings)


async def _ask_with_tools(model: ChatModel, findings: Findings) -> Plan | None:
    try:
        reply = await model.complete(_call("plan_tools", findings, _tools(findings)))
    except CallError as error:
        if error.code != "bad_request":
            raise
        return None
    return read_plan(reply, findings)


def _tools(findings: Findings) -> tuple[ToolSpec, ...]:
    """The tools that can be of use now; small models choose better among few."""
    split = () if findings.parts else (SPLIT_TOOL,)
    covered = (COVERED_TOOL,) if findings.records else ()
    return (SEARCH_TOOL, *split, *covered)


def _call(system: str, findings: Findings, tools: tuple[ToolSpec, ...] = ()) -> ChatCall:
    messages = (
        Message(role="system", content=prompt_template(system).template),
        Message(role="user", content=told(findings)),
    )
    return ChatCall(messages=messages, sampling=Sampling(max_tokens=MAX_REPLY), tools=tools)
