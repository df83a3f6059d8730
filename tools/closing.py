"""Closes what search tools keep open, if they keep anything.

In: tools. Out: nothing. A tool that keeps connections has `aclose`, which is awaited in the event loop in which it was
searched. Not here: what is closed.
"""

from collections.abc import Iterable


async def close_all(tools: Iterable[object]) -> None:
    """Closes those that can be closed, one after the other."""
    for tool in tools:
        close = getattr(tool, "aclose", None)
        if close is not None:
            await close()
