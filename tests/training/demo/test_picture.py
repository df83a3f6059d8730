"""The picture of a demonstration."""

import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest

from citerefine.training.demo.demo import Outcome
from citerefine.training.demo.measuring import Worth
from citerefine.training.demo.picture import draw_outcomes


def outcome(seed: int, *curve: tuple[int, float]) -> Outcome:
    worth = Worth(0.5, 0.1)
    return Outcome(seed=seed, made=worth, imitated=worth, rewarded=worth, curve=curve, wall_seconds=1, cpu_seconds=1)


def labels(path: Path) -> list[tuple[str, float]]:
    """What is written at the ends of the lines, and how high."""
    texts = ElementTree.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text")
    return [(text.text or "", float(text.attrib["y"])) for text in texts if (text.text or "").startswith("seed")]


def test_each_seed_is_a_line_with_where_it_began_and_ended(tmp_path: Path) -> None:
    path = tmp_path / "learning.svg"
    draw_outcomes([outcome(0, (0, 0.5), (10, 0.7)), outcome(1, (0, 0.4), (10, 0.9))], path)
    assert [label for label, _ in labels(path)] == ["seed 0: 0.50 → 0.70", "seed 1: 0.40 → 0.90"]


def test_labels_of_lines_that_end_alike_do_not_overlap(tmp_path: Path) -> None:
    path = tmp_path / "learning.svg"
    draw_outcomes([outcome(seed, (0, 0.5), (10, 0.9)) for seed in range(3)], path)
    heights = sorted(y for _, y in labels(path))
    assert all(lower - upper >= 12 for upper, lower in pairwise(heights))


def test_the_same_outcomes_give_the_same_bytes_and_nothing_is_loaded(tmp_path: Path) -> None:
    one, other = tmp_path / "one.svg", tmp_path / "other.svg"
    for path in (one, other):
        draw_outcomes([outcome(0, (0, 0.5), (10, 0.7))], path)
    assert one.read_bytes() == other.read_bytes()
    assert "href" not in one.read_text("utf-8")
    assert one.read_text("utf-8").count("http") == 1  # the name of the format


def test_without_a_curve_there_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="let the demonstration run to its end"):
        draw_outcomes([outcome(0)], tmp_path / "learning.svg")


def test_an_outcome_is_json_both_ways() -> None:
    one = outcome(3, (0, 0.5), (10, 0.7))
    assert Outcome.model_validate_json(one.model_dump_json()) == one
