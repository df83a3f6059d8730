"""An MCP server without the mcp package, which does what no honest one does; a script that speaks over its streams.

Arguments: `--log FILE` (gets its process id, and a line for each call), `--tool NAME` (what its tool is called),
`--pattern PATTERN` (of its output schema), `--stubborn` (the end of its input and signals to end are nothing to it).

A query that begins with `slow` gets no answer, one that begins with `later` gets it after a second, `flood` brings
messages without end.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

options = argparse.ArgumentParser()
options.add_argument("--log", type=Path, required=True)
options.add_argument("--tool", default="search")
options.add_argument("--pattern")
options.add_argument("--stubborn", action="store_true")
given = options.parse_args()


def note(line: str) -> None:
    with given.log.open("a") as file:
        file.write(line + "\n")


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def tool() -> dict[str, Any]:
    takes = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    gives = {"type": "object", "properties": {"x": {"type": "string", "pattern": given.pattern}}}
    return {"name": given.tool, "inputSchema": takes} | ({"outputSchema": gives} if given.pattern else {})


def found(id: int, query: str) -> dict[str, Any]:
    content = [{"type": "text", "text": f"Perch doubled: {query}."}]
    hostile = {"structuredContent": {"x": "a" * 40 + "!"}} if given.pattern else {}
    return {"id": id, "result": {"content": content, **hostile}}


def call(id: int, name: str, query: str) -> None:
    note(f"called {name} {query}")
    if name != given.tool:
        send({"id": id, "error": {"code": -32602, "message": f"Unknown tool: {name}"}})
    elif query.startswith("later"):
        threading.Timer(1, lambda: send(found(id, query))).start()
    elif query.startswith("flood"):
        while True:
            send({"method": "notifications/message", "params": {"level": "info", "data": "x" * 1000}})
    elif not query.startswith("slow"):
        send(found(id, query))


def answer(id: int, method: str, params: dict[str, Any]) -> None:
    about = {"capabilities": {"tools": {}}, "serverInfo": {"name": "lake", "version": "1"}}
    if method == "initialize":
        send({"id": id, "result": {"protocolVersion": params["protocolVersion"], **about}})
    elif method == "tools/list":
        note("listed")
        send({"id": id, "result": {"tools": [tool()]}})
    elif method == "tools/call":
        call(id, params["name"], params["arguments"]["query"])
    else:
        send({"id": id, "error": {"code": -32601, "message": "no such method"}})


if given.stubborn:
    for sign in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(sign, signal.SIG_IGN)
note(f"pid {os.getpid()}")
for line in sys.stdin:
    asked = json.loads(line)
    if "id" in asked:
        answer(asked["id"], asked["method"], asked.get("params") or {})
while given.stubborn:
    time.sleep(1)
