"""The sections of a recipe that belong to no other package: model and hardware.

In: values of a recipe, checked here. Out: `ModelSettings`, `HardwareSettings`. Not here: the whole recipe (recipe.py),
what is trained how (citerefine.training.grpo.settings).
"""

from typing import Literal

from pydantic import Field, field_validator

from citerefine.refiner.records import Record

Engine = Literal["single", "ddp", "zero2", "zero3", "fsdp"]


class ModelSettings(Record):
    """The model that is trained."""

    name: str = Field(min_length=1)
    """A folder, or a name on the hub such as `Qwen/Qwen3-4B`; `hf:` before it changes nothing."""
    revision: str = ""
    """Branch, tag or commit of the hub; empty for the newest."""
    attention: str = ""
    """Which attention transformers runs, such as `sdpa` or `flash_attention_2`; empty leaves it to transformers."""

    @field_validator("name")
    @classmethod
    def _can_be_trained(cls, name: str) -> str:
        kind = name.partition(":")[0]
        if kind in ("openai", "vllm") or name == "extractive":
            raise ValueError(
                f"{name!r} cannot be trained; name a folder, or a model on the hub such as Qwen/Qwen3-4B, since its "
                "weights must be loaded here"
            )
        path = name.removeprefix("hf:")
        if not path.strip():
            raise ValueError(f"{name!r} names no model behind the colon; write Qwen/Qwen3-4B, for example")
        return path


class HardwareSettings(Record):
    """What the recipe is made for: it decides the shape of a batch, and what a plan says of memory and time."""

    gpus: int = Field(default=1, ge=0)
    """GPUs that train, on each node; 0: one CPU process."""
    nodes: int = Field(default=1, ge=1)
    """Machines that train, all alike."""
    gpu_memory: float = Field(default=80.0, gt=0, allow_inf_nan=False)
    """Of one GPU, in GiB; for CPUs, of the machine."""
    engine: Engine = "single"
    """How a model is spread over processes: `ddp` copies it, `zero2` shares gradients and optimizer out, `zero3` and
    `fsdp` the weights too."""
    peak_tflops: float = Field(default=989.0, gt=0, allow_inf_nan=False)
    """Of one GPU, dense, in the precision of training; 989 is an H100 SXM's or H200's in bfloat16 (NVIDIA's data
    sheet)."""
    bandwidth: float = Field(default=3.35, gt=0, allow_inf_nan=False)
    """Of one GPU's memory, in TB/s; 3.35 is an H100 SXM's."""
    mfu: float = Field(default=0.4, gt=0, le=1)
    """Share of the peak that training is expected to reach."""
    vllm_gpus: int = Field(default=0, ge=0)
    """GPUs that sample answers and do not train, behind `train.vllm_url`."""

    @property
    def ranks(self) -> int:
        """Training processes."""
        return max(1, self.gpus) * self.nodes
