"""What a run searches, by name: one search tool made of all sources that somebody named.

In: specifications such as `europepmc`, `semanticscholar:papers`, `scholarly` or `first:openalex,crossref`; local
corpora; filters; the client. Out: one `SearchTool`: the source itself, or several asked at once and fused. `first:`
asks its sources in order, until one finds something. Not here: sources (sources/), fusing (fusing/), reading pages
(fetching/).
"""

from collections.abc import Callable, Sequence
from typing import Final

from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import SearchTool
from citerefine.tools.filters import Filters
from citerefine.tools.fusing.fallback import FallbackSearch
from citerefine.tools.fusing.fused_search import FusedSearch
from citerefine.tools.fusing.pages import joined
from citerefine.tools.fusing.reranking import Reranker
from citerefine.tools.sources.registry import open_source, read_spec
from citerefine.tools.web.client import WebClient

OR: Final = "-or-"
"""Between the names of sources that are asked in turn."""
FIRST: Final = "first"
"""What a specification of a chain begins with."""
CHAINS: Final[dict[str, tuple[str, ...]]] = {"scholarly": ("semanticscholar", "europepmc", "openalex", "arxiv")}
"""Name → sources that are asked in this order: snippets of full text first, then abstracts; the last ones are slow, or
serve few requests without a key."""


def open_search(
    specs: Sequence[str],
    web: WebClient,
    filters: Filters | None = None,
    *,
    local: Sequence[SearchTool] = (),
    reranker: Reranker | None = None,
) -> SearchTool:
    """One search of everything that is named.

    Args:
        specs: of sources, each once.
        web: what their requests go through.
        filters: for all of them; local corpora have none.
        local: searched beside them.
        reranker: orders what all of them found.

    Raises:
        InputError: if a source is not known, cannot be used as things are, or is named twice, or none is named.
    """
    named = [*dict.fromkeys(str(read_spec(spec)) for spec in specs)]
    tools = [*local, *(_opened(spec, web, filters) for spec in named)]
    if not tools:
        raise InputError("nothing to search is named; name a source, as in europepmc, or a corpus")
    if len(tools) == 1 and reranker is None:
        return tools[0]
    return FusedSearch(tools, reranker=reranker)


def _opened(spec: str, web: WebClient, filters: Filters | None) -> SearchTool:
    name, argument = read_spec(spec)
    if name in CHAINS and argument is None:
        return FallbackSearch([open_source(part, web, filters) for part in CHAINS[name]], name)
    if name == FIRST:
        parts = [part.strip() for part in (argument or "").split(",") if part.strip()]
        if len(parts) < 2:
            raise InputError(f"{spec!r} is no chain; name two sources or more, as in first:europepmc,openalex")
        return _chain([_usable(open_source(part, web, filters), web) for part in parts])
    return _usable(open_source(spec, web, filters), web)


def _chain(tools: Sequence[SearchTool]) -> SearchTool:
    return FallbackSearch(tools, joined(tools, OR))


def _usable(tool: SearchTool, web: WebClient) -> SearchTool:
    """The tool. Raises InputError for a source that was asked for by name and cannot be used."""
    if web.replays:  # nobody is asked, so that neither key nor address is needed
        return tool
    disabled: Callable[[], str | None] | None = getattr(tool, "disabled", None)
    if disabled is not None and (why := disabled()) is not None:
        raise InputError(f"the source {tool.name} cannot be used: {why}")
    return tool
