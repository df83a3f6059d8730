"""What all our HTML pages stand on: the template environment, inlined styles and scripts, and text that is fit to show.

In: names of files beside the code; text from anywhere. Out: an environment that escapes every value, what goes into
the page and its policy, strings. Pages load nothing: styles and scripts are inlined, and the policy of a page names
their hashes. Not here: what is on a page.
"""

import base64
import hashlib
import re
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Environment

LINE_LIMIT: Final = 400
"""Characters of a title, byline, place or address that are shown."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
"""Overrides of direction are among them: text would be read otherwise than it stands, and no writing needs them."""
_INVISIBLE = re.compile("[\u00ad\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")


class Inlined(NamedTuple):
    """A style or script that stands in the page."""

    text: str
    hash: str
    """How the page's policy names it."""


def page_environment() -> "Environment":
    """Escapes every value and shows what no page may hold as signs; has the filters `clip` and `visible`."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, finalize=printable, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"clip": clip, "visible": visible}
    return environment


@lru_cache(maxsize=16)
def asset(package: str, name: str) -> str:
    """The text of a file that stands beside the modules of `package`."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def inlined(package: str, shared: str, own: str) -> Inlined:
    """A file that all pages share (`page.css`, `theme.js`), and behind it one of `package`."""
    return inlined_text(asset(__package__, shared) + asset(package, own))


def inlined_text(text: str) -> Inlined:
    """A style or script of ours as it stands in a page."""
    return Inlined(text, "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())


def clip(text: str, limit: int = LINE_LIMIT) -> str:
    """`text`, its end replaced by a note of what is missing where it is too long to show."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more characters)"


def visible(text: str) -> str:
    """`text` with invisible and direction-changing characters spelled out; for ids and addresses."""
    return _INVISIBLE.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def printable(value: Any) -> Any:
    """`value`; in text, characters that no page of ours may hold are shown by their pictures or as U+FFFD."""
    if type(value) is str and _UNPRINTABLE.search(value):
        return _UNPRINTABLE.sub(lambda match: chr(0x2400 + ord(match[0])) if match[0] < " " else "�", value)
    return value
