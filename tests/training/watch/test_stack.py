"""Shares are drawn as areas upon each other that fill the whole height."""

import re
from collections.abc import Sequence

from citerefine.training.watch.curve import HEIGHT, POINTS, WIDTH, Series
from citerefine.training.watch.stack import stack


def corners(path: str) -> list[list[tuple[float, float]]]:
    """The corners of each area of a path."""
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", area)] for area in path.split("Z") if area
    ]


def two(shares: Sequence[float | None]) -> list[Series]:
    points = list(enumerate(shares))
    return [
        Series("up", points),
        Series("down", [(step, None if share is None else 1 - share) for step, share in points]),
    ]


def test_areas_lie_upon_each_other_up_to_the_top() -> None:
    drawing = stack(two([0.25, 0.75]))
    assert drawing is not None
    lower, upper = (corners(line.path) for line in drawing.lines)
    assert lower == [[(0, 90), (WIDTH, 30), (WIDTH, HEIGHT), (0, HEIGHT)]]
    assert upper == [[(0, 0), (WIDTH, 0), (WIDTH, 30), (0, 90)]]
    assert [(tick.y, tick.label) for tick in drawing.ticks] == [(HEIGHT, "0"), (HEIGHT / 2, "0.5"), (0, "1")]
    assert drawing.in_words() == "steps 0 to 1: up from 0.25 to 0.75; down from 0.75 to 0.25"


def test_where_a_share_is_not_known_there_is_no_area() -> None:
    drawing = stack(two([0.5, 0.5, None, 0.5, 0.5]))
    assert drawing is not None
    assert [len(area) for area in corners(drawing.lines[0].path)] == [4, 4]
    assert stack(two([None, None])) is None
    assert stack([Series("up", []), Series("down", [])]) is None


def test_a_single_step_can_be_seen() -> None:
    drawing = stack(two([0.25]))
    assert drawing is not None
    (area,) = corners(drawing.lines[0].path)
    assert {x for x, _ in area} == {0, WIDTH}


def test_a_long_run_has_a_small_picture() -> None:
    drawing = stack(two([0.5] * 10_000))
    assert drawing is not None
    assert len(corners(drawing.lines[0].path)[0]) == 2 * POINTS
