"""Chooses the tool of an MCP server that searches, and makes its arguments.

In: the tools that a server lists, with their JSON schemas; a name, or none. Out: `QueryTool`. Of the schemas, which
strangers wrote, only this is looked at: the name of each field, whether it is needed, and whether it holds text. Not
here: calling it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from citerefine.tools.sources.wire import Wire
from citerefine.tools.web.failures import WebFailure, clean

_QUERIES: Final = ("query", "q", "question", "search", "search_query", "text", "input")
"""Names of fields that hold a query."""
_LIMITS: Final = ("limit", "k", "num_results", "max_results", "count", "top_k", "n")
"""Names of fields that say how many hits are wanted."""


class ListedTool(Wire):
    """A tool, as a server lists it."""

    name: str
    input_schema: dict[str, Any]


class QueryTool(NamedTuple):
    """A tool that can be asked."""

    name: str
    query: str
    """Its field for the query."""
    limit: str | None
    """Its field for how many hits, if it has one."""
    most: int | None
    """What that field takes at most."""

    def arguments(self, query: str, k: int) -> dict[str, JsonValue]:
        """What it is called with."""
        limit = k if self.most is None else min(k, self.most)
        return {self.query: query} | ({self.limit: limit} if self.limit else {})


def choose_tool(tools: Sequence[ListedTool], name: str | None, server: str) -> QueryTool:
    """The tool of that name, or the only one that searches.

    Raises:
        WebFailure: if there is none, or there are several, or the named one takes no query; with the names there are.
    """
    if name is not None:
        listed = next((tool for tool in tools if tool.name == name), None)
        if listed is None:
            raise _no_tool(f"{server} has no tool {name!r}; it has: {_names(tools)}")
        query = _query_field(listed.input_schema, ())
        if query is None:
            raise _no_tool(f"the tool {name!r} of {server} cannot be asked: it needs other fields than one text")
        return _query_tool(listed, query)
    found = [(tool, query) for tool in tools if (query := _query_field(tool.input_schema, _QUERIES)) is not None]
    if len(found) == 1:
        return _query_tool(*found[0])
    if found:
        several = _names([tool for tool, _ in found])
        raise _no_tool(f"{server} has several tools that search; add one behind #: {several}")
    raise _no_tool(f"{server} has no tool that takes a query; it has: {_names(tools)}")


def _query_field(schema: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The one field that is needed, if it holds text, and has one of the names where there are any."""
    fields, needed = _fields(schema), schema.get("required")
    needed = needed if isinstance(needed, list) else []
    if not needed:  # what nobody needs to fill in is a query only by its name
        needed, names = [field for field in _QUERIES if field in fields][:1], _QUERIES
    if len(needed) != 1 or not isinstance(needed[0], str) or (names and needed[0] not in names):
        return None
    return needed[0] if _holds(fields.get(needed[0]), "string") else None


def _query_tool(tool: ListedTool, query: str) -> QueryTool:
    fields = _fields(tool.input_schema)
    limit = next((name for name in _LIMITS if name != query and _holds(fields.get(name), "integer", "number")), None)
    most = fields[limit].get("maximum") if limit else None
    return QueryTool(tool.name, query, limit, most if isinstance(most, int) and most > 0 else None)


def _fields(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = schema.get("properties")
    return fields if isinstance(fields, Mapping) else {}


def _holds(field: object, *kinds: str) -> bool:
    """Whether a field takes values of one of the kinds, perhaps among others."""
    if not isinstance(field, Mapping):
        return False
    choices = field.get("anyOf")
    ways = [field, *(choices if isinstance(choices, list) else ())]
    held = [way.get("type") for way in ways if isinstance(way, Mapping)]
    return any(kind in kinds for one in held for kind in (one if isinstance(one, list) else [one]))


def _names(tools: Sequence[ListedTool]) -> str:
    return clean(", ".join(tool.name for tool in tools), ()) or "none"


def _no_tool(message: str) -> WebFailure:
    return WebFailure(message, "bad_request")
