"""A chat model that runs in this process with vLLM, without a server: `vllm:PATH_OR_NAME`, for batches.

In: a checkpoint as vLLM reads it, then calls from any number of tasks. Out: replies, whole or in pieces. The engine
starts at the first call and puts together what waits; calls are not queued here. It lives on an event loop in a
thread of its own, so that callers may come from different loops. Safetensors only, no code from checkpoints. Not
here: what a prompt says (prompts/), servers (chat/).
"""

import asyncio
import math
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, TypeVar

from citerefine.refiner.chat.call import ChatCall, ChatReply, Finish
from citerefine.refiner.errors import ModelError
from citerefine.refiner.in_process.prompting import (
    check_installed,
    check_path,
    check_room,
    prompt_tokens,
    read_tool_calls,
)
from citerefine.refiner.protocols import Capabilities
from citerefine.refiner.records import Usage

T = TypeVar("T")

_SAFE: Final = {"trust_remote_code": False, "load_format": "safetensors"}
_END: Final = object()


class VllmModel:
    """A causal language model with a chat template. Implements `protocols.ChatModel`."""

    def __init__(self, path: str, *, options: Mapping[str, Any] | None = None) -> None:
        """Names the model; the engine does not start yet.

        Args:
            path: a folder, or a name on the hub such as `Qwen/Qwen3-4B`.
            options: further arguments of vLLM's engine, such as `max_model_len` or `tensor_parallel_size`.

        Raises:
            ModelError: if there is no such folder, or the extra `vllm` is not installed.
        """
        self._path, self._options = path, dict(options or {})
        check_installed("vllm", "vllm", self.name)
        check_path(path, self.name)
        self._engine: Any = None

    @property
    def name(self) -> str:
        """The model string."""
        return f"vllm:{self._path}"

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, name="citerefine-vllm", daemon=True).start()
        return loop

    async def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of work that the engine's own loop does; cancelling the caller cancels it."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _started(self) -> Any:
        """The engine. Starting it blocks its loop, on which nothing else can happen before."""
        if self._engine is None:
            from vllm import AsyncEngineArgs
            from vllm.v1.engine.async_llm import AsyncLLM

            arguments = AsyncEngineArgs(model=self._path, **{**self._options, **_SAFE})
            try:
                self._engine = AsyncLLM.from_engine_args(arguments)
            except (OSError, ValueError, RuntimeError) as error:
                first_line = str(error).strip().partition("\n")[0]
                raise ModelError(f"{self.name!r} cannot be loaded: {first_line}") from error
        return self._engine

    async def complete(self, call: ChatCall) -> ChatReply:
        """The reply to a call. Raises CallError, and ModelError if the model cannot be loaded."""
        return await self._on_loop(self._write(call, lambda piece: None))

    async def stream(self, call: ChatCall) -> AsyncIterator[str | ChatReply]:
        """The reply's text in pieces, and last the whole reply. Raises as `complete` does."""
        loop = asyncio.get_running_loop()
        pieces = asyncio.Queue[Any]()

        def put(piece: object) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(pieces.put_nowait, piece)

        async def write() -> ChatReply:
            try:
                return await self._write(call, put)
            finally:
                put(_END)

        writing = asyncio.ensure_future(self._on_loop(write()))
        try:
            while (piece := await pieces.get()) is not _END:
                yield piece
            yield await writing
        finally:
            writing.cancel()

    async def _write(self, call: ChatCall, emit: Any) -> ChatReply:
        engine = await self._started()
        prompt = prompt_tokens(engine.get_tokenizer(), call)
        context: int = engine.model_config.max_model_len
        check_room(prompt, context)
        parameters = sampling_parameters(call, context - len(prompt))
        results: AsyncGenerator[Any, None] = engine.generate(
            {"prompt_token_ids": prompt}, parameters, uuid.uuid4().hex
        )
        text, tokens, logprobs = "", list[int](), list[dict[str, Any]]()
        cached, finish = None, "length"
        async for result in results:  # when this task is cancelled, vLLM aborts the request
            output = result.outputs[0]
            text += output.text
            tokens += output.token_ids
            logprobs += _entries(output.token_ids, output.logprobs or ())
            cached, finish = result.num_cached_tokens, output.finish_reason or finish
            if output.text:
                emit(output.text)
        rest, tool_calls = read_tool_calls(text, call)
        ending: Finish = "tool_calls" if tool_calls else "stop" if finish == "stop" else "length"
        return ChatReply(
            text=rest,
            finish=ending,
            tool_calls=tool_calls,
            usage=Usage(prompt_tokens=len(prompt), completion_tokens=len(tokens), cached_tokens=cached),
            model=self._path,
            logprobs=tuple(logprobs),
        )

    async def capabilities(self) -> Capabilities:
        """What it can do; starts the engine. Raises ModelError if it cannot be loaded."""

        async def ask() -> Capabilities:
            import vllm

            engine = await self._started()
            return Capabilities(
                grammar=True,
                grammar_field="in_process",
                context_tokens=engine.model_config.max_model_len,
                server=f"vLLM {vllm.__version__}",
                model=self._path,
            )

        return await self._on_loop(ask())

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, by the model's own tokenizer. Raises ModelError if it cannot be loaded."""

        async def count() -> list[int]:
            tokenizer = (await self._started()).get_tokenizer()
            return [len(tokenizer.encode(text, add_special_tokens=False)) for text in texts]

        return await self._on_loop(count())

    async def aclose(self) -> None:
        """Stops the engine; a later call starts it anew."""

        async def stop() -> None:
            engine, self._engine = self._engine, None
            if engine is not None:
                engine.shutdown()

        await self._on_loop(stop())


def sampling_parameters(call: ChatCall, room: int) -> Any:
    """vLLM's own form of how a call is sampled; a grammar only where thinking is off, since thinking follows none."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    sampling = call.sampling
    constrained = call.grammar is not None and not call.thinking
    return SamplingParams(
        max_tokens=min(sampling.max_tokens, room),
        temperature=sampling.temperature,
        top_p=sampling.top_p or 1.0,
        seed=sampling.seed,
        logprobs=sampling.top_logprobs,
        structured_outputs=StructuredOutputsParams(grammar=call.grammar) if constrained else None,
        output_kind=RequestOutputKind.DELTA,
    )


def _entries(tokens: Sequence[int], positions: Sequence[Mapping[int, Any]]) -> list[dict[str, Any]]:
    """vLLM's log-probabilities as OpenAI's `logprobs.content`; under a grammar, those among what it admits."""
    entries = list[dict[str, Any]]()
    for token, position in zip(tokens, positions, strict=bool(positions)):
        top = sorted(position.values(), key=lambda found: -found.logprob)
        top = [found for found in top if math.isfinite(found.logprob)]  # the grammar admits no other
        entries.append(_entry(position[token]) | {"top_logprobs": [_entry(found) for found in top]})
    return entries


def _entry(found: Any) -> dict[str, Any]:
    text = found.decoded_token or ""
    return {"token": text, "logprob": found.logprob, "bytes": list(text.encode())}
