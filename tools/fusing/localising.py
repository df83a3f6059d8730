"""Finds the sentence of a passage that a query is about, and cuts long passages to what stands around it.

In: a query, a snippet; perhaps a reranker. Out: where the sentence stands, in the snippet's text and in its source; a
shorter snippet that keeps its offsets. By default the words decide (prompts/relevance.py); a reranker chooses among
the sentences that hold most of them. Not here: cutting documents into passages (passages.py).
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.refiner.language.sentences import SentenceSpan, split_sentences
from citerefine.refiner.prompts.relevance import by_relevance
from citerefine.refiner.records import Snippet
from citerefine.tools.fusing.reranking import Reranker, scores_of
from citerefine.tools.passages import LONGEST, TARGET

_LOOKED_AT: Final = 100_000
"""Code points of a passage in which a sentence is looked for."""
_CANDIDATES: Final = 32
"""Sentences that a reranker is asked about."""


class Located(NamedTuple):
    """A sentence of a passage."""

    span: SentenceSpan
    """In the snippet's text, in code points."""
    in_source: SentenceSpan | None
    """In what the snippet was taken from; None where that is not known."""


class Shortened(NamedTuple):
    """Snippets, none of them too long."""

    snippets: list[Snippet]
    warnings: list[str]


def best_sentence(query: str, snippet: Snippet) -> Located:
    """The sentence that holds most of the query; the first of those that hold equally much.

    >>> snippet = Snippet(text="Lakes warmed. Perch doubled.", start=100, end=128)
    >>> best_sentence("Have perch doubled?", snippet).in_source
    SentenceSpan(start=114, end=128)
    """
    return _located(snippet, _ranked(query, snippet)[0])


async def best_sentence_by(reranker: Reranker, query: str, snippet: Snippet) -> Located | str:
    """The sentence that a model scores highest, or why there is no score. Raises ReplayError."""
    spans = _ranked(query, snippet)[:_CANDIDATES]
    scores = await scores_of(reranker, query, [_sentence(snippet, span) for span in spans])
    if isinstance(scores, str):
        return scores
    return _located(snippet, spans[scores.index(max(scores))])


async def shorten(query: str, snippets: Sequence[Snippet], reranker: Reranker | None = None) -> Shortened:
    """The snippets; those longer than any passage of ours are cut to one around their best sentence.

    What is cut is another passage and has an id of its own. Raises ReplayError.
    """
    found = await asyncio.gather(*(_shorten(query, snippet, reranker) for snippet in snippets))
    return Shortened([one.snippet for one in found], [*dict.fromkeys(one.why for one in found if one.why)])


class _Short(NamedTuple):
    snippet: Snippet
    why: str | None = None
    """Why the words decided though a model was to do so."""


async def _shorten(query: str, snippet: Snippet, reranker: Reranker | None) -> _Short:
    if len(snippet.text) <= LONGEST:
        return _Short(snippet)
    if reranker is None:
        return _Short(cut_around(snippet, best_sentence(query, snippet).span))
    found = await best_sentence_by(reranker, query, snippet)
    if isinstance(found, str):
        return _Short(cut_around(snippet, best_sentence(query, snippet).span), found)
    return _Short(cut_around(snippet, found.span))


def cut_around(snippet: Snippet, best: SentenceSpan, longest: int = TARGET) -> Snippet:
    """Whole sentences around one of a snippet, together at most `longest` code points; a longer one is cut."""
    start, end = _window(_spans(snippet), best, longest)
    if end - start > longest:
        blank = snippet.text.rfind(" ", start, start + longest)
        end = blank if blank > start else start + longest
    if (start, end) == (0, len(snippet.text)):
        return snippet
    place = _in_source(snippet, SentenceSpan(start, end))
    values = snippet.model_dump(exclude={"id", "text", "start", "end"})
    offsets = {} if place is None else place._asdict()
    return Snippet.model_validate({**values, "text": snippet.text[start:end], **offsets})


def _window(spans: Sequence[SentenceSpan], best: SentenceSpan, longest: int) -> SentenceSpan:
    """As many sentences as fit, about as much before the best one as behind it."""
    first = last = spans.index(best)
    while True:
        fits_before = first > 0 and spans[last].end - spans[first - 1].start <= longest
        fits_behind = last + 1 < len(spans) and spans[last + 1].end - spans[first].start <= longest
        if not (fits_before or fits_behind):
            return SentenceSpan(spans[first].start, spans[last].end)
        if fits_before and (not fits_behind or best.start - spans[first].start < spans[last].end - best.end):
            first -= 1
        else:
            last += 1


def _ranked(query: str, snippet: Snippet) -> list[SentenceSpan]:
    """The sentences, those that hold most of the query first."""
    sentences = by_relevance(query, [_sentence(snippet, span) for span in _spans(snippet)])
    return [SentenceSpan(sentence.start or 0, sentence.end or 0) for sentence in sentences]


def _spans(snippet: Snippet) -> list[SentenceSpan]:
    return split_sentences(snippet.text[:_LOOKED_AT]) or [SentenceSpan(0, len(snippet.text))]


def _sentence(snippet: Snippet, span: SentenceSpan) -> Snippet:
    """A sentence by itself, with its offsets in the snippet's text."""
    return Snippet(text=snippet.text[span.start : span.end], start=span.start, end=span.end)


def _located(snippet: Snippet, span: SentenceSpan) -> Located:
    return Located(span, _in_source(snippet, span))


def _in_source(snippet: Snippet, span: SentenceSpan) -> SentenceSpan | None:
    """A span of the snippet's text in its source; None where the text is no exact stretch of it."""
    if snippet.start is None or snippet.end is None or snippet.end - snippet.start != len(snippet.text):
        return None
    return SentenceSpan(snippet.start + span.start, snippet.start + span.end)
