"""A support judge that is a sequence-classification model in this process: `hf:PATH_OR_NAME`, trained for natural
language inference (NLI).

In: queries. Out: verdicts: `full` where entailment is the likeliest class, `contradicts` where contradiction is, else
`none`; `p_supported` is P(entailment). Such models know no partial support. The premise is the titles and texts of the
snippets in order, the hypothesis the claim, or the sentence that it is meant in where it has one. A premise that is
longer than the model takes is read in windows of whole sentences, and the window with the highest P(entailment)
decides, which the verdict's reason says. So support that is spread over two windows is not seen, nor a contradiction
outside the best one. The model runs in a thread of its own, safetensors only, no code from checkpoints. Not here: what
the model computes (nli_model.py).
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Final

from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.errors import ModelError
from citerefine.refiner.in_process.prompting import check_installed, check_path

if TYPE_CHECKING:
    from citerefine.judges.nli_model import NliModel

VERSION: Final = 2
"""Of how premises are laid out and verdicts made."""
BATCH: Final = 32


class NliJudge:
    """Asks an NLI model. Implements `SupportJudge`."""

    asks_at_once = True

    def __init__(self, name: str, *, device: str | None = None, batch: int = BATCH) -> None:
        """Names the model; nothing is loaded yet.

        Args:
            name: `hf:` and a folder, or a name on the hub.
            device: where it runs, such as `cuda:1`; None takes a GPU where there is one.
            batch: most pairs of window and claim that are computed at once.

        Raises:
            ModelError: if the string is another, there is no such folder, or the extra `train` is not installed.
        """
        kind, _, self._path = name.partition(":")
        if kind != "hf" or not self._path.strip():
            raise ModelError(f"{name!r} names no NLI model; write hf:PATH_OR_NAME")
        for package in ("torch", "transformers"):
            check_installed(package, "train", name)
        check_path(self._path, name)
        self.name = f"{name} (nli {VERSION})"
        self._device, self._batch = device, batch
        self._model: NliModel | None = None

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="citerefine-nli")

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        """The verdict on each query, in order; a claim that fills the model's input alone is not judged.

        Raises:
            ModelError: if the model cannot be loaded, or its classes are not those of NLI.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: self._loaded().judge(queries, self.name, self._batch))

    def _loaded(self) -> "NliModel":
        """The model; only the model's own thread may call this."""
        if self._model is None:
            from citerefine.judges.nli_model import load_nli

            self._model = load_nli(self._path, self._device)
        return self._model

    async def aclose(self) -> None:
        """Gives the model's memory back; a later call loads it anew."""

        def unload() -> None:
            self._model = None

        await asyncio.get_running_loop().run_in_executor(self._thread, unload)
