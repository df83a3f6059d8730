"""What a source is told by the people who run it: its address, its key.

In: environment variables, or values. Out: `SourceSettings`. The address of a source is `CITEREFINE_<SOURCE>_BASE_URL`;
keys keep the names that their services use. Not here: which source needs what (the sources).
"""

import os
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Record


class SourceSettings(Record):
    """Of one source."""

    base_url: str | None = None
    """None: where the service is found on the web."""
    key: SecretStr | None = None

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        return None if value is None else checked_base_url(value)


def checked_base_url(value: str) -> str:
    """The address without a slash at its end. Raises InputError, a ValueError, for what is none."""
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"{value!r} is no base URL; write it as in https://api.example.org/v1")
    if parts.username or parts.password:
        raise InputError(f"the base URL of {parts.hostname} holds a user or a password; give its key in a variable")
    return value.strip().rstrip("/")


def base_url_variable(source: str) -> str:
    """The variable that holds a source's address.

    >>> base_url_variable("europepmc")
    'CITEREFINE_EUROPEPMC_BASE_URL'
    """
    return f"CITEREFINE_{source.upper().replace('-', '_')}_BASE_URL"


def settings_from_environment(source: str, key_variable: str | None) -> SourceSettings:
    """The settings of a source. Raises InputError for an address that is none."""
    variable = base_url_variable(source)
    url = os.environ.get(variable, "").strip() or None
    key = os.environ.get(key_variable, "").strip() if key_variable else ""
    if not (key.isascii() and key.isprintable()) or " " in key:  # it goes into a header
        raise InputError(f"{key_variable} holds no key: a key is letters, digits and signs of ASCII, without blanks")
    try:
        return SourceSettings(
            base_url=None if url is None else checked_base_url(url), key=SecretStr(key) if key else None
        )
    except InputError as error:
        raise InputError(f"{variable}: {error}") from None
