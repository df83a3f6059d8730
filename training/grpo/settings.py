"""What a training run's algorithm can be set to: `AlgorithmSettings`, `SftSettings`, `LoraSettings`.

In: values of a recipe. Out: frozen records, checked one by one and together. Not here: TRL's own names for them
(config.py), which also needs the number of processes; torch is not needed to read or check settings.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from citerefine.refiner.records import Record

Schedule = Literal["constant", "constant_with_warmup", "linear", "cosine"]


class LoraSettings(Record):
    """Small matrices that are trained beside frozen weights (Hu et al. 2021, 2106.09685)."""

    rank: int = Field(default=32, ge=1)
    """Their inner width: more can learn more, and takes more memory."""
    alpha: float = Field(default=64.0, gt=0)
    """The matrices' product is scaled by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share; above 0, what is sampled and what is trained are not the same policy."""
    targets: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    """Names of the layers that get them. The output layer cannot be one."""


class AlgorithmSettings(Record):
    """Policy-gradient training: what is sampled, how rewards become advantages, how the policy is moved."""

    steps: int = Field(default=200, ge=1)
    """Rollouts of the run, each of `prompts_per_step` prompts; where a step has two phases, each of them is one."""
    prompts_per_step: int = Field(default=32, ge=1)
    """Over all processes."""
    group_size: int = Field(default=8, ge=2)
    """Answers sampled for one prompt."""
    updates_per_rollout: int = Field(default=1, ge=1)
    """Optimizer steps on one rollout; above 1 ratios to the sampling policy are clipped."""
    micro_groups: int = Field(default=1, ge=1)
    """Groups in one forward and backward pass."""
    micro_rows: int = Field(default=0, ge=0)
    """Answers in one pass where a whole group does not fit, a divisor of `group_size`; 0: whole groups."""

    advantage: Literal["rloo", "grpo", "dr_grpo", "gdpo"] = "rloo"
    """How rewards become advantages (docs/training.md, section 6)."""
    loss: Literal["dr_grpo", "dapo", "grpo", "bnpo"] = "dr_grpo"
    """How the tokens' losses are averaged: over rows × longest answer, all tokens, rows, or the tokens of a pass."""
    beta: float = Field(default=0.0, ge=0)
    """Weight of the divergence from the first policy, estimated by kl3; 0: no reference model."""
    clip_low: float = Field(default=0.2, ge=0, lt=1)
    """So far below 1 may the ratio to the sampling policy fall before it is clipped (`updates_per_rollout` above 1)."""
    clip_high: float = Field(default=0.2, ge=0)
    """So far above 1 may it rise."""
    claim_credit: float = Field(default=0.0, ge=0)
    """λ: what a claim's support, compared within its answer, adds to the advantage of its tokens."""

    least_share: float = Field(default=0.5, ge=0, le=1)
    """Share of a group whose rewards must be known, 3 at least; else the whole group is left out."""
    flat_tolerance: float = Field(default=0.0, ge=0)
    """A group whose rewards have this standard deviation or a smaller one has no signal, and is left out."""
    refill: bool = False
    """Sample further prompts in place of groups that were left out."""
    refill_tokens: int = Field(default=0, ge=0)
    """Tokens, prompts and answers, that a step may sample beyond the first rollout, over all processes."""
    mask_truncated: bool = True
    """Leave out answers that the token limit cut off."""

    learning_rate: float = Field(default=1e-6, gt=0)
    """Of AdamW, at its highest."""
    schedule: Schedule = "constant_with_warmup"
    """How the learning rate goes on along the run."""
    warmup_steps: int = Field(default=10, ge=0)
    """Optimizer steps in which the learning rate rises to its highest; not where the schedule is `constant`."""
    adam_beta1: float = Field(default=0.9, ge=0, lt=1)
    """How much of the mean of gradients is kept from step to step."""
    adam_beta2: float = Field(default=0.99, ge=0, lt=1)
    """The same of the mean of their squares."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Share of a weight, times the learning rate, that each step takes away."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Norm to which longer gradients are cut."""

    temperature: float = Field(default=1.0, gt=0)
    """Of sampling; log-probabilities are those of this temperature."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Below 1 the sampled policy is not the trained one."""
    top_k: int = Field(default=0, ge=0)
    """0: all; else the sampled policy is not the trained one."""
    seed: int = Field(default=42, ge=0)
    """Of the order of prompts, and of what is sampled."""

    rollout: Literal["transformers", "vllm_colocate", "vllm_server"] = "transformers"
    """Who samples: this process, vLLM inside it, or a vLLM server of its own."""
    groups_at_once: int = Field(default=0, ge=0)
    """Groups that each process samples at a time, where keys and values of all of them do not fit its memory; fewer
    take longer. 0: all."""
    vllm_url: str = ""
    """Address of the server, as `http://host:8000`."""
    vllm_memory: float = Field(default=0.3, gt=0, lt=1)
    """Share of the GPU's memory that vLLM in this process takes."""
    vllm_tensor_parallel: int = Field(default=1, ge=1)
    """GPUs that vLLM in this process spreads the model over."""
    correction: Literal["token_truncate", "sequence_mask", "none"] = "token_truncate"
    """What is done about vLLM's log-probabilities differing from the trainer's."""
    correction_cap: float = Field(default=3.0, gt=0)
    """Largest ratio of the two that counts."""
    shared_prefix: Literal["auto", "on", "off"] = "auto"
    """Compute a prompt once for all its answers, in a pass and in sampling. `auto`: where the model allows it; else a
    warning says why not."""

    save_steps: int = Field(default=10, ge=1)
    """Rollouts between checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """So many of the last ones stay."""
    gradient_checkpointing: bool = True
    """Compute activations again in the backward pass: less memory, about a third more time."""
    bf16: bool = True
    """Compute in bfloat16; false: in float32."""
    lora: LoraSettings | None = None
    """None: all weights are trained."""

    @property
    def rows_per_pass(self) -> int:
        """Answers in one forward and backward pass of one process."""
        return self.micro_rows or self.micro_groups * self.group_size

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.micro_rows and (self.group_size % self.micro_rows or self.micro_groups != 1):
            raise ValueError(
                f"micro_rows must divide group_size = {self.group_size}, with micro_groups = 1; got micro_rows = "
                f"{self.micro_rows}, micro_groups = {self.micro_groups}"
            )
        if self.prompts_per_step % (self.micro_groups * self.updates_per_rollout):
            raise ValueError(
                f"prompts_per_step must be a multiple of micro_groups × updates_per_rollout = {self.micro_groups} × "
                f"{self.updates_per_rollout}, got {self.prompts_per_step}"
            )
        if self.refill != bool(self.refill_tokens):
            raise ValueError(
                f"refill and refill_tokens belong together, got refill = {self.refill}, refill_tokens = "
                f"{self.refill_tokens}; set a budget of tokens, or neither"
            )
        if (self.rollout == "vllm_server") != bool(self.vllm_url):
            raise ValueError(
                f"vllm_url is the address of rollout = 'vllm_server', got rollout = {self.rollout!r}, vllm_url = "
                f"{self.vllm_url!r}"
            )
        if self.shared_prefix == "on" and self.micro_rows:
            raise ValueError("shared_prefix needs whole groups in a pass; set micro_rows = 0, or shared_prefix = 'off'")
        return self


class SftSettings(Record):
    """Supervised training on given answers, the cold start of a policy.

    In a recipe, `lora`, `bf16` and `gradient_checkpointing` are those of its section `train` where they are not given.
    """

    steps: int = Field(default=0, ge=0)
    """Optimizer steps; 0: as `epochs` says."""
    epochs: float = Field(default=1.0, gt=0)
    """Times that all rows are seen, where `steps` is 0."""
    rows_per_step: int = Field(default=32, ge=1)
    """Over all processes."""
    micro_rows: int = Field(default=1, ge=1)
    """Rows in one forward and backward pass of one process."""
    learning_rate: float = Field(default=1e-5, gt=0)
    """Of AdamW, at its highest."""
    schedule: Schedule = "cosine"
    """How the learning rate goes on along the training."""
    warmup_steps: int = Field(default=10, ge=0)
    """As in `train`."""
    adam_beta2: float = Field(default=0.999, ge=0, lt=1)
    """As in `train`."""
    weight_decay: float = Field(default=0.0, ge=0)
    """As in `train`."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """As in `train`."""
    max_tokens: int = Field(default=8192, ge=1)
    """Tokens of prompt and answer; longer rows are left out, and counted."""
    seed: int = Field(default=42, ge=0)
    """Of the order of rows."""
    save_steps: int = Field(default=100, ge=1)
    """Optimizer steps between checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """As in `train`."""
    gradient_checkpointing: bool = True
    """As in `train`, whose value it has unless it is given."""
    bf16: bool = True
    """As in `train`, whose value it has unless it is given."""
    lora: LoraSettings | None = None
    """None: all weights are trained; in a recipe, what `train` says."""
    all_weights: bool = False
    """Train all weights even where `train.lora` is set."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.all_weights and self.lora is not None:
            raise ValueError("all_weights = true leaves no small matrices to train; leave out it, or sft.lora")
        return self
