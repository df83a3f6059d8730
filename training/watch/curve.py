"""Draws figures over steps as the paths of one small SVG.

In: points of one or more series. Out: `Drawing`: paths, ticks and words for those who cannot see it. Gaps are gaps: no
line leads over a step whose figure was to be measured and is not known. One leads over steps that nobody measured. Not
here: markup (run_page.html.jinja), which figures are drawn (run_page.py).
"""

from collections.abc import Callable, Iterator, Sequence
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
    points: Sequence[tuple[int, float | None]]
    """Step and value, in the order of steps; None where it is not known."""

    @property
    def known(self) -> list[tuple[int, float]]:
        """The points that have a value."""
        return [(step, value) for step, value in self.points if value is not None]


class Line(NamedTuple):
    """A series as it is drawn."""

    name: str
    path: str
    """Of an SVG path, broken at gaps; y grows downwards."""
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
    """The series of which some value is known; None if there is none."""
    thinned = [Series(one.name, thin(one.points)) for one in series if one.known]
    if not thinned:
        return None
    steps = [step for one in thinned for step, _ in one.known]
    values = [value for one in thinned for _, value in one.known]
    low, high, step_y = _scale(min(values), max(values))
    first, last = min(steps), max(steps)

    def place(step: int, value: float) -> tuple[float, float]:
        x = WIDTH * (step - first) / (last - first) if last > first else 0.0
        return round(x, 1), round(HEIGHT * (high - value) / (high - low), 1)

    return Drawing(tuple(_line(one, place) for one in thinned), _ticks(low, high, step_y), first, last)


def thin(points: Sequence[tuple[int, float | None]]) -> list[tuple[int, float | None]]:
    """At most `POINTS` points: the last step of each stretch, and the mean of the values that are known in it."""
    if len(points) <= POINTS:
        return [*points]
    bounds = [round(place * len(points) / POINTS) for place in range(POINTS + 1)]
    stretches = (points[start:end] for start, end in pairwise(bounds))
    return [(part[-1][0], _mean([value for _, value in part if value is not None])) for part in stretches]


def _mean(known: Sequence[float]) -> float | None:
    return sum(known) / len(known) if known else None


def _line(one: Series, place: Callable[[int, float], tuple[float, float]]) -> Line:
    known = one.known
    path = "".join(_stroke([place(step, value) for step, value in stretch]) for stretch in _stretches(one.points))
    return Line(one.name, path, known[0][1], known[-1][1], place(*known[-1]))


def _stretches(points: Sequence[tuple[int, float | None]]) -> Iterator[list[tuple[int, float]]]:
    """The points between gaps."""
    stretch = list[tuple[int, float]]()
    for step, value in points:
        if value is not None:
            stretch.append((step, value))
        elif stretch:
            yield stretch
            stretch = []
    if stretch:
        yield stretch


def _stroke(places: Sequence[tuple[float, float]]) -> str:
    """One line; a single point is a line to itself, which a round pen draws."""
    drawn = [f"{x:g} {y:g}" for x, y in places]
    return "M" + "L".join(drawn if len(drawn) > 1 else drawn * 2)


def _scale(low: float, high: float) -> tuple[float, float, float]:
    """Round bounds around the values, and the round step between two ticks."""
    if low == high == 0:
        high = 1.0  # most figures that stay at 0 are shares or scores, and none of those is negative
    elif low == high:
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
