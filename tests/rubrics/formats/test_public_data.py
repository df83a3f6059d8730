"""Real rubrics of three shapes, and trees graded by people: all of them come out as they went in."""

import json
from math import fsum
from pathlib import Path

import pytest
from tests.rubrics.shapes import PUBLIC, same_text, through_json

from citerefine.rubrics.criterion import Criterion, walk
from citerefine.rubrics.formats.paperbench import graded_values
from citerefine.rubrics.loading import dump_rubric, load_rubrics

pytestmark = pytest.mark.skipif(not PUBLIC.is_dir(), reason=f"the shared rubrics are not at {PUBLIC}")
FILES = sorted(path for path in PUBLIC.rglob("*.json*") if path.suffix in (".json", ".jsonl"))
GRADED = [path for path in FILES if path.name.endswith(".expected_result.json")]
COUNTS = {
    "criteria.jsonl": (100, 2517),
    "test_configs_snippets.json": (110, 484 + 4 * 110),
    "prometheus_rubrics_v8.json": (3, 3),
    "all-in-one.expected_result.json": (1, 174),
    "pinn.expected_result.json": (1, 1963),
    "rice.expected_result.json": (1, 361),
    "semantic-self-consistency.expected_result.json": (1, 79),
    "stay-on-topic-with-classifier-free-guidance.expected_result.json": (1, 116),
    "semantic-self-consistency.rubric.json": (1, 77),
}


def native_documents(path: Path) -> list[object]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    value = json.loads(text)
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_every_document_is_written_as_it_was_read(path: Path) -> None:
    rubrics = load_rubrics(path)
    assert (len(rubrics), sum(len(rubric.leaves) for rubric in rubrics)) == COUNTS[path.name]
    for rubric, native in zip(rubrics, native_documents(path), strict=True):
        assert same_text(dump_rubric(through_json(rubric)), native)


@pytest.mark.parametrize("path", GRADED, ids=[path.name for path in GRADED])
def test_the_grades_of_the_leaves_give_the_root_that_people_gave(path: Path) -> None:
    (rubric,) = load_rubrics(path)
    values = graded_values(rubric)
    for node in reversed(list(walk(rubric.criteria))):
        if node.children:
            values[node.id] = mean(node, values)
    root = json.loads(path.read_text(encoding="utf-8"))["score"]
    assert values[rubric.criteria[0].id] == pytest.approx(root, abs=1e-9)


def mean(node: Criterion, values: dict[str, float | None]) -> float:
    weighed = [(child.weight, values[child.id] or 0.0) for child in node.children]
    return fsum(weight * value for weight, value in weighed) / fsum(weight for weight, _ in weighed)
