"""What every request must pass: the name it was asked under, the token, the size and the time of its body.

In: ASGI requests. Out: the same requests with bounded bodies, or a refusal in the form of errors.py; headers that keep
pages from loading or sending anything elsewhere. A page of another site cannot use a browser as its hands: it would
have to ask under our name (DNS rebinding), from our origin, or without a token. Not here: how many requests there may
be (admission.py), slow heads of requests (protocol.py).
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from citerefine.app.serving.errors import ApiError, send_error
from citerefine.app.serving.settings import ServeSettings
from citerefine.app.serving.sign_in import pass_for, signed_in_by

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_OPEN: Final = frozenset({"/healthz", "/readyz"})
"""Paths that need no token: they say nothing but that the server lives."""
ASSETS: Final = "/assets/"
"""Where styles and scripts of the page are, which need none either."""
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """An ASGI application around another one."""

    def __init__(self, app: App, settings: ServeSettings, sign_in: str | None = None) -> None:
        """`sign_in`: path of the page on which a person enters the token, which is open too; None if there is none."""
        self._app, self._settings = app, settings
        self._open, self._sign_in = _OPEN | {sign_in}, sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers or refuses one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        try:
            self._check(scope)
            body = await self._read(scope, receive)
        except ApiError as error:
            if error.status == 401 and _shows_page(scope):
                await _redirect(send, f"{self._sign_in}?next={quote(_address(scope), safe='')}")
            else:
                await send_error(send, error)
            return
        # What answers GET answers HEAD too; the server sends no body then, whatever it is given.
        asked = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        await self._app(asked, _replayed(body, receive), send)

    def _check(self, scope: Scope) -> None:
        headers = scope["headers"]
        host = _only(headers, b"host")
        if scope["path"] not in _OPEN and _name(f"//{host}") not in self._settings.names:
            name = _name(f"//{host}")[:100] or host[:100]
            why = f"this server does not go by {name!r}; if that is its name, start it with --name {name}"
            raise ApiError(421, "wrong_host", why)
        origin = _only(headers, b"origin", "")
        if origin and urlsplit(origin).netloc.lower() != host.lower():
            raise ApiError(403, "wrong_origin", f"pages of {origin[:100]!r} may not ask this server")
        if self._settings.token is not None and not self._is_open(scope["path"]):
            self._check_token(headers)

    def _is_open(self, path: str) -> bool:
        return path in self._open or path.startswith(ASSETS)

    def _check_token(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        assert self._settings.token is not None
        wanted = self._settings.token.get_secret_value()
        given = _only(headers, b"authorization", "").removeprefix("Bearer ").strip()
        if not given:
            given, wanted = signed_in_by(headers), pass_for(wanted)
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise ApiError(401, "unauthorized", "send the server's token as: Authorization: Bearer TOKEN")

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body. Raises ApiError if it is too long or too slow."""
        most = self._settings.body_bytes
        stated = _only(scope["headers"], b"content-length", "0")
        too_large = ApiError(413, "too_large", f"the body is longer than {most:,} bytes; send less evidence")
        if not stated.isdecimal() or int(stated) > most:
            raise too_large
        parts, size = list[bytes](), 0
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ApiError(400, "gone", "the client went away before its request was complete")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        raise too_large
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            seconds = f"{self._settings.body_seconds:g}"
            raise ApiError(408, "too_slow", f"the body did not arrive within {seconds} s") from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, and then whatever comes, such as that the client went away."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Message:
        return waiting.pop() if waiting else await receive()

    return read


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message.get("headers", ())}
            policy = (b"content-security-policy", _PAGE_POLICY.encode())
            message["headers"] = [
                *message.get("headers", ()),
                *(pair for pair in (*_HEADERS, policy) if pair[0] not in own),
            ]
        await send(message)

    return sent


def _only(headers: Iterable[tuple[bytes, bytes]], name: bytes, missing: str | None = None) -> str:
    """A header's value. Raises ApiError where it is there twice, or is not there and must be."""
    values = [value.decode("latin-1") for key, value in headers if key.lower() == name]
    if len(values) == 1:
        return values[0]
    if not values and missing is not None:
        return missing
    raise ApiError(400, "bad_request", f"the request has {len(values)} headers {name.decode()}; it must have one")


def _name(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _address(scope: Scope) -> str:
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{scope['path']}?{query}" if query else str(scope["path"])


def _shows_page(scope: Scope) -> bool:
    """Whether a browser is about to show what it gets."""
    accepted = (value for name, value in scope["headers"] if name.lower() == b"accept")
    return scope["method"] == "GET" and any(b"text/html" in value for value in accepted)


async def _redirect(send: Send, to: str) -> None:
    headers = [(b"location", to.encode()), (b"content-length", b"0"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
