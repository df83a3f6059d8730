"""How much memory one process needs, part by part: an estimate from the model's shape.

In: a recipe, the model's shape, tokens of a step. Out: `MemoryPlan` in GiB. Weights and optimizer follow from counting
(Rajbhandari et al. 2020, arXiv 1910.02054, section 3.1); activations, tiles of logits and the cache of keys and values
from the shapes of tensors; what libraries and allocators take on top is a guess. Not here: what a run really takes.
"""

from typing import Final

from citerefine.refiner.records import Record
from citerefine.training.planning.shape import ModelShape
from citerefine.training.planning.tokens import StepTokens
from citerefine.training.recipes.recipe import Recipe

GIB: Final = 2**30
_OWN_BYTES: Final = {"zero2": 2}
"""Of a trained parameter, what each process holds of its own; 16 where nothing is shared out."""
_STATE_BYTES: Final = 16
"""Of a trained parameter under Adam: weight, gradient, mean and variance in four bytes each; or, as DeepSpeed has it,
weight and gradient in two, and a master copy, mean and variance in four. Activations are in two bytes in both."""
_LIBRARIES: Final = 1.5
"""GiB that CUDA and its libraries take."""
_FRAGMENTS: Final = 0.05
"""Share that an allocator leaves unused."""
_TILE: Final = (4096, 32_768)
"""Tokens × words of the largest piece of logits that TRL 1.16 holds (trl/kernels/chunked_logprob.py)."""


class MemoryPlan(Record):
    """Memory of one process, in GiB."""

    states: float
    """Weights, gradients and the optimizer's means and variances."""
    reference: float
    """A frozen copy for the divergence from the first policy."""
    activations: float
    logits: float
    rollout: float
    """Keys and values of the answers that are sampled at once."""
    vllm: float
    """What vLLM in this process keeps for itself."""
    libraries: float
    """What CUDA, its libraries and the allocator take on top."""
    needed: float
    """At most at once: sampling and training take turns."""
    available: float
    fits: bool


def memory_plan(recipe: Recipe, shape: ModelShape, tokens: StepTokens) -> MemoryPlan:
    """Memory of one process of this recipe."""
    hardware = recipe.hardware
    states, reference = state_bytes(recipe, shape) / GIB, _reference_bytes(recipe, shape) / GIB
    activations = activation_bytes(recipe, shape, tokens) / GIB
    logits, rollout = _logit_bytes(recipe, shape, tokens) / GIB, _cache_bytes(recipe, shape, tokens) / GIB
    vllm = recipe.train.vllm_memory * hardware.gpu_memory if recipe.train.rollout == "vllm_colocate" else 0.0
    used = states + reference + max(activations + logits, rollout)
    libraries = (_LIBRARIES if hardware.gpus else 0.0) + _FRAGMENTS * used
    needed = used + vllm + libraries
    return MemoryPlan(
        states=states,
        reference=reference,
        activations=activations,
        logits=logits,
        rollout=rollout,
        vllm=vllm,
        libraries=libraries,
        needed=needed,
        available=hardware.gpu_memory,
        fits=needed <= hardware.gpu_memory,
    )


def state_bytes(recipe: Recipe, shape: ModelShape) -> float:
    """Weights, gradients and optimizer: Ψ parameters over N processes take 16Ψ, under ZeRO-2 2Ψ + 14Ψ/N, under ZeRO-3
    and FSDP 16Ψ/N. With LoRA, Ψ are those of the small matrices, and the frozen weights take two bytes each (four
    where training is not in bfloat16), shared out under ZeRO-3 and FSDP alone."""
    lora, engine, ranks = recipe.train.lora, recipe.hardware.engine, recipe.hardware.ranks
    trained = shape.parameters if lora is None else shape.lora_parameters(lora.rank)
    frozen = 0 if lora is None else shape.parameters * (2 if recipe.train.bf16 else 4)
    if engine in ("zero3", "fsdp"):
        return (_STATE_BYTES * trained + frozen) / ranks
    own = _OWN_BYTES.get(engine, _STATE_BYTES)
    return own * trained + (_STATE_BYTES - own) * trained / ranks + frozen


def _reference_bytes(recipe: Recipe, shape: ModelShape) -> float:
    """A copy in the precision of training; with LoRA the frozen weights are the reference."""
    if not recipe.train.beta or recipe.train.lora is not None:
        return 0.0
    sharded = recipe.hardware.ranks if recipe.hardware.engine in ("zero3", "fsdp") else 1
    return shape.parameters * (2 if recipe.train.bf16 else 4) / sharded


def activation_bytes(recipe: Recipe, shape: ModelShape, tokens: StepTokens) -> float:
    """Of one pass over T tokens, in two bytes each (four without bfloat16).

    A layer holds, for the way back: its input, two norms, query, key, value, attention's output, its projection, and
    gate, up and their product of the MLP; the scores are never held (flash and memory-efficient attention). With
    checkpointing, all layers hold their input alone, and one at a time the rest with its gradients.
    """
    width = 4 * shape.hidden + 2 * shape.q_width + 2 * shape.kv_width + 3 * shape.intermediate
    each = (2 if recipe.train.bf16 else 4) * pass_tokens(recipe, tokens)
    if recipe.train.gradient_checkpointing:
        return each * (shape.layers * shape.hidden + 2 * width)
    return each * (shape.layers * width + width)


def pass_tokens(recipe: Recipe, tokens: StepTokens) -> int:
    """Tokens of one forward and backward pass, with the longest prompts and answers."""
    rows, prompt, answer = recipe.train.rows_per_pass, tokens.longest_prompt, tokens.answer_tokens
    if recipe.train.shared_prefix == "off" or recipe.train.micro_rows:
        return rows * (prompt + answer)
    return recipe.train.micro_groups * prompt + rows * answer


def _logit_bytes(recipe: Recipe, shape: ModelShape, tokens: StepTokens) -> float:
    """The output layer is computed tile by tile: a tile of logits in two bytes and its gradient in four, and gradients
    of the states of all answers' tokens in four."""
    answers = recipe.train.rows_per_pass * tokens.answer_tokens
    tile = min(answers, _TILE[0]) * min(shape.vocab, _TILE[1])
    return 6 * tile + 4 * answers * shape.hidden


def _cache_bytes(recipe: Recipe, shape: ModelShape, tokens: StepTokens) -> float:
    """Keys and values of all rows that a process samples at once, prompts included: 4 · layers · key width · tokens in
    bfloat16. vLLM has its own share, or its own GPU."""
    if recipe.train.rollout != "transformers":
        return 0.0
    rows = tokens.prompts * tokens.group / recipe.hardware.ranks
    doubled = 1 if recipe.train.bf16 else 2
    return doubled * rows * (tokens.longest_prompt + tokens.answer_tokens) * shape.kv_bytes
