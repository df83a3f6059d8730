"""What can go wrong with a request to a service, and what that means.

In: a status, a broken connection, an unreadable body. Out: `WebFailure`, with a code, and the outcome that a search
comes to. Messages name the service, hold at most a short excerpt of what it said, and never a key. Not here: trying
again (client.py).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from citerefine.refiner.chat.failures import excerpt, read_retry_after, server_message
from citerefine.refiner.errors import CiterefineError
from citerefine.refiner.protocols import Outcome
from citerefine.tools.web.masking import masked

FAILURES: Final[dict[str, str]] = {
    "unreachable": "no connection, or it broke before the reply was complete",
    "unauthorized": "the service refuses the key, or wants one",
    "rate_limited": "too many requests, by the service's word or by its known limits",
    "server_error": "the service failed (5xx)",
    "bad_request": "the service refuses the request",
    "not_found": "there is nothing at that address",
    "moved": "the service redirects, which is not followed",
    "deadline": "no complete reply in time",
    "bad_response": "the body is not what the service documents",
    "too_large": "the body is longer than is read",
    "resting": "the service failed several times in a row and is left alone for a while",
    "refused_address": "an address of a page that is not read, or that leads to no public host",
    "robots": "the host's robots.txt does not allow programs to read the page",
    "unreadable": "the page is of a kind that is not read, or holds no text",
}
"""Code → meaning."""
_RETRYABLE: Final = frozenset({"unreachable", "rate_limited", "server_error", "bad_response"})


class WebFailure(CiterefineError):
    """A request that came to nothing. `code` is one of `FAILURES`."""

    exit_code = 1

    def __init__(self, message: str, code: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after
        """Seconds after which the service may be asked again, where that is known."""

    @property
    def outcome(self) -> Outcome:
        """What a search comes to that ends so."""
        return Outcome.RATE_LIMITED if self.code == "rate_limited" else Outcome.FAILED

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed soon."""
        return self.code in _RETRYABLE


def refused(host: str, status: int, headers: Mapping[str, str], body: bytes, secrets: Iterable[str]) -> WebFailure:
    """A status other than 200."""
    text = body.decode("utf-8", "replace")
    code = "unauthorized" if status in _REFUSING and _KEY_TROUBLE.search(text) else code_of(status)
    said = clean(server_message(text), secrets)
    words = f" ({said!r})" if said else ""
    if code == "moved":
        target = clean(headers.get("location", "").partition("?")[0], secrets)
        words = f", to {target!r}; set that address as its base URL if you trust it"
    return WebFailure(f"{host} answers {status}{words}{_ADVICE.get(code, '')}", code, read_retry_after(headers))


def clean(said: str, secrets: Iterable[str]) -> str:
    """The first words of what somebody said, on one line, without anything secret."""
    return excerpt(masked(said, secrets))


def code_of(status: int) -> str:
    """The code of a status other than 200."""
    if status in (401, 402, 403, 432, 433):  # 432 and 433: Tavily, where an account has used up what it may
        return "unauthorized"
    if status == 429:
        return "rate_limited"
    if 300 <= status < 400:
        return "moved"
    if status in (404, 410):
        return "not_found"
    if status == 408 or status >= 500:
        return "server_error"
    return "bad_request" if status >= 400 else "bad_response"


_ADVICE: Final[dict[str, str]] = {"rate_limited": "; ask less often"}
_REFUSING: Final = (400, 422)
"""With which some services say what others say with 401 or 402."""
_KEY_TROUBLE: Final = re.compile(
    r"SUBSCRIPTION_TOKEN_INVALID|not enough credits|api[ _-]?key (?:is )?(?:not valid|invalid)|invalid api[ _-]?key",
    re.I,
)
