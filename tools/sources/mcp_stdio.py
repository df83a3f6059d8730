"""Starts an MCP server as a child process and speaks with it over its standard streams.

In: a command, its environment, the longest line that is read. Out: the streams of messages that a client takes. No
shell reads the command. What the server writes to standard error is thrown away: it may be anything. When the context
ends, however it ends, the server and all that it started in its group are gone; so they are where this process is
killed, by whatever signal, on systems that have `sh`: not on Windows, and not what left the server's group. Not here:
the protocol (the mcp package).
"""

import asyncio
import os
import signal
import subprocess
from asyncio.subprocess import DEVNULL, PIPE, Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

Incoming = SessionMessage | Exception
Streams = tuple[MemoryObjectReceiveStream[Incoming], MemoryObjectSendStream[SessionMessage]]

_GRACE: Final = 1.0
"""Seconds that a server has to end by itself once nobody speaks to it any more."""
_GUARD: Final = f'read -r _; sleep {_GRACE:g}; kill -s KILL -- "-$1"'
"""What `sh` does beside a server, whose group is its argument: its input ends when this process does."""


@asynccontextmanager
async def stdio_streams(
    command: Sequence[str], environment: Mapping[str, str], longest: int, on_excess: Callable[[], None]
) -> AsyncIterator[Streams]:
    """The streams of a server that runs while the block does; a line longer than `longest` bytes ends them.

    Raises:
        OSError: if it cannot be started.
    """
    async with _started(command, environment, longest) as process:
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


@asynccontextmanager
async def _started(command: Sequence[str], environment: Mapping[str, str], longest: int) -> AsyncIterator[Process]:
    """The server, which is gone after the block. Raises OSError."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(limit=longest, loop=loop),
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=dict(environment), start_new_session=True,
    )  # fmt: skip
    process = Process(transport, protocol, loop)
    try:
        with _guarded(process.pid):
            yield process
    finally:
        _kill(process)
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_GRACE):
                await process.wait()
            transport.close()  # which a server leaves open that nobody read to the end
            await asyncio.sleep(0)  # in which the pipes close


@contextmanager
def _guarded(group: int) -> Iterator[None]:
    """Sees to it that a group of processes ends if this process is killed within the block."""
    if not hasattr(os, "killpg"):
        yield
        return
    try:
        guard = subprocess.Popen(
            ["sh", "-c", _GUARD, "sh", str(group)],
            stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True,
        )  # fmt: skip
    except OSError:  # no sh, or no more processes
        yield
        return
    with guard:
        try:
            yield
        finally:
            guard.kill()  # before its input ends


async def _receive(process: Process, received: MemoryObjectSendStream[Incoming], on_excess: Callable[[], None]) -> None:
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
