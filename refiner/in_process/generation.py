"""Loads a checkpoint with transformers and writes replies with it, one at a time, in the calling thread.

In: a path, then calls. Out: `Loaded`, which writes. All that imports torch for transformers_model.py is here and in
constraint.py. Not here: threads, waiting, stopping from outside (transformers_model.py).
"""

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from tokenizers.decoders import DecodeStream
from transformers import AutoModelForCausalLM, AutoTokenizer, LogitsProcessor, StoppingCriteria

from citerefine.refiner.chat.call import ChatCall, ChatReply, Finish, Sampling
from citerefine.refiner.errors import ModelError
from citerefine.refiner.in_process.constraint import Constrainer
from citerefine.refiner.in_process.prompting import check_room, prompt_tokens, read_tool_calls
from citerefine.refiner.protocols import Capabilities
from citerefine.refiner.records import Usage

_SAFE: Final = {"trust_remote_code": False}


def load(path: str, device: str | None) -> "Loaded":
    """The model at a path. Raises OSError or ValueError where transformers cannot read it, ModelError where we cannot
    use it."""
    where = str(Path(path).expanduser()) if path.startswith("~") else path
    tokenizer = AutoTokenizer.from_pretrained(where, **_SAFE)
    if not tokenizer.is_fast:
        raise ModelError(f"'hf:{path}' has no fast tokenizer (tokenizer.json), which grammars need")
    model = AutoModelForCausalLM.from_pretrained(where, dtype="auto", use_safetensors=True, **_SAFE)
    return Loaded(path, tokenizer, model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval())


class Loaded:
    """A model in memory. Not for two threads at once."""

    def __init__(self, path: str, tokenizer: Any, model: Any) -> None:
        self._path, self._tokenizer, self._model = path, tokenizer, model
        ends = model.generation_config.eos_token_id
        self._ends: list[int] = [ends] if isinstance(ends, int) else list(ends or [tokenizer.eos_token_id])
        self._context: int = model.config.max_position_embeddings

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return Capabilities(
            grammar=True,
            grammar_field="in_process",
            context_tokens=self._context,
            server=f"transformers {transformers.__version__}",
            model=self._path,
        )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has."""
        return [len(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]

    @cached_property
    def _constrainer(self) -> Constrainer:
        return Constrainer(self._tokenizer, self._model.config.vocab_size, self._ends)

    def write(
        self, call: ChatCall, stop: threading.Event, emit: Callable[[str], None] = lambda piece: None
    ) -> ChatReply:
        """The reply to a call; what a grammar admits where thinking is off, since thinking follows none.

        Args:
            call: what is asked.
            stop: ends the writing when set; what is returned then is of no use.
            emit: is given the text in pieces as it is written.

        Raises:
            CallError: if the prompt fills the context, or the grammar cannot be read.
        """
        prompt = prompt_tokens(self._tokenizer, call)
        check_room(prompt, self._context)
        recorder = LogprobRecorder(self._tokenizer, call.sampling.top_logprobs)
        processors: list[LogitsProcessor] = [recorder] if call.sampling.top_logprobs is not None else []
        if call.grammar is not None and not call.thinking:
            processors.append(self._constrainer.constraint(call.grammar, len(prompt)))
        watch = _Watch(self._tokenizer, self._ends, len(prompt), stop, emit, recorder)
        self._generate(prompt, call.sampling, processors, watch)
        return self._reply(call, watch, len(prompt), recorder.entries)

    def _generate(
        self, prompt: list[int], sampling: Sampling, processors: list[LogitsProcessor], watch: "_Watch"
    ) -> None:
        device = self._model.device
        ids = torch.tensor([prompt], device=device)
        draws = {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p or 1.0, "top_k": 0}
        greedy = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        # The caller's own random numbers are none of our business.
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.inference_mode():
            if sampling.seed is not None:
                torch.manual_seed(sampling.seed)
            self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=min(sampling.max_tokens, self._context - len(prompt)),
                eos_token_id=self._ends,
                pad_token_id=self._tokenizer.pad_token_id or self._ends[0],
                logits_processor=processors,
                stopping_criteria=[watch],
                **(draws if sampling.temperature > 0 else greedy),
            )
        watch.finish()

    def _reply(
        self, call: ChatCall, watch: "_Watch", prompt_length: int, logprobs: list[dict[str, Any]]
    ) -> ChatReply:
        text, tool_calls = read_tool_calls(watch.text, call)
        finish: Finish = "tool_calls" if tool_calls else "stop" if watch.ended else "length"
        return ChatReply(
            text=text,
            finish=finish,
            tool_calls=tool_calls,
            usage=Usage(prompt_tokens=prompt_length, completion_tokens=watch.tokens),
            model=self._path,
            logprobs=tuple(logprobs),
        )


class LogprobRecorder(LogitsProcessor):  # type: ignore[misc]
    """Keeps what the model itself thought of each token, before grammar and temperature; the first of processors."""

    def __init__(self, tokenizer: Any, top: int | None) -> None:
        self.entries: list[dict[str, Any]] = []
        """One a token, as OpenAI's `logprobs.content`."""
        self._tokenizer, self._top = tokenizer, top
        self._latest: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores, unchanged."""
        self._latest = scores[0].float().log_softmax(-1)
        return scores

    def chosen(self, token: int) -> None:
        """Notes the token that was drawn."""
        if self._latest is None or self._top is None:
            return
        best = self._latest.topk(self._top)
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        entry = self._entry(token, self._latest[token].item())
        self.entries.append(entry | {"top_logprobs": [self._entry(other, value) for other, value in pairs]})

    def _entry(self, token: int, logprob: float) -> dict[str, Any]:
        text = self._tokenizer.decode([token])
        return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


class _Watch(StoppingCriteria):  # type: ignore[misc]
    """Sees each token when it is drawn: passes the text on, and ends the writing when told to."""

    def __init__(
        self,
        tokenizer: Any,
        ends: list[int],
        prompt_length: int,
        stop: threading.Event,
        emit: Callable[[str], None],
        recorder: LogprobRecorder,
    ) -> None:
        self.ended = False
        """Whether the model ended its reply itself."""
        self._tokenizer, self._ends, self._stop, self._emit = tokenizer, ends, stop, emit
        self._recorder = recorder
        self._prompt_length = prompt_length
        self._ids: list[int] = []
        self._decoder = DecodeStream(skip_special_tokens=True)
        self._emitted = 0

    @property
    def tokens(self) -> int:
        """How many were drawn."""
        return len(self._ids)

    @property
    def text(self) -> str:
        """All of it, without the model's control tokens."""
        text: str = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        return text

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **unused: Any) -> torch.Tensor:
        """Whether the writing ends, as `done_1`."""
        token = int(input_ids[0, -1])
        self._ids.append(token)
        self._recorder.chosen(token)
        self.ended = token in self._ends
        piece = self._decoder.step(self._tokenizer.backend_tokenizer, token)
        if piece:
            self._emitted += len(piece)
            self._emit(piece)
        return torch.tensor([self._stop.is_set()], device=input_ids.device)

    def finish(self) -> None:
        """Passes on what was still waiting for the rest of a character."""
        if rest := self.text[self._emitted :]:
            self._emit(rest)
