"""Which tool of an MCP server is asked, and with what."""

from typing import Any

import pytest

from citerefine.tools.sources.mcp_tool import ListedTool, choose_tool, takes_id
from citerefine.tools.web.failures import WebFailure

TEXT: dict[str, Any] = {"type": "string"}


def tool(name: str, fields: dict[str, Any], *required: str) -> ListedTool:
    return ListedTool(name=name, input_schema={"type": "object", "properties": fields, "required": [*required]})


@pytest.mark.parametrize("name", ["query", "q", "question", "search", "search_query", "text", "input"])
def test_a_tool_that_needs_one_text_of_a_known_name_searches(name: str) -> None:
    chosen = choose_tool([tool("find", {name: TEXT, "lang": TEXT}, name)], None, "lake")
    assert chosen.arguments("perch", 3) == {name: "perch"}


@pytest.mark.parametrize("name", ["limit", "k", "num_results", "max_results", "count", "top_k", "n"])
def test_the_limit_goes_by_its_name_and_keeps_to_its_maximum(name: str) -> None:
    fields = {"query": TEXT, name: {"type": "integer", "maximum": 10}}
    chosen = choose_tool([tool("find", fields, "query")], None, "lake")
    assert chosen.arguments("perch", 3) == {"query": "perch", name: 3}
    assert chosen.arguments("perch", 30) == {"query": "perch", name: 10}


def test_fields_that_may_be_null_are_read_alike() -> None:
    fields = {"q": {"anyOf": [TEXT, {"type": "null"}]}, "limit": {"type": ["integer", "null"]}}
    assert choose_tool([tool("find", fields)], None, "lake").arguments("perch", 3) == {"q": "perch", "limit": 3}


def test_a_named_tool_may_call_its_text_anything() -> None:
    topic = tool("find", {"topic": TEXT}, "topic")
    assert choose_tool([topic], "find", "lake").arguments("perch", 1) == {"topic": "perch"}
    with pytest.raises(WebFailure, match="has no tool that takes a query; it has: find"):
        choose_tool([topic], None, "lake")


@pytest.mark.parametrize(
    "other",
    [
        tool("fetch", {"url": TEXT}, "url"),
        tool("both", {"query": TEXT, "index": TEXT}, "query", "index"),
        tool("number", {"query": {"type": "integer"}}, "query"),
        tool("nothing", {}),
        ListedTool(name="strange", input_schema={"properties": [1], "required": "query"}),
        ListedTool(name="stranger", input_schema={"properties": {"query": 1}, "required": [{}]}),
    ],
)
def test_other_tools_do_not_search(other: ListedTool) -> None:
    search = tool("find", {"query": TEXT}, "query")
    assert choose_tool([other, search], None, "lake").name == "find"
    with pytest.raises(WebFailure):
        choose_tool([other], None, "lake")


def test_several_tools_that_search_are_named() -> None:
    with pytest.raises(WebFailure, match=r"lake has several tools that search; add one behind #: papers, web"):
        choose_tool([tool(name, {"query": TEXT}, "query") for name in ("papers", "web")], None, "lake")


FIELDS: dict[str, Any] = {
    "query": TEXT,
    "collection": TEXT,
    "year": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    "score": {"type": "number"},
    "deep": {"type": "boolean"},
    "tags": {"type": "array"},
    "limit": {"type": "integer"},
}


def test_given_fields_take_the_types_of_the_schema_and_a_given_limit_stays() -> None:
    given = [("collection", "7"), ("year", "2019"), ("score", "0.5"), ("deep", "False"), ("limit", "50")]
    chosen = choose_tool([tool("find", FIELDS, "query", "collection")], "find", "lake", given)
    assert chosen.arguments("perch", 3) == {
        "query": "perch", "collection": "7", "year": 2019, "score": 0.5, "deep": False, "limit": 50,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("volume", "1", "'find' has no field 'volume'; it has: query, collection, year"),
        ("year", "soon", "the field 'year' of the tool 'find' does not take 'soon'"),
        ("score", "nan", "does not take 'nan'"),
        ("deep", "perhaps", "does not take 'perhaps'"),
        ("tags", "lake", "does not take 'lake'"),
        ("query", "perch", "it needs other fields than one text"),
    ],
)
def test_what_a_tool_does_not_take_is_said(name: str, value: str, says: str) -> None:
    with pytest.raises(WebFailure, match=says):
        choose_tool([tool("find", FIELDS, "query")], "find", "lake", [(name, value)])


def test_a_tool_that_needs_more_says_what() -> None:
    with pytest.raises(WebFailure, match=r"\(query, collection\); give the others, as in #find\?FIELD=VALUE"):
        choose_tool([tool("find", FIELDS, "query", "collection")], "find", "lake")


def test_a_tool_fetches_by_id_if_it_needs_that_and_no_more() -> None:
    assert takes_id([tool("fetch", {"id": TEXT, "lang": TEXT}, "id")], "fetch")
    for other in (tool("fetch", {"url": TEXT}, "url"), tool("fetch", {"id": TEXT, "part": TEXT}, "id", "part")):
        assert not takes_id([other], "fetch")
