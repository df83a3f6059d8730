"""What a service answered.

In: nothing. Out: `WebReply`; `Asked`, what was read of it. Not here: reading it (sources/).
"""

from datetime import datetime
from typing import Any, NamedTuple


class WebReply(NamedTuple):
    """A response with status 200."""

    body: bytes
    """Unpacked."""
    content_type: str
    """As in `application/json`, without parameters; empty where the service did not say."""
    fetched_at: datetime
    """With a time zone."""


class Asked(NamedTuple):
    """What was read of a reply."""

    value: Any
    cached: bool
    """Whether nobody was asked for it now."""
    fetched_at: datetime
