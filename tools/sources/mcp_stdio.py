"""Starts an MCP server as a child process and speaks with it over its standard streams.

In: a command, its environment, the longest line that is read. Out: the streams of messages that a client takes. No
shell reads the command. What the server writes to standard error is thrown away: it may be anything. When the context
ends, however it ends, the server and all that it started in its group are gone. Not here: the protocol (the mcp
package).
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

Incoming = SessionMessage | Exception
Streams = tuple[MemoryObjectReceiveStream[Incoming], MemoryObjectSendStream[SessionMessage]]

_GRACE: Final = 1.0
"""Seconds that a server has to end by itself once nobody speaks to it any more."""


@asynccontextmanager
async def stdio_streams(
    command: Sequence[str], environment: Mapping[str, str], longest: int, on_excess: Callable[[], None]
) -> AsyncIterator[Streams]:
    """The streams of a server that runs while the block does; a line longer than `longest` bytes ends them.

    Raises:
        OSError: if it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=dict(environment), limit=longest, start_new_session=True
    )
    try:
        received, incoming = anyio.create_memory_object_stream[Incoming]()
        outgoing, sent = anyio.create_memory_object_stream[SessionMessage]()
        async with received, incoming, outgoing, sent, anyio.create_task_group() as tasks:
            tasks.start_soon(_receive, process, received, on_excess)
            tasks.start_soon(_send, process, sent, received)
            try:
                yield incoming, outgoing
                await _wait_for_end(process)
            finally:
                tasks.cancel_scope.cancel()
    finally:
        _kill(process)
        with anyio.CancelScope(shield=True), anyio.move_on_after(_GRACE):
            await process.wait()


async def _receive(
    process: Process, received: MemoryObjectSendStream[Incoming], on_excess: Callable[[], None]
) -> None:
    """Passes messages on, until the server closes its output or writes a line that is too long."""
    assert process.stdout
    async with received:
        with suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            try:
                while line := await process.stdout.readline():
                    if line.strip():
                        await received.send(_message(line))
            except ValueError:  # what asyncio raises for such a line
                on_excess()


def _message(line: bytes) -> Incoming:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line))
    except ValueError as error:
        return error


async def _send(
    process: Process, sent: MemoryObjectReceiveStream[SessionMessage], received: MemoryObjectSendStream[Incoming]
) -> None:
    assert process.stdin
    try:
        async for message in sent:
            process.stdin.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
            await process.stdin.drain()
    except OSError:
        await received.aclose()  # so that whoever waits for an answer learns that there will be none


async def _wait_for_end(process: Process) -> None:
    assert process.stdin
    process.stdin.close()
    with anyio.move_on_after(_GRACE):
        await process.wait()


def _kill(process: Process) -> None:
    """Ends the server and its children now; without a turn of the event loop, so that nothing can come between."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    if process.stdin:
        process.stdin.close()
