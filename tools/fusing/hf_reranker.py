"""A cross-encoder that runs in this process with transformers: `hf:PATH_OR_NAME`.

In: a folder with a checkpoint, or a name on the hub, from where it is fetched once; a query with snippets. Out: one
score for each. The model is loaded at the first call, in the one thread that also scores. Not here: torch
(cross_encoder.py).
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Final

from citerefine.refiner.errors import ModelError
from citerefine.refiner.in_process.prompting import check_installed, check_path
from citerefine.refiner.records import Snippet
from citerefine.tools.fusing.reranking import shown

if TYPE_CHECKING:
    from citerefine.tools.fusing.cross_encoder import CrossEncoder

_PACKAGES: Final = ("torch", "transformers")


class HfReranker:
    """A model that reads query and text together and gives one number. Implements `reranking.Reranker`."""

    def __init__(self, path: str, *, device: str | None = None) -> None:
        """Names the model; nothing is loaded yet.

        Args:
            path: a folder, or a name on the hub such as `cross-encoder/ms-marco-MiniLM-L6-v2`.
            device: where it runs, such as `cuda:1`; None takes a GPU where there is one.

        Raises:
            ModelError: if there is no such folder, or the extra `train` is not installed.
        """
        self._path, self._device = path, device
        for package in _PACKAGES:
            check_installed(package, "train", self.name)
        check_path(path, self.name)
        self._model: CrossEncoder | None = None

    @property
    def name(self) -> str:
        """The model string."""
        return f"hf:{self._path}"

    @cached_property
    def _thread(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max_workers=1, thread_name_prefix="citerefine-reranker")

    async def rerank(self, query: str, snippets: Sequence[Snippet]) -> list[float]:
        """One score for each snippet. Raises ModelError if the model cannot be loaded."""
        texts = [shown(snippet) for snippet in snippets]
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._scores, query, texts)

    def _scores(self, query: str, texts: Sequence[str]) -> list[float]:
        return self._loaded().scores(query, texts)

    def _loaded(self) -> "CrossEncoder":
        """The model; only the model's own thread may call this."""
        if self._model is None:
            from citerefine.tools.fusing.cross_encoder import load

            try:
                self._model = load(self._path, self._device)
            except (OSError, ValueError) as error:
                first_line = str(error).strip().partition("\n")[0]
                raise ModelError(f"{self.name!r} cannot be loaded: {first_line}") from error
        return self._model
