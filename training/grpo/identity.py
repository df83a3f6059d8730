"""What makes a run the run that it is, and how two differ: a checkpoint is only gone on from with the same.

In: settings as JSON, the ids of the data. Out: a flat dictionary for the manifest of a checkpoint; a list of what
differs. Settings that change where or how fast a run goes, and not where it goes to, may change. Not here: weights.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

OPERATIONAL: Final = frozenset(
    {
        "save_steps",
        "keep_checkpoints",
        "vllm_url",
        "vllm_memory",
        "vllm_tensor_parallel",
        "gradient_checkpointing",
        "shared_prefix",
    }
)
"""Settings that a resumed run may have otherwise."""
_OPEN_ENDED: Final = frozenset({"constant", "constant_with_warmup"})
"""Schedules that do not know where they end: with them a run may be made longer."""


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted names.

    >>> flattened({"train": {"seed": 1}, "n": 2})
    {'train.seed': 1, 'n': 2}
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def data_key(dataset: Any) -> str:
    """What stands for prompts in this order, and for all by which their answers are rewarded: `texts_key` of the
    columns `id`, `prompt` and `row`."""
    columns = (dataset[name] for name in ("id", "prompt", "row"))
    return texts_key("\n".join(values) for values in zip(*columns, strict=True))


def texts_key(texts: Iterable[str]) -> str:
    """What stands for texts in this order: 16 hex digits of a SHA-256 over each one's."""
    digest = hashlib.sha256()
    for row in texts:
        digest.update(hashlib.sha256(row.encode()).digest())
    return digest.hexdigest()[:16]


def differences(saved: Mapping[str, Any], now: Mapping[str, Any], *, finished: bool = False) -> list[str]:
    """One line for each value that differs and must not, as `name: saved → now`.

    Args:
        saved: of the run.
        now: of the one that would go on with it.
        finished: whether it is done, so that it cannot be made longer.
    """
    before, after = flattened(saved), flattened(now)
    return [
        f"{name}: {before.get(name)!r} → {after.get(name)!r}"
        for name in {**before, **after}
        if before.get(name) != after.get(name)
        and not (name.rpartition(".")[2] in OPERATIONAL or (not finished and _is_longer(name, before, after)))
    ]


def _is_longer(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    section, dot, setting = name.rpartition(".")
    schedule = f"{section}{dot}schedule"
    return setting == "steps" and {before.get(schedule), after.get(schedule)} <= _OPEN_ENDED
