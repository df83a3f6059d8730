"""Closes what search tools keep open, if they keep anything.

In: tools. Out: nothing. A tool that keeps connections has `aclose`, which is awaited in the event loop in which it was
searched. Not here: what is closed.
"""

from collections.abc import Iterable


async def close_all(tools: Iterable[object]) -> None:
    """Closes those that can be closed, one after the other, whatever becomes of the others.

    Raises what the first one raised that could not be closed, but a cancellation before anything else.
    """
    errors = list[BaseException]()
    for tool in tools:
        close = getattr(tool, "aclose", None)
        if close is None:
            continue
        try:
            await close()
        except BaseException as error:  # a cancelled one, too, must not leave the others open
            errors.append(error)
    if errors:
        raise next((error for error in errors if not isinstance(error, Exception)), errors[0])
