"""Whose runs can be imported.

In: nothing. Out: `RunKind`. Not here: reading them (runs.py).
"""

from enum import StrEnum


class RunKind(StrEnum):
    """Whose runs, and so in what form."""

    DR_TULU = "dr-tulu"
    LANGCHAIN = "langchain"
    OPENAI = "openai"
