"""Where a model is served: name, address, key and prices.

In: a model string `openai:NAME@BASE_URL` (further addresses behind commas), the variables OPENAI_API_KEY and
CITEREFINE_PRICES. Out: `Endpoint`, `Prices`, the key as a SecretStr. Not here: any connection (connection.py).
"""

import os
import re
from typing import Final, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr

from citerefine.refiner.errors import ModelError
from citerefine.refiner.records import Record, Usage

EXAMPLE: Final = "openai:Qwen/Qwen3-4B@http://localhost:8000/v1"
_NEXT = re.compile(r",(?=https?://)", re.IGNORECASE)
"""Between the addresses of several endpoints."""
_SPLIT = re.compile(r"@(?=https?://)", re.IGNORECASE)
_PLACEHOLDER: Final = "no-key-was-set"
_MILLION: Final = 1_000_000


class Endpoint(Record):
    """A model behind an OpenAI-compatible server."""

    model: str
    """The model's name, as the server knows it."""
    base_url: str
    """Address below which `/chat/completions` lies; no `/` at its end, no credentials, no query."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The endpoint that a model string names.

        >>> Endpoint.parse("openai:Qwen/Qwen3-4B@http://localhost:8000/v1").base_url
        'http://localhost:8000/v1'

        Raises:
            ModelError: if the string is malformed; the message never repeats credentials that stand in it.
        """
        kind, colon, rest = text.strip().partition(":")
        if kind != "openai" or not colon:
            raise ModelError(f"a served model is written openai:NAME@BASE_URL, such as {EXAMPLE}")
        *names, url = _SPLIT.split(rest)
        if not names:
            raise ModelError(f"the model string lacks @ and an http(s) address behind the name; write it as {EXAMPLE}")
        name = "@".join(names)
        if not name or not name.isprintable() or name != name.strip():
            raise ModelError(f"the model string has no usable name before @: {name!r}; write it as {EXAMPLE}")
        return cls(model=name, base_url=_checked(url))

    @classmethod
    def parse_all(cls, text: str) -> tuple[Self, ...]:
        """The endpoints of a model string with one address or several, as in `openai:NAME@URL1,URL2`.

        >>> [endpoint.base_url for endpoint in Endpoint.parse_all("openai:m@http://a/v1,http://b/v1")]
        ['http://a/v1', 'http://b/v1']

        Raises:
            ModelError: as `parse`; also if an address stands there twice.
        """
        first, *urls = _NEXT.split(text.strip())
        one = cls.parse(first)
        found = (one, *(cls(model=one.model, base_url=_checked(url)) for url in urls))
        if len({*found}) < len(found):
            raise ModelError("an address stands twice in the model string; name each endpoint once")
        return found

    @property
    def host(self) -> str:
        """Name or number of the server's host."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def root_url(self) -> str:
        """Address of the server itself, where `/version`, `/props`, `/tokenize` and `/metrics` lie."""
        return self.base_url.removesuffix("/v1")

    def __str__(self) -> str:
        """The model string."""
        return f"openai:{self.model}@{self.base_url}"


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        shown = url.rpartition("@")[2][:80]  # what stands before an @ may be a password
        raise ModelError(f"the address behind @ is no URL ({shown!r}: {error}); write it as {EXAMPLE}") from None
    if "@" in parts.netloc or "\\" in parts.netloc:
        raise ModelError("the address holds credentials; leave them out and put the key into OPENAI_API_KEY")
    if parts.query or parts.fragment:
        raise ModelError(f"the address ends in a query or fragment; write {_plain(parts)}")
    if not parts.hostname or port == 0 or not url.isprintable() or " " in url:
        raise ModelError(f"the address {url!r} names no host; write it as {EXAMPLE}")
    return _plain(parts)


def _plain(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")


def read_key() -> SecretStr:
    """The key from OPENAI_API_KEY, or a placeholder: many servers need none, and one that does says so (401).

    Raises ModelError if it holds what no HTTP header can carry.
    """
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key.isascii() or not key.isprintable():
        raise ModelError("OPENAI_API_KEY holds characters that no HTTP header can carry; set it anew")
    return SecretStr(key or _PLACEHOLDER)


class Prices(Record):
    """What a server charges, in US dollars for a million tokens."""

    prompt: float = Field(ge=0, allow_inf_nan=False)
    completion: float = Field(ge=0, allow_inf_nan=False)

    @classmethod
    def read(cls) -> Self | None:
        """The prices in CITEREFINE_PRICES, such as `0.15,0.60`; None if it is not set. Raises ModelError."""
        text = os.environ.get("CITEREFINE_PRICES", "").strip()
        if not text:
            return None
        try:
            prompt, completion = map(float, text.split(","))
            return cls(prompt=prompt, completion=completion)
        except ValueError:
            raise ModelError(
                f"CITEREFINE_PRICES is {text!r}; give US dollars for a million prompt tokens and a million completion "
                "tokens, as in 0.15,0.60"
            ) from None

    def cost(self, usage: Usage) -> float | None:
        """US dollars for what was used; None where the server did not count it."""
        if usage.prompt_tokens is None or usage.completion_tokens is None:
            return None
        return (usage.prompt_tokens * self.prompt + usage.completion_tokens * self.completion) / _MILLION
