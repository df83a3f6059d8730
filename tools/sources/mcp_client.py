"""Any MCP server's search as a source: `mcp:https://host/mcp`, `mcp:COMMAND ARGUMENTS`, with `#tool` behind it.

In: a query. Out: a `SearchPage` of what the tool gave; where it only names its hits, and the server has a tool `fetch`,
of the texts of the first hits. Replies are kept and replayed as those of all sources are, the
list of tools among them, so that a replay starts nothing. Needs the extra `mcp`. Not here: reaching the server
(mcp_calls.py), which of its tools is asked (mcp_tool.py), how results are read (mcp_hits.py, mcp_fetched.py).
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from pydantic import JsonValue

from citerefine.refiner.errors import ReplayError
from citerefine.refiner.protocols import Outcome, SearchPage
from citerefine.refiner.tags.markup import scrub
from citerefine.tools.filters import Filters
from citerefine.tools.sources.mcp_fetched import FETCH, MOST_FETCHED, NamedHit, best_passages, named_hits, read_fetched
from citerefine.tools.sources.mcp_hits import read_result
from citerefine.tools.sources.mcp_target import McpTarget, read_target
from citerefine.tools.sources.mcp_token import VARIABLE, host_variable, is_ambiguous, note_unnamed, token_of_host
from citerefine.tools.sources.mcp_tool import ListedTool, choose_tool, takes_id
from citerefine.tools.sources.settings import SourceSettings
from citerefine.tools.sources.source import LONGEST_QUERY, Hits, left_out
from citerefine.tools.sources.wire import entries, json_object
from citerefine.tools.web.client import WebClient
from citerefine.tools.web.failures import WebFailure, clean
from citerefine.tools.web.reply import WebReply
from citerefine.tools.web.request import WebRequest

if TYPE_CHECKING:  # of the extra
    from citerefine.tools.sources.mcp_calls import McpCalls
    from citerefine.tools.sources.mcp_server_tools import McpTools

T = TypeVar("T")

_MOST_PAGES: Final = 20
"""Pages of a list of tools that are read."""
_OF_THE_TOOL: Final = ("bad_request", "bad_response", "server_error")
"""Codes of failures that a tool may come to that is not what the kept list says."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")


class McpSearch:
    """The search of one MCP server: a `SearchTool` that also takes filters, to warn of them."""

    source_name: ClassVar[str] = "mcp"
    title: ClassVar[str] = "MCP servers"
    key_variable: ClassVar[str | None] = VARIABLE
    version: ClassVar[int] = 2
    """To be raised when what is asked or how it is read changes."""

    def __init__(
        self,
        web: WebClient,
        settings: SourceSettings | None = None,
        filters: Filters | None = None,
        argument: str | None = None,
    ) -> None:
        """Starts nothing yet.

        Args:
            web: its limits and its store are used; requests go through the mcp package.
            settings: the key is sent to servers on the web, as a bearer token, unless a variable holds one of the host.
            filters: no server is told of them.
            argument: the server, and perhaps the tool.

        Raises:
            InputError: for an argument that names no server, or a host's token that is none.
        """
        self.settings, self.filters = settings or SourceSettings(), filters or Filters()
        self._web = web
        server = argument or self.settings.base_url
        self._target = read_target(server) if server else None
        self._calls: McpCalls | None = None
        self._token = self.settings.key
        self._is_named = False
        if self._target is not None and self._target.url:
            self._choose_token(self._target, self._target.url)

    def _choose_token(self, target: McpTarget, url: str) -> None:
        own = token_of_host(url)
        self._token, self._is_named = own or self._token, own is not None
        if self._token is not None and not self._is_named and target.may_get_token:
            note_unnamed(url, self._token)

    @property
    def name(self) -> str:
        """How messages name it: with its tool, if one was named."""
        tool = self._target.tool if self._target else None
        return f"{self.source_name}_{_NOT_IN_NAMES.sub('_', tool)}" if tool else self.source_name

    def disabled(self) -> str | None:
        """Why it cannot be asked, and what to do; None if it can."""
        if self._target is None:
            return "name a server: mcp:https://host/mcp or mcp:COMMAND ARGUMENTS, with #TOOL where several tools search"
        if (url := self._target.url) and self._token is not None:
            variable = host_variable(url) if self._is_named else VARIABLE
            if not self._target.may_get_token:
                return f"{variable} is set, and {url} is no https address: anybody could read it"
            if not self._is_named and is_ambiguous(url):
                return f"{VARIABLE} is set, and several servers are named: none gets it; put it in {host_variable(url)}"
        if find_spec("mcp") is None:
            return "MCP servers need a package that is not installed; pip install 'citerefine[mcp]'"
        return None

    async def search(self, query: str, k: int, filters: Filters | None = None) -> SearchPage:
        """At most about `k` hits, best first. Never raises for what the server does.

        Raises:
            ReplayError: where it is replayed, and this search was not recorded.
        """
        why = None if self._web.replays else self.disabled()
        if why is not None or self._target is None:
            return SearchPage(outcome=Outcome.DISABLED, warnings=(why or "no server is named",))
        filters = self.filters if filters is None else filters
        said = [f"it cannot filter by {name}: not done" for name in filters.named]
        try:
            hits, cached = await self._find(self._target, " ".join(scrub(query).split())[:LONGEST_QUERY], max(1, k))
        except ReplayError:
            raise
        except WebFailure as failure:
            return SearchPage(outcome=failure.outcome, warnings=(str(failure), *said))
        return SearchPage(
            snippets=tuple(hits.snippets),
            outcome=Outcome.OK if hits.snippets else Outcome.EMPTY,
            warnings=(*said, *hits.warnings),
            cached=cached,
        )

    async def _find(self, target: McpTarget, query: str, k: int) -> tuple[Hits, bool]:
        tools, listed_before = await self._list(target)
        try:
            hits, known = await self._ask(target, tools, query, k)
        except WebFailure as failure:
            if not listed_before or self._web.replays or failure.code not in _OF_THE_TOOL:
                raise
            anew, _ = await self._list(target, anew=True)
            if anew == tools:
                raise
            hits, _ = await self._ask(target, anew, query, k)
            return hits, False
        return hits, known and listed_before

    async def _list(self, target: McpTarget, *, anew: bool = False) -> tuple[list[ListedTool], bool]:
        return await self._answer(target, {"method": "tools/list"}, _list_tools, _read_tools, anew=anew)

    async def _ask(self, target: McpTarget, tools: Sequence[ListedTool], query: str, k: int) -> tuple[Hits, bool]:
        """What the one of these tools finds that searches, and whether all of it was kept."""
        tool = choose_tool(tools, target.tool, target.address, target.given)

        def read(reply: WebReply) -> tuple[Hits, list[NamedHit]]:
            result = json_object(reply)
            return read_result(result, tool.name, k, reply.fetched_at), named_hits(result)

        (hits, named), known = await self._call_tool(target, tool.name, tool.arguments(query, k), read)
        if hits.snippets or not named or not takes_id(tools, FETCH):
            return hits, known
        fetched, fetched_before = await self._fetch(target, named, query, k)
        return fetched, known and fetched_before

    async def _fetch(self, target: McpTarget, named: Sequence[NamedHit], query: str, k: int) -> tuple[Hits, bool]:
        """The best passages of the first hits. Raises WebFailure if none of their texts is given."""
        first = named[: min(k, MOST_FETCHED)]
        texts, failures, cached = list[Hits](), list[WebFailure](), True
        for got in await asyncio.gather(*(self._fetch_one(target, hit) for hit in first)):
            if isinstance(got, WebFailure):
                failures.append(got)
            else:
                texts.append(got[0])
                cached &= got[1]
        if not texts:
            raise failures[0]
        found = await asyncio.to_thread(best_passages, texts, query, k)
        said = [f"a text was not fetched: {failure}" for failure in failures]
        beyond = left_out(len(named) - len(first), "only the first texts are fetched")
        return Hits(found.snippets, [*found.warnings, *said, *beyond]), cached and not failures

    async def _fetch_one(self, target: McpTarget, hit: NamedHit) -> tuple[Hits, bool] | WebFailure:
        def read(reply: WebReply) -> Hits:
            return read_fetched(json_object(reply), hit, reply.fetched_at)

        try:
            return await self._call_tool(target, FETCH, {"id": hit.id}, read)
        except WebFailure as failure:
            return failure

    async def _call_tool(
        self, target: McpTarget, name: str, arguments: dict[str, JsonValue], read: Callable[[WebReply], T]
    ) -> tuple[T, bool]:
        """What is read of a tool's result, and whether it was kept. Raises WebFailure, ReplayError."""

        async def call(server: "McpTools") -> JsonValue:
            result = await server.call_tool(name, arguments)
            return result.model_dump(mode="json", by_alias=True, exclude_none=True)

        return await self._answer(target, {"method": "tools/call", "name": name, "arguments": arguments}, call, read)

    async def _answer(
        self,
        target: McpTarget,
        body: Mapping[str, JsonValue],
        ask: Callable[["McpTools"], Awaitable[JsonValue]],
        read: Callable[[WebReply], T],
        *,
        anew: bool = False,
    ) -> tuple[T, bool]:
        """What is read of a reply, and whether it was kept; `anew`: none that is kept will do. Raises WebFailure,
        ReplayError."""
        request = WebRequest(
            source=self.source_name, version=self.version, method="POST", url=target.address, body=dict(body)
        )
        store = self._web.store
        if store is not None and not anew and (stored := store.find(request)) is not None:
            if stored.reply is None:
                raise stored.failure or WebFailure(f"{target.address} failed", "server_error")
            try:
                return read(stored.reply), True
            except ValueError as error:
                if self._web.replays:
                    said = f"the recorded reply to {request} cannot be read ({error}); record it anew"
                    raise ReplayError(said) from None
        try:
            reply = self._bounded(target, await self._call(target, ask))
            value = _read(reply, read, target)
        except asyncio.CancelledError:
            if store is not None:
                store.note_unawaited(request)
            raise
        except WebFailure as failure:
            if store is not None:
                await store.take(request, failure)
            raise
        if store is not None:
            await store.take(request, reply)
        return value, False

    def _bounded(self, target: McpTarget, value: JsonValue) -> WebReply:
        body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        most = self._web.limits.reply_bytes
        if len(body) > most:
            raise WebFailure(f"the reply of {target.address} is longer than {most:,} bytes", "too_large")
        return WebReply(body, "application/json", datetime.now(UTC))

    async def _call(self, target: McpTarget, ask: Callable[["McpTools"], Awaitable[JsonValue]]) -> JsonValue:
        # In a thread: the mcp package takes a second to import, in which other sources are searched.
        module = await asyncio.to_thread(import_module, "citerefine.tools.sources.mcp_calls")
        if self._calls is None:
            key = self._token.get_secret_value() if self._token and target.may_get_token else None
            self._calls = module.McpCalls(target, key, self._web.limits)
        calls: McpCalls = self._calls
        return await calls.ask(ask)

    async def aclose(self) -> None:
        """Closes the session of this event loop; a server that was started ends."""
        if self._calls is not None:
            await self._calls.aclose()


async def _list_tools(server: "McpTools") -> JsonValue:
    tools, cursor = list[JsonValue](), None
    for _ in range(_MOST_PAGES):
        page = await server.list_tools(cursor)
        tools += [{"name": tool.name, "input_schema": tool.input_schema} for tool in page.tools]
        cursor = page.next_cursor
        if not cursor:
            break
    return {"tools": tools}


def _read_tools(reply: WebReply) -> list[ListedTool]:
    return entries(json_object(reply).get("tools"), ListedTool, "tools").entries


def _read(reply: WebReply, read: Callable[[WebReply], T], target: McpTarget) -> T:
    """What is read of a new reply. Raises WebFailure for one that cannot be read, which is not kept then."""
    try:
        return read(reply)
    except ValueError as error:
        raise WebFailure(f"the reply of {target.address}: {clean(str(error), ())}", "bad_response") from None
