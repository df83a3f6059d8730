"""Rewards: what an answer of the policy earns, from rubrics, citations, form and reference answers.

Names are loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from citerefine.training.rewards.breakdown import Breakdown, ClaimValue, Term
    from citerefine.training.rewards.refiner_reward import RefinerReward
    from citerefine.training.rewards.settings import TERMS, RewardSettings

__all__ = ["TERMS", "Breakdown", "ClaimValue", "RefinerReward", "RewardSettings", "Term"]

_MODULES = {
    "breakdown": ("Breakdown", "ClaimValue", "Term"),
    "refiner_reward": ("RefinerReward",),
    "settings": ("TERMS", "RewardSettings"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
