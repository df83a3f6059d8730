"""Draws figures over steps as the paths of one small SVG.

In: points of one or more series. Out: `Drawing`: paths, ticks and words for those who cannot see it. Gaps are gaps: a
step whose figure is not known has no point, and no line leads over it unless the steps between were not measured at
all. Not here: markup (run_page.html.jinja), which figures are drawn (run_page.py).
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import floor, log10
from typing import Final, NamedTuple

WIDTH: Final = 320.0
HEIGHT: Final = 120.0
POINTS: Final = 400
"""Most points of a series; a longer one is thinned out to the means of as many stretches."""
_TICKS: Final = 3


class Series(NamedTuple):
    """One figure over the steps."""

    name: str
    points: Sequence[tuple[int, float]]
    """Step and value, in the order of steps."""


class Line(NamedTuple):
    """A series as it is drawn."""

    name: str
    path: str
    """Of an SVG path; y grows downwards."""
    first: float
    last: float
    end: tuple[float, float]
    """Where the line ends, for its label."""


class Tick(NamedTuple):
    """A line of equal value."""

    y: float
    label: str


class Drawing(NamedTuple):
    """Some series over the same steps, on one scale."""

    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    first_step: int
    last_step: int

    def in_words(self) -> str:
        """What the drawing shows, to be read aloud."""
        shown = "; ".join(f"{line.name} from {line.first:.3g} to {line.last:.3g}" for line in self.lines)
        return f"steps {self.first_step} to {self.last_step}: {shown}"


def draw(series: Sequence[Series]) -> Drawing | None:
    """The series that have points; None if none has."""
    thinned = [Series(one.name, thin(one.points)) for one in series if one.points]
    if not thinned:
        return None
    steps = [step for one in thinned for step, _ in one.points]
    values = [value for one in thinned for _, value in one.points]
    low, high, step_y = _scale(min(values), max(values))
    first, last = min(steps), max(steps)

    def place(step: int, value: float) -> tuple[float, float]:
        x = WIDTH * (step - first) / (last - first) if last > first else 0.0
        return round(x, 1), round(HEIGHT * (high - value) / (high - low), 1)

    return Drawing(tuple(_line(one, place) for one in thinned), _ticks(low, high, step_y), first, last)


def thin(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most `POINTS` points: the last step and the mean value of each stretch."""
    if len(points) <= POINTS:
        return [*points]
    bounds = [round(place * len(points) / POINTS) for place in range(POINTS + 1)]
    stretches = (points[start:end] for start, end in pairwise(bounds))
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in stretches]


def _line(one: Series, place: Callable[[int, float], tuple[float, float]]) -> Line:
    places = [place(step, value) for step, value in one.points]
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in places)
    return Line(one.name, path, one.points[0][1], one.points[-1][1], places[-1])


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """Round bounds around the values, and the round step between two ticks."""
    if low == high:
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    step = _round_step((high - low) / _TICKS)
    return floor(low / step) * step, -floor(-high / step) * step, step


def _round_step(raw: float) -> float:
    """1, 2 or 5 times a power of ten, not below `raw`."""
    power = 10.0 ** floor(log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))


def _ticks(low: float, high: float, step: float) -> tuple[Tick, ...]:
    n = round((high - low) / step)
    values = [low + step * number for number in range(n + 1)]
    return tuple(Tick(round(HEIGHT * (high - value) / (high - low), 1), f"{value:.4g}") for value in values)
