"""Chooses the tool of an MCP server that searches, and makes its arguments.

In: the tools that a server lists, with their JSON schemas; a name, or none; values of other fields, as a person wrote
them. Out: `QueryTool`. Of the schemas, which
strangers wrote, only this is looked at: the name of each field, whether it is needed, and whether it holds text. Not
here: calling it.
"""

from collections.abc import Container, Mapping, Sequence
from math import isfinite
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from citerefine.tools.sources.wire import Wire
from citerefine.tools.web.failures import WebFailure, clean

_QUERIES: Final = ("query", "q", "question", "search", "search_query", "text", "input")
"""Names of fields that hold a query."""
_LIMITS: Final = ("limit", "k", "num_results", "max_results", "count", "top_k", "n")
"""Names of fields that say how many hits are wanted."""
_BOOLEANS: Final = {"true": True, "false": False}


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
    given: Mapping[str, JsonValue]
    """Other fields, the same for every search."""

    def arguments(self, query: str, k: int) -> dict[str, JsonValue]:
        """What it is called with."""
        limit = k if self.most is None else min(k, self.most)
        return {self.query: query} | ({self.limit: limit} if self.limit else {}) | dict(self.given)


def choose_tool(
    tools: Sequence[ListedTool], name: str | None, server: str, given: Sequence[tuple[str, str]] = ()
) -> QueryTool:
    """The tool of that name, or the only one that searches; `given`: fields of a named tool and their values.

    Raises:
        WebFailure: if there is none, or there are several, or the named one takes no query or not the fields that are
            given; with the names there are.
    """
    if name is not None:
        listed = next((tool for tool in tools if tool.name == name), None)
        if listed is None:
            raise _no_tool(f"{server} has no tool {name!r}; it has: {_names(tools)}")
        values = {field: _typed(listed, field, value) for field, value in given}
        query = _query_field(listed.input_schema, (), values)
        if query is None:
            raise _no_tool(
                f"the tool {name!r} of {server} cannot be asked: it needs other fields than one text "
                f"({_needed(listed.input_schema)}); give the others, as in #{name}?FIELD=VALUE"
            )
        return _query_tool(listed, query, values)
    found = [(tool, query) for tool in tools if (query := _query_field(tool.input_schema, _QUERIES)) is not None]
    if len(found) == 1:
        return _query_tool(*found[0])
    if found:
        several = _names([tool for tool, _ in found])
        raise _no_tool(f"{server} has several tools that search; add one behind #: {several}")
    raise _no_tool(f"{server} has no tool that takes a query; it has: {_names(tools)}")


def takes_id(tools: Sequence[ListedTool], name: str) -> bool:
    """Whether there is a tool of that name that needs a text named `id`, and nothing else."""
    return any(tool.name == name and _query_field(tool.input_schema, ("id",)) == "id" for tool in tools)


def _query_field(schema: Mapping[str, Any], names: Sequence[str], given: Container[str] = ()) -> str | None:
    """The one field needed besides those given, if it holds text, and has one of the names where there are any."""
    needed = schema.get("required")
    needed = needed if isinstance(needed, list) else []
    needed = [field for field in needed if not (isinstance(field, str) and field in given)]
    fields = {name: field for name, field in _fields(schema).items() if name not in given}
    if not needed:  # what nobody needs to fill in is a query only by its name
        needed, names = [field for field in _QUERIES if field in fields][:1], _QUERIES
    if len(needed) != 1 or not isinstance(needed[0], str) or (names and needed[0] not in names):
        return None
    return needed[0] if _holds(fields.get(needed[0]), "string") else None


def _query_tool(tool: ListedTool, query: str, given: Mapping[str, JsonValue] | None = None) -> QueryTool:
    fields, given = _fields(tool.input_schema), given or {}
    others = [name for name in _LIMITS if name != query and name not in given]
    limit = next((name for name in others if _holds(fields.get(name), "integer", "number")), None)
    most = fields[limit].get("maximum") if limit else None
    return QueryTool(tool.name, query, limit, most if isinstance(most, int) and most > 0 else None, given)


def _typed(tool: ListedTool, name: str, written: str) -> JsonValue:
    """A value as the tool's schema wants it. Raises WebFailure."""
    fields = _fields(tool.input_schema)
    if name not in fields:
        known = clean(", ".join(map(str, fields)), ()) or "none"
        raise _no_tool(f"the tool {tool.name!r} has no field {name!r}; it has: {known}")
    try:
        if _holds(fields[name], "string"):
            return written
        if _holds(fields[name], "integer"):
            return int(written)
        if _holds(fields[name], "number") and isfinite(number := float(written)):
            return number
        if _holds(fields[name], "boolean"):
            return _BOOLEANS[written.lower()]
    except (ValueError, KeyError):
        pass
    raise _no_tool(f"the field {name!r} of the tool {tool.name!r} does not take {written!r}, by the tool's schema")


def _needed(schema: Mapping[str, Any]) -> str:
    needed = schema.get("required")
    return clean(", ".join(map(str, needed)), ()) if isinstance(needed, list) and needed else "none is needed"


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
