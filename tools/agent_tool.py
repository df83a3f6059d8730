"""Any search as a tool that an agent of LangChain or LangGraph may call.

In: a `SearchTool`. Out: a LangChain tool that takes a query. Its text shows the model what was found; the records
travel beside it as the message's artifact, where `RefinerMiddleware` and `refine_tool` take their evidence from.
Not here: searching, refining.
"""

from typing import Annotated, Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException

from citerefine.refiner.background import run
from citerefine.refiner.bridge.documents import told_apart
from citerefine.refiner.bridge.retrievers import checked
from citerefine.refiner.errors import CiterefineError
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.protocols import SearchPage, SearchTool
from citerefine.refiner.tags.markup import escape

_Found = tuple[str, list[dict[str, Any]]]


def search_tool(
    search: SearchTool, *, name: str | None = None, description: str | None = None, k: int = 8
) -> BaseTool:
    """A tool that searches one source.

    The text is `<snippet id=…>` blocks with full ids, which tell passages of several searches apart; nothing in a
    passage can open or close a block. A source that fails is reported to the model with the status `error`, and is
    no evidence; it does not end the agent's run.

    Args:
        search: the source.
        name: what the model calls it; the source's name if left out.
        description: what the model is told of it.
        k: about how many passages one search gives at most.
    """

    async def asearch(query: Annotated[str, "What to search for, in a few words"]) -> _Found:
        return _found(await _search(search, query, k))

    def search_now(query: Annotated[str, "What to search for, in a few words"]) -> _Found:
        return run(asearch(query))

    about = description or f"Searches {search.name} and gives the passages that fit best, with their ids."
    return StructuredTool.from_function(
        search_now,
        asearch,
        name=name or search.name,
        description=about,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


async def _search(search: SearchTool, query: str, k: int) -> SearchPage:
    """What the source gave. Raises ToolException where it failed: its text is what the model is told."""
    try:
        return checked(await search.search(query, k), search.name)
    except CiterefineError as error:
        raise ToolException(escape(str(error))) from error
    except Exception as error:  # whatever a search raises is a failed search; its text may hold addresses and keys
        raise ToolException(f"{search.name} could not be searched: {type(error).__name__}") from error


def _found(page: SearchPage) -> _Found:
    snippets = told_apart(page.snippets)
    shown = Evidence(snippets).render("native") if snippets else "Nothing was found."
    notes = "".join(f"\n(Note: {escape(warning)})" for warning in page.warnings)
    records = [{**snippet.model_dump(mode="json", exclude_defaults=True), "id": snippet.id} for snippet in snippets]
    return shown + notes, records
