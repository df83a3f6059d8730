"""Curves: every point inside the drawing, gaps that are gaps, ticks that are round."""

import re

from hypothesis import given
from hypothesis import strategies as st

from citerefine.training.watch.curve import HEIGHT, POINTS, WIDTH, Series, draw, thin

POINT_LISTS = st.lists(
    st.tuples(st.integers(0, 10_000), st.floats(-1e6, 1e6, allow_nan=False)), min_size=1, max_size=50
).map(lambda points: sorted(points))


@given(POINT_LISTS)
def test_every_point_lies_inside_the_drawing(points: list[tuple[int, float]]) -> None:
    drawing = draw([Series("loss", points)])
    assert drawing is not None
    numbers = [tuple(map(float, pair.split())) for pair in re.split("[ML]", drawing.lines[0].path)[1:]]
    assert len(numbers) == max(2, len(points))
    assert all(0 <= x <= WIDTH and -0.1 <= y <= HEIGHT + 0.1 for x, y in numbers)
    assert all(0 <= tick.y <= HEIGHT for tick in drawing.ticks)


def test_a_figure_that_nobody_measured_is_not_drawn() -> None:
    assert draw([Series("kl", [])]) is None
    drawing = draw([Series("kl", []), Series("loss", [(1, 2.0)])])
    assert drawing is not None
    assert [line.name for line in drawing.lines] == ["loss"]


def test_no_line_leads_over_a_step_whose_figure_is_not_known() -> None:
    drawing = draw([Series("kl", [(0, 0.0), (1, 1.0), (2, None), (3, 0.5), (4, None), (8, 1.0), (10, 0.0)])])
    assert drawing is not None
    line = drawing.lines[0]
    assert line.path.count("M") == 3
    assert line.path.startswith("M0 120L32 0M96 60L96 60M")  # a lone point is a line to itself: a dot
    assert (line.first, line.last) == (0.0, 0.0)


def test_lines_lead_over_steps_that_nobody_measured() -> None:
    drawing = draw([Series("f1", [(0, 0.0), (10, 1.0), (20, 0.5)])])
    assert drawing is not None
    assert drawing.lines[0].path.count("M") == 1


def test_a_series_of_which_nothing_is_known_is_not_drawn() -> None:
    assert draw([Series("kl", [(1, None), (2, None)])]) is None


def test_ticks_are_round() -> None:
    drawing = draw([Series("f1", [(0, 0.31), (10, 0.58)])])
    assert drawing is not None
    assert [tick.label for tick in drawing.ticks] == ["0.3", "0.4", "0.5", "0.6"]
    assert drawing.in_words() == "steps 0 to 10: f1 from 0.31 to 0.58"


def test_a_figure_that_stays_the_same_lies_on_round_ticks() -> None:
    for value, labels in ((0.0, ["0", "0.5", "1"]), (0.5, ["0.2", "0.4", "0.6", "0.8"]), (-2.0, ["-3", "-2", "-1"])):
        drawing = draw([Series("missing", [(0, value), (10, value)])])
        assert drawing is not None
        assert [tick.label for tick in drawing.ticks] == labels


def test_a_long_run_is_thinned_out_to_means() -> None:
    points = [(step, float(step % 2)) for step in range(1, 4001)]
    got = thin(points)
    assert len(got) == POINTS
    assert got[-1] == (4000, 0.5)
    assert thin(points[:100]) == points[:100]
    gaps: list[tuple[int, float | None]] = [(step, None if step > 2000 else 1.0) for step in range(4000)]
    assert [value for _, value in thin(gaps)] == [1.0] * 201 + [None] * 199
