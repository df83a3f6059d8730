"""What search engines of the web have in common: results as snippets, queries and codes as they take them.

In: results as each engine gives them; queries, codes of countries and languages. Out: `Hits`; a shorter query, another
code, each with a warning where need be. What an engine cuts off, with `…` or `...`, stays as it is. Not here: asking
and reading (each engine).
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from urllib.parse import urlsplit

from citerefine.refiner.records import Snippet
from citerefine.tools.sources.source import Hits, left_out, passages_of, strange
from citerefine.tools.sources.wire import year_in


class WebResult(NamedTuple):
    """A page of the web that an engine found."""

    url: str | None
    title: str | None
    texts: Sequence[str | None]
    """Stretches of the page, each of which stands for itself."""
    date: str | None = None
    """Of publication, in whatever form; a date such as `2 days ago` says no year."""
    authors: tuple[str, ...] = ()
    venue: str | None = None


def web_hits(engine: str, results: Sequence[WebResult], k: int, n_strange: int, fetched_at: datetime | None) -> Hits:
    """The snippets of the first `k` results that are evidence, and how many are none.

    Args:
        engine: what `source` begins with.
        results: best first.
        k: results that were asked for; some engines give more.
        n_strange: results that could not be read.
        fetched_at: when the engine was asked.
    """
    placed = [result for result in results if _is_address(result.url)]
    told = [result for result in placed if any(map(_said, result.texts))]
    warnings = [
        *strange(n_strange),
        *left_out(len(results) - len(placed), "no address on the web"),
        *left_out(len(placed) - len(told), "no text"),
    ]
    return Hits([snippet for result in told[:k] for snippet in _snippets(engine, result, fetched_at)], warnings)


def _snippets(engine: str, result: WebResult, fetched_at: datetime | None) -> list[Snippet]:
    fields = {
        "title": result.title,
        "authors": result.authors,
        "year": year_in(result.date),
        "venue": result.venue,
        "url": result.url,
        "source": f"{engine}:{result.url}",
        "retrieved_at": fetched_at,
    }
    texts = dict.fromkeys(filter(None, map(_said, result.texts)))  # some engines give a stretch twice
    return [snippet for text in texts for snippet in passages_of(text, **fields)]


def _said(text: str | None) -> str:
    return (text or "").strip()


def _is_address(url: str | None) -> bool:
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def shortened(query: str, most: int, most_words: int | None = None) -> tuple[str, list[str]]:
    """The query cut behind a word, and a warning if it was cut.

    Args:
        query: words with one blank between them.
        most: code points that the engine takes.
        most_words: words that it takes.
    """
    short = " ".join(query.split()[:most_words])
    if len(short) > most:
        short = short[: most + 1].rpartition(" ")[0] or short[:most]
    if short == query:
        return query, []
    return short, [f"the query was cut to {len(short)} of {len(query)} characters: it takes no longer one"]


def code_for(engine: str, name: str, code: str | None) -> tuple[str | None, list[str]]:
    """What an engine calls a country or a language, and a warning if it knows none of that code.

    Args:
        engine: name of a source.
        name: of the filter: `country` or `language`.
        code: as the filter has it.
    """
    if code is None:
        return None, []
    known = _codes()[engine][name].get(code)
    return known, [] if known else [f"it knows no {name} {code!r}: not done"]


@cache
def _codes() -> dict[str, dict[str, dict[str, str]]]:
    """Engine → name of a filter → code in the filter → what the engine calls it."""
    text = files("citerefine.tools.sources").joinpath("engine_codes.json").read_text("utf-8")
    codes: dict[str, dict[str, dict[str, str]]] = json.loads(text)
    return codes
