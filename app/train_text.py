"""The plan of a training run, to be read.

In: `Plan`. Out: lines, a label before each. Not here: working it out (citerefine.training.planning).
"""

from collections.abc import Iterator
from typing import Final

from citerefine.training.planning.duration import DurationPlan
from citerefine.training.planning.judging import JudgePlan
from citerefine.training.planning.memory import MemoryPlan
from citerefine.training.planning.plan import Plan
from citerefine.training.planning.row_facts import PromptLengths, RowFacts
from citerefine.training.planning.shape import ModelShape

_WIDTH: Final = 9
_HOUR: Final = 3600.0


def plan_lines(plan: Plan) -> list[str]:
    """All that the plan says, a line each."""
    return [f"{label:<{_WIDTH}} {text}" for label, text in _lines(plan)]


def _lines(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "model", _model(plan.shape) if plan.shape is not None else f"nothing is known: {plan.unknown}"
    if plan.rows is not None:
        yield "rows", _rows(plan.rows)
    if plan.prompts is not None:
        yield "prompts", _prompts(plan.prompts)
    yield "step", _step(plan)
    if plan.memory is not None:
        yield "memory", _memory(plan.memory)
    if plan.duration is not None:
        yield "time", _time(plan, plan.duration)
    yield "judging", _judging(plan.judging)
    for one in plan.trust:
        for line in one.lines:
            yield "judge", f"{one.where} {line if one.judge in line else f'{one.judge}: {line}'}"
    for command in plan.launch:
        yield "start", command
    for problem in plan.problems:
        yield problem.severity, problem.line


def _model(shape: ModelShape) -> str:
    size = f"{shape.parameters / 1e9:.2f} B" if shape.parameters >= 1e8 else f"{shape.parameters / 1e6:.2f} M"
    return f"{shape.name}: {size} parameters in {shape.layers} layers ({shape.source})"


def _rows(rows: RowFacts) -> str:
    tasks = ", ".join(f"{n:,} {task}" for task, n in rows.tasks.items())
    has = f"criteria {rows.with_rubric:,}, gold {rows.with_gold:,}, answer {rows.with_answer:,}"
    return f"{rows.rows:,} ({tasks or 'none'}); with {has}; {rows.criteria:.1f} criteria each, static sets included"


def _prompts(prompts: PromptLengths) -> str:
    lost = f"{prompts.trimmed:,} trimmed, {prompts.dropped:,} dropped of {prompts.counted:,}"
    return f"{prompts.mean:,.0f} tokens on average, {prompts.longest:,} at most ({prompts.source}); {lost}"


def _step(plan: Plan) -> str:
    tokens = plan.tokens
    phases = f"{tokens.rollouts} rollouts of " if tokens.rollouts > 1 else ""
    shape = f"{phases}{tokens.prompts:,} prompts × {tokens.group} answers"
    return (
        f"{shape}: at most {tokens.naive:,} tokens, {tokens.shared:,} with the prompt of a group computed once "
        f"({tokens.naive / tokens.shared:.2f} times fewer)"
    )


def _memory(memory: MemoryPlan) -> str:
    parts = {
        "weights, gradients and optimizer": memory.states,
        "reference": memory.reference,
        "activations": memory.activations,
        "logits": memory.logits,
        "sampling (not at the same time)": memory.rollout,
        "vLLM": memory.vllm,
        "libraries": memory.libraries,
    }
    told = ", ".join(f"{name} {size:.1f}" for name, size in parts.items() if size >= 0.05)
    return f"about {memory.needed:.1f} of {memory.available:g} GiB a process: {told or 'next to nothing'}"


def _time(plan: Plan, duration: DurationPlan) -> str:
    whole = duration.rollout + (duration.update if plan.recipe.train.shared_prefix == "off" else duration.update_shared)
    steps = plan.recipe.train.steps
    return (
        f"a step takes no less than {duration.update:.1f} s of training ({duration.update_shared:.1f} s with shared "
        f"prompts) and {duration.rollout:.1f} s of sampling at {plan.recipe.hardware.mfu:.0%} of the peak, judges not "
        f"counted; {steps:,} steps: {whole * steps / _HOUR:.1f} h"
    )


def _judging(judging: JudgePlan) -> str:
    if not judging.calls:
        return "no calls: the judges compute"
    cost = f"{judging.cost:.2f} dollars" if judging.cost is not None else f"cost not known: {judging.reason}"
    shares = f"{judging.rubric_calls:,} on criteria, {judging.support_calls:,} on support"
    tokens = f"{judging.prompt_tokens:,} tokens of prompts, up to {judging.reply_tokens:,} of replies"
    again = f"; criteria up to {judging.votes} times where the judge is unsure" if judging.rubric_calls else ""
    return f"{judging.calls:,} calls a step ({shares}), {tokens}, {cost}{again}"
