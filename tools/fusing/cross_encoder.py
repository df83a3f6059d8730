"""Loads a cross-encoder with transformers and scores texts with it, in the calling thread.

In: a path, then a query with texts. Out: one number for each text, as the model gives it. Weights are read from
safetensors only, and no code comes with them. All that imports torch for hf_reranker.py is here. Not here: threads.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

_SAFE: Final = {"trust_remote_code": False}
_BATCH: Final = 16
_UNLIMITED: Final = 1_000_000
"""What tokenizers say that know no limit is larger."""


def load(path: str, device: str | None) -> "CrossEncoder":
    """The model at a path. Raises OSError or ValueError where it is none that gives one score."""
    where = str(Path(path).expanduser()) if path.startswith("~") else path
    tokenizer = AutoTokenizer.from_pretrained(where, **_SAFE)
    model, read = AutoModelForSequenceClassification.from_pretrained(
        where, dtype="auto", use_safetensors=True, output_loading_info=True, **_SAFE
    )
    if model.config.num_labels != 1:
        raise ValueError(f"it gives {model.config.num_labels} labels and no score; name a cross-encoder with one label")
    if read["missing_keys"]:  # they would be random
        raise ValueError(f"it lacks weights of a cross-encoder: {', '.join(sorted(read['missing_keys'])[:3])}")
    return CrossEncoder(tokenizer, model.to(device or ("cuda" if torch.cuda.is_available() else "cpu")).eval())


class CrossEncoder:
    """A model in memory. Not for two threads at once."""

    def __init__(self, tokenizer: Any, model: Any) -> None:
        self._tokenizer, self._model = tokenizer, model
        limit = tokenizer.model_max_length
        # Models of the RoBERTa family leave their first two positions free.
        self._longest = limit if limit < _UNLIMITED else model.config.max_position_embeddings - 2

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """The model's number for each text; what is beyond its context is left out."""
        batches = (texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH))
        return [score for batch in batches for score in self._of_batch(query, batch)]

    def _of_batch(self, query: str, texts: Sequence[str]) -> list[float]:
        inputs = self._tokenizer(
            [query] * len(texts),
            [*texts],
            padding=True,
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        ).to(self._model.device)
        with torch.inference_mode():
            numbers: list[float] = self._model(**inputs).logits[:, 0].float().tolist()
        return numbers
