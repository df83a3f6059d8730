"""Orders hits by what a model says of each of them and the query.

In: a query, snippets, a `Reranker`. Out: a score for each, checked, or why there is none: a model that fails, or whose
reply is not whole, costs no hit and changes no order. `rerank:NAME@BASE_URL` is a server with the route `/rerank`
(cohere_route.py), `hf:PATH` a cross-encoder in this process (hf_reranker.py); each is imported when it is opened. Not
here: merging and ranks (fused_search.py).
"""

import math
from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

from citerefine.refiner.agent.within import within
from citerefine.refiner.errors import CiterefineError, ModelError, ReplayError
from citerefine.refiner.records import Snippet
from citerefine.tools.web.client import WebClient

MAX_SECONDS: Final = 25.0
"""Longest time that a model may take; then the order stays as it is."""


@runtime_checkable
class Reranker(Protocol):
    """Judges how well snippets fit a query. May serve any number of queries at once."""

    @property
    def name(self) -> str:
        """How messages name it; never holds a secret."""
        ...

    async def rerank(self, query: str, snippets: Sequence[Snippet]) -> Sequence[float]:
        """One score for each snippet, in their order; higher is better. An exception counts as no scores."""
        ...


def open_reranker(text: str, web: WebClient) -> Reranker:
    """The reranker that a model string names; nobody is asked and nothing loaded yet.

    Args:
        text: the model string.
        web: what requests go through; it stays open.

    Raises:
        ModelError: if the string is malformed, or names what cannot run here.
    """
    kind, _, rest = text.strip().partition(":")
    if kind == "rerank":
        from citerefine.tools.fusing.cohere_route import EndpointReranker

        return EndpointReranker(text, web)
    if kind == "hf" and rest:
        from citerefine.tools.fusing.hf_reranker import HfReranker

        return HfReranker(rest)
    raise ModelError(f"{text!r} names no reranker; write rerank:NAME@BASE_URL or hf:PATH")


async def scores_of(reranker: Reranker, query: str, snippets: Sequence[Snippet]) -> list[float] | str:
    """A finite score for each snippet, or why there are none. Raises ReplayError."""
    try:
        scores = [float(score) for score in await within(MAX_SECONDS, _scores(reranker, query, snippets))]
    except ReplayError:
        raise
    except TimeoutError:
        return f"{reranker.name} did not answer in time"
    except CiterefineError as error:
        return str(error)
    except Exception as error:  # code of others; its name only: a foreign message may hold an address with a key in it
        return f"{reranker.name} failed: {type(error).__name__}"
    if len(scores) != len(snippets):
        return f"{reranker.name} gave {len(scores)} scores for {len(snippets)} hits"
    if not all(map(math.isfinite, scores)):
        return f"{reranker.name} gave a score that is no finite number"
    return scores


async def _scores(reranker: Reranker, query: str, snippets: Sequence[Snippet]) -> Sequence[float]:
    return await reranker.rerank(query, snippets)


def shown(snippet: Snippet) -> str:
    """What a model sees of a snippet."""
    return f"{snippet.title}\n{snippet.text}" if snippet.title else snippet.text
