"""What a server is told by whoever starts it.

In: values of the command line, checked here. Out: `ServeSettings`. Not here: what is searched (app/searching.py).
"""

from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr, model_validator

from citerefine.refiner.models import EXTRACTIVE
from citerefine.refiner.records import Record
from citerefine.refiner.settings import RefinerSettings

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
QUESTION_LIMIT: Final = 8_000
"""Most characters of a question, whichever way it comes; passages belong into the evidence."""


_EVERYWHERE: Final = ("0.0.0.0", "::", "")
"""Addresses at which a server listens for all names that its machine has, and which nobody asks for."""


class ServeSettings(Record):
    """How a server answers, and for whom."""

    model: str = EXTRACTIVE
    planner: str | None = None
    refiner: RefinerSettings = RefinerSettings()
    max_searches: int = Field(default=4, ge=0)
    snippets_per_search: int = Field(default=10, ge=1)
    max_seconds: float = Field(default=300.0, gt=0)
    """Longest time that one answer takes, from when it is begun."""
    host: str = "127.0.0.1"
    port: int = Field(default=8008, ge=0, le=65_535)
    """0: any that is free."""
    hosts: tuple[str, ...] = ()
    """Further names under which it may be reached, without a port; what is asked under another name is refused."""
    token: SecretStr | None = None
    """What callers must know; needed wherever others than this machine can reach it."""
    at_once: int = Field(default=8, ge=1)
    """Answers that are worked on at once."""
    waiting: int = Field(default=64, ge=0)
    """Requests that may wait for their turn; further ones are told to come back."""
    body_bytes: int = Field(default=4_000_000, ge=1)
    """Longest body that is read of a request."""
    body_seconds: float = Field(default=20.0, gt=0)
    """Longest time that a request may take to arrive."""
    drain_seconds: float = Field(default=30.0, ge=0)
    """How long answers under way may go on once the server is told to stop."""
    history: Path | None = None
    """Where answers are kept; None keeps none."""

    @model_validator(mode="after")
    def _is_guarded(self) -> "ServeSettings":
        if self.host not in LOOPBACK and self.token is None:
            raise ValueError(f"others can reach {self.host}: give a token that they must know, or use 127.0.0.1")
        return self

    @property
    def names(self) -> frozenset[str]:
        """Names under which it may be asked, in lower case."""
        own = LOOPBACK if self.host in (*LOOPBACK, *_EVERYWHERE) else (self.host,)
        return frozenset(name.lower() for name in (*own, *self.hosts))
