"""Tells what a tool said in place of a result from what it found: that its call failed, and why.

In: a text, or an object without a title or an address, that a tool gave. Out: the first words of its message, or None.
Narrow, since what is told apart here is no evidence: only short texts count, by how they begin, so that a page about
errors stays one. Not here: calls that are marked as failed (each form of messages).
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from citerefine.refiner.chat.failures import excerpt

_LONGEST: Final = 500
"""Code points of a message; a longer text is a page."""
_LONGEST_TRACEBACK: Final = 10_000
_TRACEBACK: Final = "Traceback (most recent call last)"
_DOING: Final = "calling|executing|running|fetching|reading|loading|searching|retrieving|processing|while|during"
_TRIED: Final = "fetch|load|retrieve|search|connect|parse|execute|call|get|open|read|access|reach|query|invoke"
_FAILED = re.compile(
    r"(?:[A-Za-z_][\w.]*(?:Error|Exception)|[Ee]rror|ERROR|[Ee]xception)\s*:"
    rf"|(?i:(?:HTTP\s+)?error\s+(?:{_DOING}|[45]\d\d)\b|failed\s+to\s+(?:{_TRIED})\b"
    r"|(?:tool|tool call|call|request|query|search)\s+(?:failed|timed out)\s*(?::|\.?\Z))"
)
_MESSAGES: Final = ("error", "errors", "error_message", "message", "detail")
"""Names that services give their messages; what stands there is no evidence, whatever it says."""


def failure_in_text(text: str) -> str | None:
    """What a text says of a call that failed; None for any other text."""
    text = text.strip()
    if len(text) <= _LONGEST_TRACEBACK and text.startswith(_TRACEBACK):
        return excerpt(text.rpartition("\n")[2])
    return excerpt(text) if len(text) <= _LONGEST and _FAILED.match(text) else None


def message_of(value: Mapping[Any, Any]) -> str | None:
    """The message of an object that holds nothing else to be read; None where it has none."""
    said = next((value[name] for name in _MESSAGES if value.get(name)), None)
    if isinstance(said, Mapping):
        said = said.get("message") or said.get("type") or said
    return None if said is None or isinstance(said, bool) else excerpt(str(said))
