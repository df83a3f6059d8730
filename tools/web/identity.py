"""Who asks: what every request says of its sender.

In: the version that is installed, and CITEREFINE_CONTACT. Out: the `User-Agent`; the address of a person, where one is
given, for services that want one. Not here: keys.
"""

import os
from importlib.metadata import version
from typing import Final

CONTACT: Final = "CITEREFINE_CONTACT"
"""The variable that holds an e-mail address; services serve those better whom they can write to."""


def contact() -> str | None:
    """The address of a person, if one is given."""
    return os.environ.get(CONTACT, "").strip() or None


def user_agent() -> str:
    """Names the program, and whom to write to."""
    person = contact()
    return f"citerefine/{version('citerefine')}" + (f" (mailto:{person})" if person and person.isascii() else "")
