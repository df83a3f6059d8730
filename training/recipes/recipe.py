"""A recipe: everything that decides a training run, in one frozen record.

In: the sections of a TOML file (reading.py). Out: `Recipe`; TOML again. Whoever has the resolved recipe, the data and
the models can run the same training. Needs no torch. Not here: whether the parts go together and are there (checks.py).
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import tomli_w
from pydantic import Field, model_validator

from citerefine.refiner.records import Line, Record
from citerefine.training.data.settings import DataSettings
from citerefine.training.evolving.settings import EvolvingSettings
from citerefine.training.grpo.settings import AlgorithmSettings, SftSettings
from citerefine.training.phases.settings import SecondSettings
from citerefine.training.recipes.sections import HardwareSettings, ModelSettings
from citerefine.training.rewards.settings import RewardSettings
from citerefine.training.watch.settings import WatchSettings

_SHARED: Final = ("bf16", "gradient_checkpointing")
"""What `sft` has from `train` unless it says otherwise, beside `lora`: they belong to the machine and to the model."""


class Recipe(Record):
    """One training run."""

    about: Line = None
    """What it is for, in one line."""
    phases: Literal["one", "two"] = "one"
    """`two`: each prompt is answered, and then the model improves a draft of its own; both are trained on."""
    second: SecondSettings = Field(default_factory=SecondSettings)
    """The second phase, where there are two."""
    model: ModelSettings
    data: DataSettings
    reward: RewardSettings = Field(default_factory=RewardSettings)
    evolve: EvolvingSettings | None = None
    """Rubrics that grow along the run; None: they stay as the rows have them."""
    train: AlgorithmSettings = Field(default_factory=AlgorithmSettings)
    sft: SftSettings | None = None
    """Training on given answers before; None: none. What it does not say of LoRA, bfloat16 and checkpointing of
    activations is as in `train`: the weights that are held, and the memory that there is, are the same."""
    watch: WatchSettings = Field(default_factory=WatchSettings)
    hardware: HardwareSettings = Field(default_factory=HardwareSettings)

    @model_validator(mode="before")
    @classmethod
    def _imitate_as_trained(cls, values: Any) -> Any:
        sft, train = (values.get(name) for name in ("sft", "train")) if isinstance(values, Mapping) else (None, None)
        if not isinstance(sft, Mapping) or not isinstance(train, Mapping):
            return values
        taken = {key: train[key] for key in _SHARED if key in train and key not in sft}
        if train.get("lora") is not None and sft.get("lora") is None and not sft.get("all_weights"):
            taken["lora"] = train["lora"]
        return {**values, "sft": {**sft, **taken}}

    def resolved(self) -> str:
        """The recipe as TOML with every value that holds, defaults too; reading it gives the same recipe."""
        return tomli_w.dumps(_without_none(self.model_dump(mode="json")))


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    """TOML has no null: what is left out is None again when it is read, since that is the default of all such keys."""
    kept = {key: value for key, value in values.items() if value is not None}
    return {key: _without_none(value) if isinstance(value, dict) else value for key, value in kept.items()}
