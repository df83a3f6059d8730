"""Keeps keys and contacts out of what is shown, kept or logged.

In: secrets; texts and bodies that may repeat them; log records of the HTTP library. Out: the same without them. A
secret is also found as it stands in an address or in JSON. Not here: what is secret (request.py).
"""

import json
import logging
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

_MASK: Final = "[key]"
_SHORTEST: Final = 6
"""Characters of a secret that is looked for in bodies: a shorter one is no key, and stands in many by chance."""
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_QUERY = re.compile(r"\?[^\s\"']+")
_LOGGERS: Final = ("httpx2", *(f"httpcore2.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets."""
    for form in _forms(secrets):
        text = text.replace(form, _MASK)
    return text


def masked_body(body: bytes, secrets: Iterable[str]) -> bytes:
    """A reply's body without the secrets."""
    for form in _forms(secret for secret in secrets if len(secret) >= _SHORTEST):
        body = body.replace(form.encode("utf-8", "replace"), _MASK.encode())
    return body


def _forms(secrets: Iterable[str]) -> list[str]:
    """All that the secrets may look like, the longest first, so that none is masked in part."""
    forms = set[str]()
    for secret in secrets:
        quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
        escaped = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
        forms |= {secret, *quoted, *escaped}
        forms |= {_PERCENT.sub(lambda match: match[0].lower(), form) for form in quoted}
        forms |= {form.replace("/", "\\/") for form in escaped}
    return sorted(forms - {""}, key=lambda form: (-len(form), form))


class _WithoutQueries(logging.Filter):
    """Cuts the queries of addresses, in which some services want their key."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        cut = _QUERY.sub("?…", said)
        if cut != said:
            record.msg, record.args = cut, None
        return True


_WITHOUT_QUERIES: Final = _WithoutQueries()


def keep_queries_out_of_logs() -> None:
    """Has no effect where it was done before."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_WITHOUT_QUERIES)
