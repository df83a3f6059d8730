"""Examples in docstrings run and give what they say."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(("citerefine", *path.relative_to(ROOT).with_suffix("").parts))
    for layer in ("judges", "refiner", "rubrics", "tools", "training", "app")
    for path in (ROOT / layer).rglob("*.py")
    if ">>>" in path.read_text()
)


def test_there_are_examples() -> None:
    assert len(MODULES) >= 5


@pytest.mark.parametrize("name", MODULES)
def test_examples_are_true(name: str) -> None:
    run = doctest.testmod(import_module(name))
    assert run.attempted > 0
    assert run.failed == 0
