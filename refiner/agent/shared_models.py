"""Opens the models that contexts name, once for each event loop.

In: a model string or a `ChatModel`. Out: a `ChatModel`. A client is bound to its loop and is worth keeping:
connections and what was found out about the server. It is closed when its loop ends as `asyncio.run` ends it. Not
here: what a model string means (models.py).
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final
from weakref import WeakKeyDictionary

from citerefine.refiner.models import load_chat_model
from citerefine.refiner.protocols import ChatModel


class _Kept:
    """The models of one loop."""

    def __init__(self) -> None:
        self.models: dict[str, ChatModel] = {}
        self._until_the_end = self._close()

    async def open(self) -> None:
        """Has them closed with the loop, which ends the generators that were begun in it."""
        await anext(self._until_the_end)

    async def _close(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            for model in self.models.values():
                await model.aclose()


_kept: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Kept]] = WeakKeyDictionary()


async def chat_model(model: str | ChatModel) -> ChatModel:
    """The model that a context names. Raises ModelError where a string names nothing that can run here."""
    if not isinstance(model, str):
        return model
    loop = asyncio.get_running_loop()
    if loop not in _kept:
        kept = _kept[loop] = _Kept()
        await kept.open()
    models = _kept[loop].models
    if model not in models:
        models[model] = load_chat_model(model)
    return models[model]
