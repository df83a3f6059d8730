"""Draws shares over steps as areas that lie upon each other, from 0 to 1: what became of all that was counted.

In: shares of the same steps, in the order from the bottom up. Out: a `Drawing` whose lines are outlines of areas.
Where one of the shares is not known there is no area. Not here: curves (curve.py), markup (run_page.html.jinja).
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from citerefine.training.watch.curve import HEIGHT, WIDTH, Drawing, Line, Series, Tick, thin

_TICKS: Final = (0.0, 0.5, 1.0)

Column = tuple[int, list[float]]
"""A step, and the upper ends of its areas, from the bottom up."""


def stack(series: Sequence[Series]) -> Drawing | None:
    """The areas of these shares; None if there is no step of which all are known."""
    thinned = [thin(one.points) for one in series]
    columns = [_column([points[at] for points in thinned]) for at in range(min(map(len, thinned), default=0))]
    known = [column for column in columns if column is not None]
    if not known:
        return None
    first, last = known[0][0], known[-1][0]
    if first == last:  # as wide as all steps, or it could not be seen
        columns = [(first - 1, known[0][1]), *known]

    def place(step: int, value: float) -> str:
        x = WIDTH * (step - first) / (last - first) if last > first else WIDTH * (step - first + 1)
        return f"{round(x, 1):g} {_height(value):g}"

    def outline(number: int, stretch: Sequence[Column]) -> str:
        upper = [place(step, tops[number]) for step, tops in stretch]
        lower = [place(step, tops[number - 1] if number else 0.0) for step, tops in reversed(stretch)]
        return f"M{'L'.join(upper + lower)}Z"

    lines = list[Line]()
    for number, one in enumerate(series):
        path = "".join(outline(number, stretch) for stretch in _stretches(columns))
        values = [value for _, value in one.known]
        lines.append(Line(one.name, path, values[0], values[-1], (WIDTH, _height(known[-1][1][number]))))
    return Drawing(tuple(lines), tuple(Tick(_height(value), f"{value:g}") for value in _TICKS), first, last)


def _height(value: float) -> float:
    return round(HEIGHT * (1 - value), 1)


def _column(points: Sequence[tuple[int, float | None]]) -> Column | None:
    shares = [value for _, value in points if value is not None]
    return (points[0][0], [*accumulate(shares)]) if len(shares) == len(points) else None


def _stretches(columns: Sequence[Column | None]) -> list[list[Column]]:
    """The columns between gaps."""
    stretches: list[list[Column]] = [[]]
    for column in columns:
        if column is None:
            stretches.append([])
        else:
            stretches[-1].append(column)
    return [stretch for stretch in stretches if stretch]
