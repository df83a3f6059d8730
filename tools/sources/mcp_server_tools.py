"""What is asked of an open session with an MCP server: its tools, and what they give.

In: a client of the mcp package. Out: results as they came. Nothing is checked against a schema that the server wrote:
a pattern in it can be made so that matching takes forever, in which no deadline is kept. Not here: reaching the server
(mcp_session.py), reading results (mcp_hits.py).
"""

from typing import Any

from mcp import Client, MCPError
from mcp.types import (
    HEADER_MISMATCH,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
)


class McpTools:
    """The tools of a server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def list_tools(self, cursor: str | None = None) -> ListToolsResult:
        """A page of the list, as the server has it now. Raises what the client raises."""
        return await self._client.list_tools(cursor=cursor, cache_mode="refresh")

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """What a tool gives. Raises what the client raises; ValueError for a result that is none, or asks back."""
        request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
        try:
            return await self._client.session.send_request(request, CallToolResult)
        except MCPError as error:
            if error.code != HEADER_MISMATCH:
                raise
        await self.list_tools()  # it wants headers that its list names
        return await self._client.session.send_request(request, CallToolResult)
