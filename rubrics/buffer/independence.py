"""Whether two judges, or a judge and a writer, are different models.

In: names of judges and models, as they stand in scores. Out: yes or no. The same model on another server, with another
prompt or seed, is the same model. Not here: whether two models come from one family, which their names do not tell.
"""

import re
from typing import Final

_MODEL: Final = re.compile(r"\b(?:openai|hf|vllm):([^@\s,;()]+)")


def models_of(name: str) -> frozenset[str]:
    """The models that a name holds, without server, organisation and settings; of a judge without model its name."""
    found = _MODEL.findall(name) or [name.partition(" (")[0]]
    return frozenset(model.rstrip("/").rpartition("/")[2].strip().casefold() for model in found)


def are_independent(one: str, other: str) -> bool:
    """Whether no model speaks in both."""
    return not models_of(one) & models_of(other)
