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


def data_key(rows: Iterable[str]) -> str:
    """What stands for data in this order: 16 hex digits of a SHA-256 over each row's text."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(hashlib.sha256(row.encode()).digest())
    return digest.hexdigest()[:16]


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """One line for each value that differs and must not, as `name: saved → now`."""
    before, after = flattened(saved), flattened(now)
    return [
        f"{name}: {before.get(name)!r} → {after.get(name)!r}"
        for name in {**before, **after}
        if before.get(name) != after.get(name) and not _may_change(name, before, after)
    ]


def _may_change(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    section, dot, setting = name.rpartition(".")
    schedule = f"{section}{dot}schedule"
    return setting in OPERATIONAL or (
        setting == "steps" and {before.get(schedule), after.get(schedule)} <= _OPEN_ENDED
    )
