"""How much memory one process needs, part by part: an estimate from the model's shape.

In: a recipe, the model's shape, tokens of a step. Out: `MemoryPlan` in GiB, of training on rewards and of training on
given answers. Weights and optimizer follow from counting (Rajbhandari et al. 2020, arXiv 1910.02054, section 3.1);
activations, tiles of logits and the cache of keys and values from the shapes of tensors; what libraries and allocators
take on top is a guess. Not here: what a run really takes.
"""

from typing import Final

from citerefine.refiner.records import Record
from citerefine.training.grpo.settings import AlgorithmSettings, SftSettings
from citerefine.training.planning.shape import ModelShape
from citerefine.training.planning.tokens import StepTokens, can_share
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

HELDOUT_BATCH: Final = 32
"""Held-out prompts that a process answers at once (watch/greedy.py, which needs torch)."""

Phase = AlgorithmSettings | SftSettings


class MemoryPlan(Record):
    """Memory of one process, in GiB."""

    states: float
    """Weights, gradients and the optimizer's means and variances."""
    reference: float
    """A frozen copy for the divergence from the first policy."""
    activations: float
    logits: float
    rollout: float
    """What transformers takes to sample, 0 where vLLM does: keys and values of the answers that are sampled at once,
    and under ZeRO-3 all weights, which are gathered for that."""
    heldout: float
    """The same for held-out prompts, which transformers answers in any case."""
    vllm: float
    """What vLLM in this process keeps for itself."""
    libraries: float
    """What CUDA, its libraries and the allocator take on top."""
    needed: float
    """At most at once: sampling and training take turns."""
    available: float
    fits: bool


def memory_plan(recipe: Recipe, shape: ModelShape, tokens: StepTokens, *, shared: bool | None = None) -> MemoryPlan:
    """Memory of one process that trains on rewards.

    Args:
        recipe: what is run.
        shape: of its model.
        tokens: of a step; where there are two phases, of the second, which has the longer prompts.
        shared: whether the prompt of a group is computed once; None: if the recipe lets it.
    """
    train, hardware = recipe.train, recipe.hardware
    answers = train.rows_per_pass * tokens.answer_tokens
    vllm = train.vllm_memory * hardware.gpu_memory if train.rollout == "vllm_colocate" else 0.0
    return _plan(
        recipe,
        states=state_bytes(recipe, shape, train),
        reference=_reference_bytes(recipe, shape),
        activations=activation_bytes(shape, train, pass_tokens(recipe, tokens, shared=shared)),
        logits=_logit_bytes(shape, answers),
        rollout=_rollout_bytes(recipe, shape, tokens),
        heldout=_heldout_bytes(recipe, shape),
        vllm=vllm,
    )


def imitation_memory(recipe: Recipe, shape: ModelShape, longest: int) -> MemoryPlan | None:
    """Memory of one process that trains on given answers, with rows of at most `longest` tokens; None if none does."""
    if recipe.sft is None:
        return None
    n_tokens = recipe.sft.micro_rows * min(longest, recipe.sft.max_tokens)
    return _plan(
        recipe,
        states=state_bytes(recipe, shape, recipe.sft),
        activations=activation_bytes(shape, recipe.sft, n_tokens),
        logits=_logit_bytes(shape, n_tokens),
    )


def _plan(
    recipe: Recipe, *, states: float, activations: float, logits: float, reference: float = 0.0, rollout: float = 0.0,
    heldout: float = 0.0, vllm: float = 0.0,
) -> MemoryPlan:  # fmt: skip
    """All together; in bytes, but for vLLM's share, which is in GiB."""
    hardware = recipe.hardware
    used = (states + reference + max(activations + logits, rollout, heldout)) / GIB
    libraries = (_LIBRARIES if hardware.gpus else 0.0) + _FRAGMENTS * used
    needed = used + vllm + libraries
    return MemoryPlan(
        states=states / GIB,
        reference=reference / GIB,
        activations=activations / GIB,
        logits=logits / GIB,
        rollout=rollout / GIB,
        heldout=heldout / GIB,
        vllm=vllm,
        libraries=libraries,
        needed=needed,
        available=hardware.gpu_memory,
        fits=needed <= hardware.gpu_memory,
    )


def state_bytes(recipe: Recipe, shape: ModelShape, phase: Phase) -> float:
    """Weights, gradients and optimizer: Ψ parameters over N processes take 16Ψ, under ZeRO-2 2Ψ + 14Ψ/N, under ZeRO-3
    and FSDP 16Ψ/N. With LoRA, Ψ are those of the small matrices, and the frozen weights take two bytes each (four
    where training is not in bfloat16), shared out under ZeRO-3 and FSDP alone."""
    lora, engine, ranks = phase.lora, recipe.hardware.engine, recipe.hardware.ranks
    trained = shape.parameters if lora is None else shape.lora_parameters(lora.rank)
    frozen = 0 if lora is None else shape.parameters * _width(phase)
    if engine in ("zero3", "fsdp"):
        return (_STATE_BYTES * trained + frozen) / ranks
    own = _OWN_BYTES.get(engine, _STATE_BYTES)
    return own * trained + (_STATE_BYTES - own) * trained / ranks + frozen


def _reference_bytes(recipe: Recipe, shape: ModelShape) -> float:
    """A copy in the precision of training; with LoRA the frozen weights are the reference."""
    if not recipe.train.beta or recipe.train.lora is not None:
        return 0.0
    sharded = recipe.hardware.ranks if recipe.hardware.engine in ("zero3", "fsdp") else 1
    return shape.parameters * _width(recipe.train) / sharded


def _width(phase: Phase) -> int:
    """Bytes of a number in the precision of training."""
    return 2 if phase.bf16 else 4


def activation_bytes(shape: ModelShape, phase: Phase, n_tokens: int) -> float:
    """Of one pass over T tokens, in two bytes each (four without bfloat16).

    A layer holds, for the way back: its input, two norms, query, key, value, attention's output, its projection, and
    gate, up and their product of the MLP; the scores are never held (flash and memory-efficient attention). With
    checkpointing, all layers hold their input alone, and one at a time the rest with its gradients.
    """
    width = 4 * shape.hidden + 2 * shape.q_width + 2 * shape.kv_width + 3 * shape.intermediate
    each = _width(phase) * n_tokens
    if phase.gradient_checkpointing:
        return each * (shape.layers * shape.hidden + 2 * width)
    return each * (shape.layers * width + width)


def pass_tokens(recipe: Recipe, tokens: StepTokens, *, shared: bool | None = None) -> int:
    """Tokens of one forward and backward pass, with the longest prompts and answers; `shared` as in `memory_plan`."""
    rows, prompt, answer = recipe.train.rows_per_pass, tokens.longest_prompt, tokens.answer_tokens
    if shared if shared is not None else can_share(recipe):
        return recipe.train.micro_groups * prompt + rows * answer
    return rows * (prompt + answer)


def _logit_bytes(shape: ModelShape, answers: int) -> float:
    """The output layer is computed tile by tile: a tile of logits in two bytes and its gradient in four, and gradients
    of the states of all answers' tokens in four."""
    tile = min(answers, _TILE[0]) * min(shape.vocab, _TILE[1])
    return 6 * tile + 4 * answers * shape.hidden


def _rollout_bytes(recipe: Recipe, shape: ModelShape, tokens: StepTokens) -> float:
    """Of all rows that a process samples at once. vLLM has its own share, or its own GPU."""
    if recipe.train.rollout != "transformers":
        return 0.0
    rows = tokens.prompts * tokens.group / recipe.hardware.ranks
    return _sampling_bytes(recipe, shape, rows, tokens.longest_prompt)


def _heldout_bytes(recipe: Recipe, shape: ModelShape) -> float:
    """Of the held-out rows that a process answers at once; they may have the longest prompts that there can be."""
    held = recipe.watch.heldout_rows if recipe.data.eval or recipe.data.eval_share else 0
    rows = min(HELDOUT_BATCH, -(-held // recipe.hardware.ranks))
    return _sampling_bytes(recipe, shape, rows, recipe.data.prompt_tokens) if rows else 0.0


def _sampling_bytes(recipe: Recipe, shape: ModelShape, rows: float, prompt: int) -> float:
    """Keys and values of these rows, prompts included: 4 · layers · key width · tokens in bfloat16; and, under ZeRO-3,
    all weights: TRL gathers them for as long as transformers samples."""
    gathered = shape.parameters if recipe.hardware.engine == "zero3" else 0
    cache = rows * (prompt + recipe.data.answer_tokens) * shape.kv_bytes * _width(recipe.train) / 2
    return cache + gathered * _width(recipe.train)
