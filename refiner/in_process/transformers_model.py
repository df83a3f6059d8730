"""A chat model that runs in this process with transformers: `hf:PATH_OR_NAME`.

In: a folder with a checkpoint, or a name on the hub, from where it is fetched once; then calls. Out: replies, whole
or in pieces. Weights are read from safetensors only, and no code comes with them. The model is loaded at the first
call, in the one thread that also writes: replies are written one after the other, each kept to its grammar. A caller
that stops waiting stops the writing. Not here: what a prompt says (prompts/), batches for throughput (vllm_model.py).
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from citerefine.refiner.chat.call import ChatCall, ChatReply
from citerefine.refiner.errors import ModelError
from citerefine.refiner.in_process.prompting import check_installed, check_path
from citerefine.refiner.protocols import Capabilities

if TYPE_CHECKING:
    from citerefine.refiner.in_process.generation import Loaded

_PACKAGES: Final = ("torch", "transformers", "llguidance")


class TransformersModel:
    """A causal language model with a chat template. Implements `protocols.ChatModel`."""

    def __init__(self, path: str, *, device: str | None = None) -> None:
        """Names the model; nothing is loaded yet.

        Args:
            path: a folder, or a name on the hub such as `Qwen/Qwen3-4B`.
            device: where it runs, such as `cuda:1`; None takes a GPU where there is one.

        Raises:
            ModelError: if there is no such folder, or the extra `train` is not installed.
        """
        self._path, self._device = path, device
        for package in _PACKAGES:
            check_installed(package, "train", self.name)
        check_path(path, self.name)
        self._model: Loaded | None = None

    @property
    def name(self) -> str:
        """The model string."""
        return f"hf:{self._path}"

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="citerefine-model")

    def _loaded(self) -> "Loaded":
        """The model; only the model's own thread may call this."""
        if self._model is None:
            from citerefine.refiner.in_process.generation import load

            try:
                self._model = load(self._path, self._device)
            except (OSError, ValueError) as error:
                first_line = str(error).strip().partition("\n")[0]
                raise ModelError(f"{self.name!r} cannot be loaded: {first_line}") from error
        return self._model

    async def _in_thread(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError, and ModelError if the model cannot be loaded."""
        stop = threading.Event()
        try:
            reply: ChatReply = await self._in_thread(lambda: self._loaded().write(call, stop))
        finally:
            stop.set()
        return reply

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        """The reply's text in pieces, and last the whole reply. Raises as `complete` does."""
        loop, stop = asyncio.get_running_loop(), threading.Event()
        pieces = asyncio.Queue[str | None]()

        def put(piece: str | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

        def write() -> ChatReply:
            try:
                return self._loaded().write(call, stop, put)
            finally:
                put(None)

        writing = loop.run_in_executor(self._thread, write)
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
            yield await writing
        finally:
            stop.set()
            writing.cancel()

    async def capabilities(self) -> Capabilities:
        """What it can do; loads the model. Raises ModelError if it cannot be loaded."""
        found: Capabilities = await self._in_thread(lambda: self._loaded().capabilities)
        return found

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, by the model's own tokenizer. Raises ModelError if it cannot be loaded."""
        counts: list[int] = await self._in_thread(lambda: self._loaded().count_tokens(texts))
        return counts

    async def aclose(self) -> None:
        """Gives the model's memory back; a later call loads it anew."""

        def unload() -> None:
            self._model = None

        await self._in_thread(unload)
