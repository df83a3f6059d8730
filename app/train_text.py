"""The plan of a training run, to be read.

In: `Plan`. Out: lines, a label before each. Not here: working it out (citerefine.training.planning).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from citerefine.training.planning.duration import DurationPlan
from citerefine.training.planning.judging import GrowthPlan, JudgePlan
from citerefine.training.planning.memory import MemoryPlan
from citerefine.training.planning.plan import Plan
from citerefine.training.planning.row_facts import PromptLengths, RowFacts
from citerefine.training.planning.shape import ModelShape
from citerefine.training.planning.tokens import StepTokens, can_share
from citerefine.training.recipes.trust import Trust

_WIDTH: Final = 9
_HOUR: Final = 3600.0


def plan_lines(plan: Plan) -> list[str]:
    """All that the plan says, a line each."""
    return [f"{label:<{_WIDTH}} {text}" for label, text in _lines(plan)]


def trust_line(trust: Sequence[Trust]) -> str:
    """In a line which judges have been measured, for those who have seen the figures."""
    measured = ", ".join(one.where for one in trust if one.is_measured)
    others = ", ".join(one.where for one in trust if not one.is_measured)
    told = [f"{measured} measured with people (--dry-run shows how well)" if measured else ""]
    told += [f"{others} NOT MEASURED" if others else "", "none is asked" if not trust else ""]
    return "; ".join(filter(None, told))


def _lines(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "model", _model(plan.shape) if plan.shape is not None else f"nothing is known: {plan.unknown}"
    if plan.rows is not None:
        yield "rows", _rows(plan.rows)
    if plan.prompts is not None:
        yield "prompts", _prompts(plan.prompts)
    yield "step", _step(plan)
    if plan.imitation is not None:
        yield "memory", f"given answers: {_memory(plan.imitation)}"
    if plan.memory is not None:
        yield "memory", _memory(plan.memory, plan.fallback)
    if plan.duration is not None:
        yield "time", _time(plan, plan.duration)
    yield "judging", _judging(plan.judging)
    for one in plan.trust:
        for line in one.lines:
            yield "judge", f"{one.where} {line if one.judge in line else f'{one.judge}: {line}'}"
    for command in plan.launch:
        yield "start", command
    for problem in sorted(plan.problems, key=lambda problem: problem.severity == "error"):  # what matters most, last
        yield problem.severity, problem.line


def _model(shape: ModelShape) -> str:
    size = f"{shape.parameters / 1e9:.2f} B" if shape.parameters >= 1e8 else f"{shape.parameters / 1e6:.2f} M"
    return f"{shape.name}: {size} parameters in {shape.layers} layers ({shape.source})"


def _rows(rows: RowFacts) -> str:
    tasks = ", ".join(f"{n:,} {task}" for task, n in rows.tasks.items())
    has = f"criteria {rows.with_rubric:,}, gold {rows.with_gold:,}, answer {rows.with_answer:,}"
    held = f", {rows.held_out:,} held out" if rows.held_out else ""
    held += f", {rows.leaking:,} left out that ask the same" if rows.leaking else ""
    each = f"{rows.criteria:.1f} criteria each, static sets included"
    return f"{rows.rows:,} to train on ({tasks or 'none'}){held}; with {has}; {each}"


def _prompts(prompts: PromptLengths) -> str:
    of = "" if prompts.is_whole else f" of {prompts.rows:,}, and so memory is for the longest that the recipe allows"
    lost = f"{prompts.trimmed:,} trimmed, {prompts.dropped:,} dropped of {prompts.counted:,} counted{of}"
    return f"{prompts.mean:,.0f} tokens on average, {prompts.longest:,} at most ({prompts.source}); {lost}"


def _step(plan: Plan) -> str:
    tokens, second = plan.tokens, plan.second
    told = f"{tokens.prompts:,} prompts × {tokens.group} answers: {_counts(tokens)}"
    if tokens.refill_tokens:
        told += f"; {tokens.refill_tokens:,} more are sampled, where groups are refilled"
    return told if second is None else f"{told}; each second step, on drafts, {_counts(second)}"


def _counts(tokens: StepTokens) -> str:
    return (
        f"at most {tokens.naive:,} tokens, {tokens.shared:,} with the prompt of a group computed once "
        f"({tokens.naive / tokens.shared:.2f} times fewer)"
    )


def _memory(memory: MemoryPlan, fallback: MemoryPlan | None = None) -> str:
    parts = {
        "weights, gradients and optimizer": memory.states,
        "reference": memory.reference,
        "activations": memory.activations,
        "logits": memory.logits,
        "sampling (not at the same time)": memory.rollout,
        "answering held-out rows (not at the same time)": memory.heldout,
        "vLLM": memory.vllm,
        "libraries": memory.libraries,
    }
    told = ", ".join(f"{name} {size:.1f}" for name, size in parts.items() if size >= 0.05)
    other = "" if fallback is None else f"; {fallback.needed:.1f} if the prompt of a group cannot be computed once"
    return f"about {memory.needed:.1f} of {memory.available:g} GiB a process: {told or 'next to nothing'}{other}"


def _time(plan: Plan, duration: DurationPlan) -> str:
    second, steps, share = plan.second_duration, plan.recipe.train.steps, can_share(plan.recipe)
    on_drafts = "" if second is None else f"; one on drafts, {_seconds(second, share)}"
    each = [duration, second or duration]
    plain = sum(one.rollout + one.update for one in each) / 2 * steps / _HOUR
    shared = sum(one.rollout + one.update_shared for one in each) / 2 * steps / _HOUR
    whole = f"{shared:.1f} h with shared prompts, {plain:.1f} h without" if share else f"{plain:.1f} h"
    return (
        f"a step takes no less than {_seconds(duration, share)}{on_drafts}, at {plan.recipe.hardware.mfu:.0%} of the "
        f"peak, judges not counted; {steps:,} steps: {whole}"
    )


def _seconds(duration: DurationPlan, share: bool) -> str:
    shared = f" ({duration.update_shared:.1f} s with shared prompts)" if share else ""
    return f"{duration.update:.1f} s of training{shared} and {duration.rollout:.1f} s of sampling"


def _judging(judging: JudgePlan) -> str:
    told = f"{_calls(judging)}{_growth(judging.growth)}"
    if not judging.calls and judging.growth is None:
        return told
    cost = f"{judging.cost:.2f} dollars a step" if judging.cost is not None else f"cost not known: {judging.reason}"
    return f"{told}; {cost}"


def _calls(judging: JudgePlan) -> str:
    if not judging.calls:
        return "no calls: the judges compute"
    shares = f"{judging.rubric_calls:,} on criteria, {judging.support_calls:,} on support"
    tokens = f"{judging.prompt_tokens:,} tokens of prompts, up to {judging.reply_tokens:,} of replies"
    again = f"; criteria up to {judging.votes} times where the judge is unsure" if judging.rubric_calls else ""
    more = f", up to {judging.refill_calls:,} more where groups are refilled" if judging.refill_calls else ""
    return f"{judging.calls:,} calls a step ({shares}){more}, {tokens}{again}"


def _growth(growth: GrowthPlan | None) -> str:
    if growth is None:
        return ""
    return (
        f"; every {growth.every} steps {growth.writer_calls:,} calls to write criteria and up to "
        f"{growth.admission_calls:,} to admit them, {growth.prompt_tokens:,} tokens of prompts, about "
        f"{growth.reply_tokens:,} of replies"
    )
