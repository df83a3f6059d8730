"""What the text renderers say about an answer: counts, remarks, names and excerpts of sources.

In: parts of an `AnswerView`. Out: plain strings on one line, fit to print, the same in every text medium. Not
here: the markup around them.
"""

from typing import Final

from citerefine.refiner.language.sentences import split_sentences
from citerefine.refiner.report.terminal_text import one_line
from citerefine.refiner.report.view import AnswerView, SnippetView, SourceView

MAX_EXCERPT: Final = 300
"""Longest excerpt, in code points; a longer sentence is cut at a word."""
MAX_EXCERPTS: Final = 3
"""With more supporting sentences than this in one snippet, the others are only counted."""
_MAX_SHORT_TITLE: Final = 40


def counts(view: AnswerView) -> str:
    """How much was claimed and from what, as in `3 claims, 2 cited (67 %); 2 sources; 3 of 12 snippets cited`."""
    n_claims, n_sources = len(view.claims), len(view.sources)
    share = f" ({round(100 * view.n_cited / n_claims)} %)" if n_claims else ""
    n_used = sum(len(source.snippets) for source in view.sources)
    parts = [
        f"{_number(n_claims, 'claim')}, {view.n_cited} cited{share}",
        _number(n_sources, "source"),
        f"{n_used} of {_number(view.n_snippets, 'snippet')} cited",
    ]
    return "; ".join(parts)


def _number(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def not_answered(view: AnswerView) -> str | None:
    """A sentence for an answer that nothing supports; None for all others."""
    if view.answered:
        return None
    if not view.n_snippets:
        return "Not answered from sources: no snippets were found."
    at_hand = "the one snippet" if view.n_snippets == 1 else f"any of the {view.n_snippets} snippets"
    return f"Not answered from sources: no claim cites {at_hand} at hand."


def remarks(view: AnswerView) -> list[str]:
    """The notes, and behind them what was odd in the model's text."""
    odd = (f"In the model's text: {issue}" for issue in view.issues)
    return [line for remark in (*view.notes, *odd) if (line := one_line(remark))]


def title(source: SourceView) -> str:
    """The source's title on one line; its first snippet's id if nothing of it can be shown."""
    return one_line(source.title) or f"passage {source.snippets[0].snippet.id}"


def unlinked_address(source: SourceView) -> str | None:
    """The address as text if it is of a kind that is never linked, such as `javascript:`."""
    url = source.snippets[0].snippet.url
    return one_line(url) if source.link is None and url else None


def short_name(source: SourceView) -> str:
    """First author and year, as in `Berg et al. 2019`; the title where no author is known."""
    first = source.snippets[0].snippet
    families = [_family(name) for author in first.authors if (name := one_line(author))]
    if not families:
        name = _cut(title(source), _MAX_SHORT_TITLE)
    else:
        name = " and ".join(families) if len(families) <= 2 else f"{families[0]} et al."
    return name if first.year is None else f"{name} {first.year}"


def _family(author: str) -> str:
    """`Berg` of `Berg, A.` and of `A. Berg`."""
    family, comma, _ = author.partition(",")
    return family.strip() if comma and family.strip() else author.split()[-1]


def excerpts(snippet: SnippetView) -> list[str]:
    """The sentences that carry the claims, never the whole of a long snippet; its beginning if none was found."""
    text = snippet.snippet.text
    spans = [(start, end) for start, end, _ in snippet.quotes[:MAX_EXCERPTS]] or [(0, len(text))]
    lines = (one_line(text[start:end]) for start, end in _sentences_around(spans, text))
    found = [_cut(line, MAX_EXCERPT) for line in lines if line]
    return found or [f"passage {snippet.snippet.id}"]


def _sentences_around(spans: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """The spans widened to whole sentences where these are short enough to be shown; each stretch once."""
    sentences = split_sentences(text)
    widened: list[tuple[int, int]] = []
    for start, end in spans:
        around = [sentence for sentence in sentences if sentence.start < end and start < sentence.end]
        if around and around[-1].end - around[0].start <= MAX_EXCERPT:
            start, end = around[0].start, around[-1].end
        if not widened or end > widened[-1][1]:
            widened.append((start, end))
    return widened


def passage(snippet: SnippetView) -> str:
    """Where the excerpts stand and how near they are to the claims, as in `page 4, word for word`."""
    left_out = len(snippet.quotes) - MAX_EXCERPTS
    more = f"{_number(left_out, 'more sentence')} not shown" if left_out > 0 else ""
    return ", ".join(filter(None, (one_line(snippet.place), _nearness(snippet), more)))


def _nearness(snippet: SnippetView) -> str:
    if not snippet.quotes:
        return "no sentence resembles the claim, the passage begins"
    if all(quote.verbatim for quote in snippet.quotes):
        return "word for word"
    if any(quote.verbatim for quote in snippet.quotes):
        return "in part word for word"
    return "nearest sentence" if len(snippet.quotes) == 1 else "nearest sentences"


def _cut(text: str, limit: int) -> str:
    """`text` of at most `limit` code points, cut at a word where it has one, with `…` where it was cut."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    words = head.rpartition(" ")[0]
    return (words if len(words) > limit // 2 else head).rstrip() + " …"
