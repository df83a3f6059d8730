"""Styles and scripts of the page: those of the HTML report, and its own.

In: names. Out: their text, and the address that a page names them by, which changes with the text so that browsers may
keep them. Not here: sending them (page_routes.py).
"""

import hashlib
from functools import lru_cache
from typing import Final, NamedTuple

from citerefine.app.serving.guard import ASSETS
from citerefine.refiner import report
from citerefine.refiner.report.html_page import asset

_CSS: Final = "text/css; charset=utf-8"
_JS: Final = "text/javascript; charset=utf-8"
_PLACES: Final = {
    "page.css": (report.__name__, _CSS),
    "html_report.css": (report.__name__, _CSS),
    "site.css": (__package__, _CSS),
    "theme.js": (report.__name__, _JS),
    "html_report.js": (report.__name__, _JS),
    "live.js": (__package__, _JS),
    "choices.js": (__package__, _JS),
}


class Asset(NamedTuple):
    """A style or script."""

    text: str
    media_type: str


def find_asset(name: str) -> Asset | None:
    """The asset of this name; None if there is none."""
    if name not in _PLACES:
        return None
    package, media_type = _PLACES[name]
    return Asset(asset(package, name), media_type)


@lru_cache(maxsize=len(_PLACES))
def asset_address(name: str) -> str:
    """Where a page finds an asset.

    Raises:
        KeyError: if there is none.
    """
    package, _ = _PLACES[name]
    return f"{ASSETS}{name}?v={hashlib.sha256(asset(package, name).encode()).hexdigest()[:12]}"
