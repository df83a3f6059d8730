"""How many tokens a prompt and an answer may have.

In: settings, and the model's context where it is known. Out: `Room`. Not here: counting.
"""

from typing import NamedTuple

from citerefine.refiner.settings import RefinerSettings


class Room(NamedTuple):
    """Most tokens of each."""

    prompt: int
    answer: int
    total: int
    """Prompt and reply together; in mode `think`, what prompt and answer leave free is for thinking."""


def room_for(settings: RefinerSettings, context: int | None) -> Room:
    """The limits; a model with a smaller context gets a quarter of it for the answer at most."""
    if context is None or context >= settings.total_tokens:
        return Room(settings.prompt_tokens, settings.answer_tokens, settings.total_tokens)
    answer = min(settings.answer_tokens, context // 4)
    return Room(min(settings.prompt_tokens, context - answer), answer, context)
