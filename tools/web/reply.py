"""What a service answered.

In: nothing. Out: `WebReply`. Not here: reading it (sources/).
"""

from datetime import datetime
from typing import NamedTuple


class WebReply(NamedTuple):
    """A response with status 200."""

    body: bytes
    """Unpacked."""
    content_type: str
    """As in `application/json`, without parameters; empty where the service did not say."""
    fetched_at: datetime
    """With a time zone."""
