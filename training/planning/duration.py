"""How long one step takes at least: a floor from arithmetic and memory traffic.

In: a recipe, the model's shape, tokens of a step. Out: `DurationPlan` in seconds, judges, refilled groups and all
between the parts left out. Training is taken to be bound by arithmetic at the share of the peak that the recipe
expects, sampling by reading weights and keys and values from memory. Not here: measured times (docs/benchmarks.md).
"""

from typing import Final

from citerefine.refiner.records import Record
from citerefine.training.planning.shape import ModelShape
from citerefine.training.planning.tokens import StepTokens
from citerefine.training.recipes.recipe import Recipe

_TERA: Final = 1e12


class DurationPlan(Record):
    """Seconds of one step, at least."""

    update: float
    """Forward and backward passes, each prompt computed before each answer …"""
    update_shared: float
    """… and once for a group."""
    rollout: float
    passes: float
    """Forward passes that the update costs: with backward, recomputation, reference and first log-probabilities."""


def duration_plan(recipe: Recipe, shape: ModelShape, tokens: StepTokens) -> DurationPlan:
    """The floor of a step on this recipe's hardware; with processes on CPUs `peak_tflops` is that of one."""
    hardware, passes = recipe.hardware, forward_passes(recipe)
    rate = hardware.ranks * hardware.peak_tflops * _TERA * hardware.mfu
    return DurationPlan(
        update=passes * forward_flops(shape, tokens, shared=False) / rate,
        update_shared=passes * forward_flops(shape, tokens, shared=True) / rate,
        rollout=_rollout_seconds(recipe, shape, tokens),
        passes=passes,
    )


def forward_passes(recipe: Recipe) -> float:
    """What an update costs, in forward passes: one forward and two for the gradients (one with LoRA, whose frozen
    weights need none); one more where activations are recomputed, one for the reference of a divergence, one for the
    log-probabilities of the policy that sampled, where these are needed."""
    train = recipe.train
    first = train.updates_per_rollout > 1 or (train.rollout != "transformers" and train.correction != "none")
    backward = 2 if train.lora is None else 1
    return 1 + backward + train.gradient_checkpointing + bool(train.beta) + first


def forward_flops(shape: ModelShape, tokens: StepTokens, *, shared: bool) -> float:
    """Of one forward pass over all rows of a step: two operations for each parameter of the layers and token, two for
    each of the output layer and token of an answer, and attention: each token with all before it, 4 · layers · query
    width for each pair."""
    prompt, answer, group = tokens.prompt_tokens, tokens.answer_tokens, tokens.group
    times = tokens.copies if shared else group
    linear = 2 * shape.body * (times * prompt + group * answer) + 2 * shape.head * group * answer
    pairs = times * prompt * prompt / 2 + group * (answer * prompt + answer * answer / 2)
    return tokens.prompts * (linear + 4 * shape.layers * shape.q_width * pairs)


def _rollout_seconds(recipe: Recipe, shape: ModelShape, tokens: StepTokens) -> float:
    """Prompts are computed, each once where vLLM keeps common beginnings, else once a row; then each token of an answer
    reads all weights, and the keys and values of its row, which is taken at half its answer."""
    hardware, train = recipe.hardware, recipe.train
    gpus = hardware.vllm_gpus if train.rollout == "vllm_server" and hardware.vllm_gpus else hardware.ranks
    prompts = tokens.prompts * (tokens.group if train.rollout == "transformers" else 1)
    prompt, answer = tokens.prompt_tokens, tokens.answer_tokens
    flops = prompts * (2 * shape.body * prompt + 2 * shape.layers * shape.q_width * prompt * prompt)
    rows = tokens.prompts * tokens.group / gpus
    read = 2 * shape.parameters + rows * (prompt + answer / 2) * shape.kv_bytes
    first = flops / (gpus * hardware.peak_tflops * _TERA * hardware.mfu)
    return first + answer * read / (hardware.bandwidth * _TERA)
