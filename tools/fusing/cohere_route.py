"""Asks a server with the route `/rerank` for scores, as Cohere, Jina, vLLM and text-embeddings-inference have it.

In: a model string `rerank:NAME@BASE_URL`, the key in CITEREFINE_RERANK_KEY, a query with snippets. Out: scores in the
snippets' order; `WebFailure` if a reply does not give each document exactly one. Sent is
`{"model", "query", "documents"}` to BASE_URL/rerank; where that is refused, once more with `texts`, which is what
text-embeddings-inference calls them. Read are `{"results": [{"index", "relevance_score"}]}` and
`[{"index", "score"}]`. Not here: what becomes of hits without scores (reranking.py).
"""

import asyncio
import os
import re
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue, SecretStr

from citerefine.refiner.chat.strict_json import parse_json
from citerefine.refiner.errors import InputError, ModelError
from citerefine.refiner.records import Snippet
from citerefine.tools.fusing.reranking import shown
from citerefine.tools.sources.settings import checked_base_url
from citerefine.tools.web.client import WebClient
from citerefine.tools.web.failures import WebFailure
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import NOBODY, Auth, WebRequest

KEY_VARIABLE: Final = "CITEREFINE_RERANK_KEY"
_BATCH: Final = 32
"""Documents of one request; text-embeddings-inference takes no more unless told to."""
_SPLIT: Final = re.compile(r"@(?=https?://)", re.I)
_EXAMPLE: Final = "rerank:BAAI/bge-reranker-v2-m3@http://localhost:8000/v1"


class EndpointReranker:
    """A reranking model behind a server. Implements `reranking.Reranker`."""

    def __init__(self, text: str, web: WebClient) -> None:
        """Asks nobody yet.

        Args:
            text: `rerank:NAME@BASE_URL`.
            web: what requests go through; it stays open.

        Raises:
            ModelError: if the string is malformed, or the key can be in no HTTP header.
        """
        self._model, self._base_url = _read(text)
        self._web = web
        self._auth = _read_key()

    @property
    def name(self) -> str:
        """The model string."""
        return f"rerank:{self._model}@{self._base_url}"

    async def rerank(self, query: str, snippets: Sequence[Snippet]) -> list[float]:
        """One score for each snippet. Raises WebFailure."""
        batches = [[shown(snippet) for snippet in batch] for batch in _batched(snippets)]
        try:
            found = await asyncio.gather(*(self._scores(query, texts) for texts in batches))
        except WebFailure as failure:
            if failure.code != "unauthorized":
                raise
            raise WebFailure(f"{failure}; check its key in {KEY_VARIABLE}", failure.code) from None
        return [score for scores in found for score in scores]

    async def _scores(self, query: str, texts: list[str]) -> list[float]:
        try:
            return await self._ask(query, texts, "documents")
        except WebFailure as failure:
            if failure.code != "bad_request":
                raise
            refused = failure
        try:
            return await self._ask(query, texts, "texts")
        except WebFailure as failure:
            raise WebFailure(f"{refused}; and with texts for documents: {failure}", failure.code) from None

    async def _ask(self, query: str, texts: list[str], field: str) -> list[float]:
        body: dict[str, JsonValue] = {"model": self._model, "query": query, field: [*texts]}
        request = WebRequest(source="rerank", method="POST", url=f"{self._base_url}/rerank", body=body)
        asked = await self._web.ask(request, lambda reply: read_scores(reply, len(texts)), auth=self._auth)
        scores: list[float] = asked.value
        return scores


def read_scores(reply: WebReply, n: int) -> list[float]:
    """The scores of `n` documents, in the order of the documents. Raises ValueError unless each has exactly one."""
    value = parse_json(reply.body)
    results = value.get("results") if isinstance(value, dict) else value
    if not isinstance(results, list):
        raise ValueError(f"results is {type(results).__name__}, no list")
    if len(results) != n:
        raise ValueError(f"it has {len(results)} results for {n} documents")
    scores = dict(map(_entry, results))
    if scores.keys() != {*range(n)}:
        raise ValueError(f"its indices are not those of {n} documents, each once")
    return [scores[index] for index in range(n)]


def _entry(result: JsonValue) -> tuple[int, float]:
    entry = result if isinstance(result, dict) else {}
    index, score = entry.get("index"), entry.get("relevance_score", entry.get("score"))
    if isinstance(index, bool) or not isinstance(index, int):
        raise ValueError(f"a result has the index {index!r}, no whole number")
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise ValueError(f"the result {index} has the score {score!r}, no number")
    return index, float(score)


def _batched(snippets: Sequence[Snippet]) -> list[Sequence[Snippet]]:
    return [snippets[start : start + _BATCH] for start in range(0, len(snippets), _BATCH)]


def _read(text: str) -> tuple[str, str]:
    """Name and address of a model string. Raises ModelError."""
    kind, _, rest = text.strip().partition(":")
    name, *urls = _SPLIT.split(rest)
    if kind != "rerank" or not name.strip() or len(urls) != 1:
        raise ModelError(f"a served reranker is written rerank:NAME@BASE_URL, such as {_EXAMPLE}")
    try:
        return name.strip(), checked_base_url(urls[0])
    except InputError as error:
        raise ModelError(f"the address of a reranker: {error}; write it as {_EXAMPLE}") from None


def _read_key() -> Auth:
    """The key as it goes along. Raises ModelError if no HTTP header can carry it."""
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key:
        return NOBODY
    if not key.isascii() or not key.isprintable():
        raise ModelError(f"{KEY_VARIABLE} holds characters that no HTTP header can carry; set it anew")
    return Auth(headers=(("Authorization", SecretStr(f"Bearer {key}")),))
