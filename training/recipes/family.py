"""Whose model a name is: models of one family have faults in common, and like each other's answers.

In: a model's name. Out: its family, as far as the name tells. Not here: what is done about it (checks.py).
"""

import re
from typing import Final

_FAMILIES: Final = {
    "Qwen": r"qwen|qwq",
    "Llama": r"llama",
    "Mistral": r"mi[sn]tral|mixtral|magistral",
    "Gemma": r"gemma|gemini",
    "GPT": r"gpt",
    "Claude": r"claude",
    "DeepSeek": r"deepseek",
    "Phi": r"\bphi",
    "GLM": r"\bglm",
    "Kimi": r"kimi",
    "OLMo": r"olmo",
    "Granite": r"granite",
}


def family_of(name: str) -> str | None:
    """The family of a model; None if its name tells none.

    >>> family_of("openai:Qwen/Qwen3.5-35B-A3B@http://localhost:8000/v1"), family_of("my-model")
    ('Qwen', None)
    """
    told = name.partition("@http")[0].lower()
    return next((family for family, words in _FAMILIES.items() if re.search(words, told)), None)
