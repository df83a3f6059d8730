"""Bounds of the one model client.

In: values from callers, checked here. Out: `ClientLimits`. Not here: a budget over several calls (budget.py).
"""

from pydantic import Field

from citerefine.refiner.records import Record


class ClientLimits(Record):
    """How long, how often and how much a client asks."""

    deadline: float = Field(default=120.0, gt=0, allow_inf_nan=False)
    """Seconds for one call, all its attempts and waits together."""
    attempts: int = Field(default=5, ge=1)
    """How often one call is tried at most."""
    backoff: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    """Seconds that the first wait takes at most; doubled for each further one."""
    reply_bytes: int = Field(default=4_000_000, ge=1)
    """Longest body that is read of a reply, unpacked."""
    concurrency: int = Field(default=64, ge=1)
    """Most requests on the way at once; how many are depends on how the server bears them."""
