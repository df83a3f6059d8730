"""Renders our pages from their templates: the words and numbers that all of them share.

In: name of a page and its values. Out: HTML. A page `NAME` is NAME.html.jinja, NAME.css and NAME.js beside this module,
with parts.html.jinja for what several show. Every value is escaped; templates are ours, never data. Not here: values.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from citerefine.judges.imports import issues as imports
from citerefine.judges.report.histogram import HEIGHT, WIDTH
from citerefine.judges.report.marks import CONCERN_WORDS, GLYPHS, MEANING, WORDS, Mark
from citerefine.judges.report.shown_text import revealed
from citerefine.refiner.report.html_page import Inlined, asset, inlined, inlined_text, page_environment
from citerefine.refiner.tags import issues

if TYPE_CHECKING:
    from jinja2 import Environment


def render_page(name: str, package: str = __package__, style: str = "", script: str = "", **values: object) -> str:
    """The page; the same bytes for the same values.

    Args:
        name: of the template.
        package: where the template stands; `parts` is always the one beside this module.
        style: a file of `package` that stands behind the shared styles; none if empty.
        script: likewise.
        values: what the template shows.
    """
    css, js = _inlined("page.css", "scores.css", package, style), _inlined("theme.js", "scores.js", package, script)
    return _environment(package).get_template(name).render(css=css, js=js, **values)


def _inlined(shared: str, scores: str, package: str, own: str) -> Inlined:
    both = inlined(__package__, shared, scores)
    return inlined_text(both.text + asset(package, own)) if own else both


@lru_cache(maxsize=4)
def _environment(package: str) -> "Environment":
    from jinja2 import FunctionLoader

    environment = page_environment()
    shared = __package__
    environment.loader = FunctionLoader(
        lambda name: asset(shared if name == "parts" else package, f"{name}.html.jinja")
    )
    environment.globals |= {
        "HEIGHT": HEIGHT,
        "WIDTH": WIDTH,
        "Mark": Mark,
        "concern_words": CONCERN_WORDS,
        "glyphs": GLYPHS,
        "issue_meaning": issues.MEANING | imports.MEANING,
        "mark_meaning": MEANING,
        "words": WORDS,
    }
    environment.filters |= {
        "figure": _figure,
        "many": _many,
        "p_value": _p_value,
        "revealed": revealed,
        "signed": _signed,
        "weight": _weight,
    }
    return environment


def _figure(value: float | None, digits: int = 2) -> str:
    """`0.71`, or a dash for what was not measured."""
    return "–" if value is None else f"{value:.{digits}f}"


def _signed(value: float | None, digits: int = 2) -> str:
    """`+0.07`, `−0.07`, `0.00`, or a dash for what was not measured."""
    if value is None:
        return "–"
    shown = f"{abs(value):.{digits}f}"
    return shown if not float(shown) else ("+" if value > 0 else "−") + shown


def _weight(value: float) -> str:
    """`3`, `−0.5`: as few digits as tell it."""
    return f"{value:g}".replace("-", "−")


def _p_value(value: float | None) -> str:
    """`0.012`, or `0.0001` with the one digit that is known; never 0."""
    if value is None:
        return "–"
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"


def _many(n: int, noun: str, plural: str = "") -> str:
    """`1 answer`, `1,200 answers`"""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
