"""From what went wrong with a request to one of the codes of `errors.CALL_FAILURES`.

In: an HTTP status with its headers and body, an error that a server reports inside a reply, a broken connection.
Out: `Failure`, a CallError that also says what the retry rule needs to know. Messages name the address and what to
do; of the server's own text they hold a short excerpt on one line, without the key. Not here: retrying (retries.py).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from pydantic import JsonValue

from citerefine.refiner.chat.strict_json import parse_json
from citerefine.refiner.errors import CallError
from citerefine.refiner.records import Usage

_EXCERPT: Final = 200
_NAMES: Final = 10
_MESSAGE_NAMES: Final = ("message", "detail", "errMsg", "msg", "reason", "error")
_KEY: Final = "[key]"
"""What stands where a key stood."""
_NOT_PRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_KEY_LIKE = re.compile(r"\b(?:sk|pk|key|hf|gsk)[-_][\w*.-]{6,}|(?<=Bearer )\S+", re.IGNORECASE)
_CONTEXT = re.compile(
    r"context[_ ](?:length|size|window)|maximum (?:context|model) length|max_model_len|exceed_context"
    r"|prompt is too long",
    re.IGNORECASE,
)
_NOT_TAKEN = re.compile(
    r"unsupported|unrecognized|not (?:supported|permitted|allowed)|unknown|unexpected|does not support"
    r"|extra[ _](?:inputs|fields|forbidden)",
    re.IGNORECASE,
)


class Failure(CallError):
    """A failed request."""

    retry_after: float | None = None
    """Seconds that the server asks to wait."""
    overloaded: bool = False
    """Whether the server says that it is asked too much."""
    unsent: bool = False
    """Whether nothing was sent, as where there was no connection."""
    usage: Usage | None = None
    """What a reply that could not be used says it used."""
    server_text: str = ""
    """What the server said, whole but for the key; never part of a message."""

    def refuses(self, field: str) -> bool:
        """Whether the server refuses the request because it does not take this field."""
        return (
            self.code == "bad_request"
            and re.search(rf"\b{field}\b", self.server_text) is not None
            and _NOT_TAKEN.search(self.server_text) is not None
        )


def unreachable(where: str, what: str) -> Failure:
    """No connection, or one that broke."""
    return Failure(f"no reply from {where}: {what}; check that the server runs there", "unreachable", retryable=True)


def bad_response(where: str, what: str, said: str = "", key: str = "") -> Failure:
    """A reply that is no chat completion."""
    return Failure(
        f"{where} sent no usable reply: {excerpt(what, key)}{_quoted(said, key)}", "bad_response", retryable=True
    )


def too_large(where: str, most: int) -> Failure:
    """A reply that was not read to its end."""
    return Failure(
        f"the reply of {where} is longer than {most:,} bytes and was not read further; allow fewer tokens for "
        "an answer, or, in Python, more ClientLimits.reply_bytes",
        "too_large",
    )


def refused(where: str, status: int, headers: Mapping[str, str], body: str, key: str) -> Failure:
    """An HTTP status other than 2xx."""
    code = _code(status, body)
    failure = Failure(
        f"{where} answers {status}{_quoted(server_message(body), key)}; {_advice(code, status, headers, key)}",
        code,
        retryable=_is_retryable(code, status, body),
    )
    failure.retry_after = read_retry_after(headers)
    failure.overloaded = status in (429, 503, 529)
    failure.server_text = body.replace(key, _KEY) if key else body
    return failure


def with_models(failure: Failure, models: Sequence[str], key: str) -> Failure:
    """The failure, with the names that the server has instead."""
    names = ", ".join(excerpt(model, key) for model in models[:_NAMES]) + (", …" if len(models) > _NAMES else "")
    return Failure(f"{failure}; it has {names}", failure.code)


def reported(where: str, error: JsonValue, key: str) -> Failure:
    """An error that stands in a reply with status 200, or in a stream that had begun well."""
    details = error if isinstance(error, dict) else {"message": str(error)}
    number = details.get("code", details.get("status"))
    status = number if isinstance(number, int) and 400 <= number < 600 else 500
    return refused(where, status, {}, str(details.get("message") or details), key)


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date. None if it
    does not ask.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip()) else None


def _code(status: int, body: str) -> str:
    if status in (401, 403):
        return "unauthorized"
    if 300 <= status < 400 or status in (404, 405):
        return "no_such_model"
    if status == 429:
        return "rate_limited"
    if status == 408 or (status >= 500 and status not in (501, 505)):
        return "server_error"
    return "context_exceeded" if _CONTEXT.search(body) else "bad_request"


def _is_retryable(code: str, status: int, body: str) -> bool:
    return code in ("server_error", "rate_limited") and "insufficient_quota" not in body


def _advice(code: str, status: int, headers: Mapping[str, str], key: str) -> str:
    if 300 <= status < 400:
        target = excerpt(headers.get("location", "").partition("?")[0], key)
        return f"it redirects to {target!r}, which is not followed, to keep the key: give the final address"
    return {
        "unauthorized": "set OPENAI_API_KEY to a key that this server takes",
        "no_such_model": "check the model's name and the address, which usually ends in /v1",
        "rate_limited": "ask less often, or check the account's limits",
        "server_error": "try again later, or look into the server's log",
        "context_exceeded": "lower prompt_tokens or answer_tokens, or raise the server's context length",
        "bad_request": "the server does not take such a request",
    }[code]


def server_message(body: str) -> str:
    """The message of an error body in OpenAI's form or a usual other one, or the body as it is."""
    try:
        value: Any = parse_json(body.encode(errors="replace"))
    except ValueError:
        return body
    error = value.get("error", value) if isinstance(value, dict) else value
    if isinstance(error, str) and isinstance(value, dict):  # what is wrong often stands beside the name of the error
        error = value.get("message") or value.get("detail") or error
    message = _message_in(error)
    return message if isinstance(message, str) else body


def _message_in(error: Any) -> Any:
    """What an error says under one of the usual names, or under one of them within another."""
    for _ in range(3):
        if not isinstance(error, dict):
            break
        error = next((error[name] for name in _MESSAGE_NAMES if error.get(name)), None)
    return error


def _quoted(said: str, key: str) -> str:
    words = excerpt(said, key)
    return f" ({words!r})" if words else ""


def excerpt(said: str, key: str = "") -> str:
    """The first words of a server's text on one line, without the key and whatever looks like one."""
    unkeyed = said.replace(key, _KEY) if key else said
    words = _KEY_LIKE.sub(_KEY, _NOT_PRINTABLE.sub(" ", unkeyed[: 4 * _EXCERPT])).strip()
    if len(words) <= _EXCERPT:
        return words
    whole, blank, _ = words[: _EXCERPT + 1].rpartition(" ")
    return (whole if blank and len(whole) > _EXCERPT // 2 else words[:_EXCERPT]) + "…"
