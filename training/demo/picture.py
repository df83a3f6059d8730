"""Draws how citation F1 rose, a line a seed.

In: outcomes. Out: an SVG file that loads nothing. The same bytes for the same outcomes. Not here: measuring.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from jinja2 import Environment, StrictUndefined

from citerefine.training.demo.demo import Outcome
from citerefine.training.watch.curve import HEIGHT, WIDTH, Series, draw

_COLOURS: Final = ("#3b6fb6", "#c8553d", "#3f8f5f", "#8a5fb0")
_LINE: Final = 12.0
"""Least distance between two labels."""


def draw_outcomes(outcomes: Sequence[Outcome], path: Path) -> None:
    """Writes the picture. Raises ValueError if no outcome has a curve."""
    drawing = draw([Series(f"seed {outcome.seed}", outcome.curve) for outcome in outcomes])
    if drawing is None:
        raise ValueError("no outcome has a curve; let the demonstration run to its end")
    template = files("citerefine.training.demo").joinpath("learning.svg.jinja").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    svg = environment.from_string(template).render(
        drawing=drawing,
        width=WIDTH,
        height=HEIGHT,
        colours=_COLOURS,
        label_ys=_apart([line.end[1] + 3 for line in drawing.lines]),
    )
    path.write_text(svg + "\n", "utf-8")


def _apart(wanted: Sequence[float]) -> list[float]:
    """Heights near those that are wanted, in their order, and none so near another that labels overlap."""
    placed, last = dict[int, float](), float("-inf")
    for number in sorted(range(len(wanted)), key=wanted.__getitem__):
        last = placed[number] = max(wanted[number], last + _LINE)
    return [round(placed[number], 1) for number in range(len(wanted))]
