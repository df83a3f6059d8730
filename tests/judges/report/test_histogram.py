"""How figures from 0 to 1 are spread."""

from hypothesis import given
from hypothesis import strategies as st

from citerefine.judges.report.histogram import HEIGHT, N_BINS, WIDTH, Histogram


def filled(*values: float) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def test_edges_belong_to_the_bin_above_and_1_to_the_last() -> None:
    counts = [found.n for found in filled(0, 0.05, 0.15, 0.3, 0.999, 1).bins()]
    assert {at: n for at, n in enumerate(counts) if n} == {0: 1, 1: 1, 3: 1, 6: 1, 19: 2}


@given(st.lists(st.floats(0, 1), max_size=50))
def test_every_figure_is_counted_once_and_drawn_within_the_frame(values: list[float]) -> None:
    histogram = filled(*values)
    assert histogram.total == len(values)
    bars = list(histogram.bars())
    assert sum(found.n > 0 for found in histogram.bins()) == len(bars)
    for bar in bars:
        assert bar.x >= 0
        assert bar.x + bar.width <= WIDTH
        assert bar.y >= 0
        assert abs(bar.y + bar.height - HEIGHT) < 0.02
    assert not values or max(bar.height for bar in bars) == HEIGHT


def test_a_single_answer_among_thousands_is_drawn() -> None:
    assert min(bar.height for bar in filled(0.5, *[0.1] * 10_000).bars()) >= 1.5


def test_the_spread_can_be_read_without_seeing_it() -> None:
    assert filled(0, 0.01, 1).in_words() == "0.00 to 0.05: 2; 0.95 to 1.00: 1"
    assert len(filled().bins()) == N_BINS
