"""What is asked of a service.

In: what a source wants to know. Out: `WebRequest`, whose `key` tells it from every other request; `Auth`, which goes
along on the wire and is part of neither key, store nor message. Not here: sending (client.py).
"""

import hashlib
import json
from typing import Literal, NamedTuple

from pydantic import JsonValue, SecretStr

from citerefine.refiner.records import Record


class WebRequest(Record):
    """A request without any secret."""

    source: str
    """Name of the source that asks."""
    version: int = 1
    """Of that source's code; another one reads other bodies, or asks otherwise."""
    method: Literal["GET", "POST"] = "GET"
    url: str
    """Address without a query."""
    path: str | None = None
    """Of the address, what does not depend on where the service is found; None: the whole address tells what is asked.
    """
    params: tuple[tuple[str, str], ...] = ()
    """The query, as it is sent; encoded by the client, so that no value can become another parameter."""
    body: JsonValue = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """The same for requests that ask the same, whatever the order of their parameters."""
        asked = [self.source, self.version, self.method, self.url, sorted(self.params), self.body, sorted(self.headers)]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    @property
    def replay_key(self) -> str:
        """The same for requests that ask the same of a service wherever it is found: of a mirror, or nowhere at all."""
        return self.key if self.path is None else self.model_copy(update={"url": self.path, "path": None}).key

    def __str__(self) -> str:
        query = " ".join(f"{name}={value!r}" for name, value in self.params)
        body = "" if self.body is None else json.dumps(self.body, ensure_ascii=False)
        return " ".join(part for part in (self.method, self.url, query, body) if part)


class Auth(NamedTuple):
    """What a service knows its caller by."""

    headers: tuple[tuple[str, SecretStr], ...] = ()
    params: tuple[tuple[str, SecretStr], ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown: each value, and the key in it where a scheme such as `Bearer` stands before it."""
        values = [value.get_secret_value() for _, value in (*self.headers, *self.params) if value]
        return tuple(dict.fromkeys([*values, *(value.rpartition(" ")[2] for value in values)]))


NOBODY = Auth()
"""Of services that do not ask who calls."""
