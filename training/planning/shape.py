"""The shape of a transformer: what memory and time are worked out from, without its weights.

In: a model's folder or name. Out: `ModelShape`, from its config.json if that is on this machine, from a table of known
models, or guessed from the size in its name; each says which. Nothing is fetched. Not here: memory (memory.py), time
(duration.py).
"""

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import Field

from citerefine.refiner.records import Record, Text

_MOST_BYTES: Final = 1 << 20
_SIZE: Final = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)
"""Parameters in a name, as `4B`, `0.5b` or `360M`; not those of a part, as in `30B-A3B`."""
_GUESS_RATIO: Final = 100
"""Hidden size over layers, of a guessed shape; that of Qwen3 lies between 37 and 128."""
_GUESS_HEAD: Final = 128


class ModelShape(Record):
    """What of a dense decoder's configuration decides memory and time."""

    name: Text
    source: Text
    """Where the shape is from."""
    layers: int = Field(ge=1)
    hidden: int = Field(ge=1)
    heads: int = Field(ge=1)
    kv_heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    intermediate: int = Field(ge=1)
    vocab: int = Field(ge=1)
    tied: bool = False
    """Whether the output layer has the weights of the embeddings."""
    context: int | None = None
    """Most tokens of prompt and reply; None if that is not known."""

    @property
    def q_width(self) -> int:
        """All query heads together."""
        return self.heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """All key heads together; values are as wide."""
        return self.kv_heads * self.head_dim

    @property
    def body(self) -> int:
        """Parameters of the layers: of each, query and output, key and value, and three matrices of the gated MLP;
        norms are left out, being less than one in a thousand."""
        attention = self.hidden * (2 * self.q_width + 2 * self.kv_width)
        return self.layers * (attention + 3 * self.hidden * self.intermediate)

    @property
    def head(self) -> int:
        """Parameters of the output layer."""
        return self.hidden * self.vocab

    @property
    def parameters(self) -> int:
        """All of them."""
        return self.body + self.head * (1 if self.tied else 2)

    @property
    def kv_bytes(self) -> int:
        """Of one token's keys and values in bfloat16, over all layers."""
        return self.layers * 2 * self.kv_width * 2

    def lora_parameters(self, rank: int) -> int:
        """Of matrices of this rank beside all linear layers: rank × (in + out) for each."""
        attention = (2 * (self.hidden + self.q_width)) + 2 * (self.hidden + self.kv_width)
        return self.layers * rank * (attention + 3 * (self.hidden + self.intermediate))


class UnknownShape(NamedTuple):
    """A model of which nothing can be worked out."""

    reason: str


def find_shape(name: str) -> ModelShape | UnknownShape:
    """The shape of the model in this folder, or of this name."""
    config = find_config(name)
    if config is not None:
        return read_shape(config, name)
    return _of_table(name) or _guessed(name) or UnknownShape(f"{name} is not on this machine, and its name has no size")


def find_config(name: str) -> Path | None:
    """The model's config.json: in its folder, or in the hub's cache; None if it is in neither."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder / "config.json" if (folder / "config.json").is_file() else None
    return find_cached(name, "config.json")


def find_cached(name: str, file: str) -> Path | None:
    """A file of a model in the hub's cache on this machine; None if it is not there. Nothing is fetched."""
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:  # without the extra there is no cache either
        return None
    try:
        found = try_to_load_from_cache(name, file)
    except HFValidationError:  # a path, or no name at all
        return None
    return Path(found) if isinstance(found, str) else None


def read_shape(config: Path, name: str) -> ModelShape | UnknownShape:
    """The shape that a config.json tells of."""
    try:
        if config.stat().st_size > _MOST_BYTES:
            return UnknownShape(f"{config} is longer than {_MOST_BYTES >> 20} MB, and no configuration")
        values = json.loads(config.read_text("utf-8"))
        if not isinstance(values, dict):
            return UnknownShape(f"{config} is no object")
        values = {**values, **(values.get("text_config") or {})}
        if values.get("num_experts") or values.get("num_local_experts"):
            return UnknownShape(f"{config} is of a mixture of experts, of which plans know nothing")
        return _of_config(values, name, str(config))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return UnknownShape(f"{config} is not the configuration of a decoder: {type(error).__name__} {error}")


def _of_config(values: dict[str, Any], name: str, source: str) -> ModelShape:
    heads, hidden = int(values["num_attention_heads"]), int(values["hidden_size"])
    return ModelShape(
        name=name,
        source=source,
        layers=int(values["num_hidden_layers"]),
        hidden=hidden,
        heads=heads,
        kv_heads=int(values.get("num_key_value_heads") or heads),
        head_dim=int(values.get("head_dim") or hidden // heads),
        intermediate=int(values["intermediate_size"]),
        vocab=int(values["vocab_size"]),
        tied=bool(values.get("tie_word_embeddings", False)),
        context=values.get("max_position_embeddings"),
    )


def _of_table(name: str) -> ModelShape | None:
    table = tomllib.loads(files(__package__).joinpath("shapes.toml").read_text("utf-8"))
    for entry in table["model"]:
        if re.search(rf"{re.escape(entry['name'])}(?![a-z0-9.])", name.lower()):
            return ModelShape(**{**entry, "name": name, "source": f"table of shapes, {entry['name']}"})
    return None


def _guessed(name: str) -> ModelShape | None:
    """layers · hidden² · 12 parameters, with hidden = 100 · layers: what a dense decoder of this size looks like."""
    found = _SIZE.search(Path(name).name)
    if found is None:
        return None
    size = float(found[1]) * (1e9 if found[2].lower() == "b" else 1e6)
    layers = max(1, round((size / (12 * _GUESS_RATIO**2)) ** (1 / 3)))
    heads = max(1, round(_GUESS_RATIO * layers / _GUESS_HEAD))
    return ModelShape(
        name=name,
        source=f"guessed from {found[0]} in the name",
        layers=layers,
        hidden=heads * _GUESS_HEAD,
        heads=heads,
        kv_heads=max(1, heads // 4),
        head_dim=_GUESS_HEAD,
        intermediate=3 * heads * _GUESS_HEAD,
        vocab=128_000,
    )
