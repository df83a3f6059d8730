"""Sources by name: from `europepmc` or `semanticscholar:papers` to what is searched.

In: a specification, NAME or NAME:ARGUMENT; the client, filters; settings from the environment. Out: a `SearchTool`, or
what a person should know of each source. Other packages add sources by an entry point of the group
`citerefine.sources`: its name is the source's, its value is called as `Source` is. Modules are imported when one of
their sources is opened. Not here: searching; several sources as one (fusing/).
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, NamedTuple

from citerefine.refiner.errors import InputError
from citerefine.refiner.protocols import SearchTool
from citerefine.tools.filters import Filters
from citerefine.tools.sources.settings import settings_from_environment
from citerefine.tools.web.client import WebClient

GROUP: Final = "citerefine.sources"
"""Of entry points."""
BUILT_IN: Final[dict[str, str]] = {
    "semanticscholar": "semanticscholar:SemanticScholar",
    "europepmc": "europepmc:EuropePmc",
    "openalex": "openalex:OpenAlex",
    "arxiv": "arxiv:Arxiv",
    "pubmed": "pubmed:PubMed",
    "crossref": "crossref:Crossref",
    "wikipedia": "wikipedia:Wikipedia",
    "searxng": "searxng:Searxng",
    "serper": "serper:Serper",
    "tavily": "tavily:Tavily",
    "brave": "brave:Brave",
    "exa": "exa:Exa",
    "mcp": "mcp_client:McpSearch",
}
"""Name → module beside this one and class, in the order in which they are told of."""


COMPOSED: Final = ("local:PATH", "scholarly", "first:A,B")
"""What else can be named where several may be searched (tools/opening.py, app/searching.py)."""


class SourceSpec(NamedTuple):
    """What `--source` names."""

    name: str
    argument: str | None

    def __str__(self) -> str:
        return self.name if self.argument is None else f"{self.name}:{self.argument}"


def read_spec(text: str) -> SourceSpec:
    """A specification. Raises InputError for an empty one.

    >>> read_spec("local:papers.db").argument
    'papers.db'
    """
    name, colon, argument = text.strip().partition(":")
    if not name or (colon and not argument.strip()):
        raise InputError(f"{text!r} names no source; write NAME or NAME:ARGUMENT, as in europepmc:fulltext")
    return SourceSpec(name.lower(), argument.strip() or None)


def open_source(spec: str | SourceSpec, web: WebClient, filters: Filters | None = None) -> SearchTool:
    """A source, with settings from the environment.

    Args:
        spec: NAME or NAME:ARGUMENT.
        web: what its requests go through.
        filters: for all its searches.

    Raises:
        InputError: if there is no such source, or its argument or address is none.
    """
    name, argument = read_spec(spec) if isinstance(spec, str) else spec
    opened: SearchTool = source_kind(name)(
        web, settings_from_environment(name, key_variable(name)), filters, argument
    )
    return opened


def key_variable(name: str) -> str | None:
    """The variable that holds a source's key, if it takes one. Raises InputError."""
    variable: str | None = getattr(source_kind(name), "key_variable", None)
    return variable


def source_kind(name: str) -> Callable[..., Any]:
    """The class of a source. Raises InputError if there is none of that name, or it cannot be loaded."""
    if name in BUILT_IN:
        module, _, kind = BUILT_IN[name].partition(":")
        return getattr(import_module(f"citerefine.tools.sources.{module}"), kind)  # type: ignore[no-any-return]
    found = _foreign().get(name)
    if found is None:
        several = "; name each with an option of its own" if "," in name else ""
        known = ", ".join([*BUILT_IN, *_foreign(), *COMPOSED])
        raise InputError(f"there is no source {name!r}{several}; there are: {known}")
    try:
        return found.load()  # type: ignore[no-any-return]
    except Exception as error:  # code of others, which may raise anything
        raise InputError(f"the source {name!r} of {found.value} cannot be loaded: {error}") from error


def _foreign() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in BUILT_IN}


class Known(NamedTuple):
    """What a person should know of a source."""

    name: str
    title: str
    key_variable: str | None
    disabled: str | None
    """Why it cannot be used, and what to do; None if it can."""


def known_sources() -> Iterator[Known]:
    """All sources, also those that cannot be used as things are."""
    web = WebClient()
    for name in [*BUILT_IN, *_foreign()]:
        try:
            opened = open_source(name, web)
        except InputError as error:
            yield Known(name, name, None, str(error))
            continue
        disabled: Callable[[], str | None] = getattr(opened, "disabled", lambda: None)
        yield Known(name, getattr(opened, "title", name), getattr(opened, "key_variable", None), disabled())
