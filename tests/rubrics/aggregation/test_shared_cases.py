"""All aggregates of the shared rubric documents, and trees that people graded, through the readers of their formats."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from citerefine.rubrics.aggregation import aggregate, default_formula
from citerefine.rubrics.combining import combine
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.loading import read_rubric
from citerefine.rubrics.rubric import Rubric

SHARED = Path(__file__).parents[3].parent / "shared"
CASES_FILE = SHARED / "vectors" / "rubric_shapes.json"
TREES = SHARED / "data" / "rubrics" / "paperbench_judge_eval"
NATIVE = {"race_total", "race_relative", "mean_1_10", "unit_mean", "likert_1_5", "unit"}
"""Formulas whose verdicts are given on the native scale."""


def documents() -> Iterator[dict[str, Any]]:
    """The documents of the file, if it is there."""
    if CASES_FILE.is_file():
        yield from json.loads(CASES_FILE.read_text())["docs"]


DOCS = {doc["name"]: doc for doc in documents()}
CASES = [(doc["name"], number) for doc in DOCS.values() for number in range(len(doc["aggregates"]))]
pytestmark = pytest.mark.skipif(not CASES, reason=f"the shared rubric documents are not at {CASES_FILE}")


@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_document_is_worth_what_is_expected(name: str, number: int) -> None:
    doc = DOCS[name]
    case = doc["aggregates"][number]
    formula, verdicts = case["formula"], case["verdicts"]
    rubric = read_rubric(doc["native"], format=doc["format"])
    if formula == "concat_flip_then_mean":
        rubric, verdicts = joined(rubric, verdicts)
    reference = None
    if formula == "race_relative":
        reference = values(rubric, verdicts["reference"], formula)
        verdicts = verdicts["target"]
    # One case leaves a quarter of the weight out; the default would give no score.
    least = 0.75 if case.get("note", "").startswith("With an invalid leaf") else 0.8
    got = aggregate(rubric, values(rubric, verdicts, formula), formula, least_coverage=least, reference=reference)
    assert got.score == (None if case["score"] is None else pytest.approx(case["score"], abs=1e-6))
    assert got.score is not None or got.reason


def joined(static: Rubric, verdicts: dict[str, Any]) -> tuple[Rubric, dict[str, list[float]]]:
    """Instance and static rubric as one, and the verdicts in its order."""
    instance = read_rubric(DOCS["seed_instance"]["native"], format="seed")
    both = combine(instance, static)
    assert both.aggregate == "flip_then_mean"
    return both, {"in order": [v for part in verdicts.values() for side in part.values() for v in side]}


def values(rubric: Rubric, verdicts: Any, formula: str) -> dict[str, float | None]:
    """Criterion id → value, from the forms in which the file gives verdicts."""
    ids = {leaf.id: leaf for leaf in rubric.leaves}
    if isinstance(verdicts, Mapping) and not any(isinstance(value, Sequence) for value in verdicts.values()):
        return {id: unit(ids.get(id), value, formula) for id, value in verdicts.items()}
    if isinstance(verdicts, Mapping) and any(isinstance(value, str) for value in verdicts.values()):
        return {id: choice(ids[id], value) for id, value in verdicts.items()}
    lists = [*verdicts.values()] if isinstance(verdicts, Mapping) else [verdicts]
    row = [value for part in lists for value in part]
    return {leaf.id: unit(leaf, value, formula) for leaf, value in zip(rubric.leaves, row, strict=True)}


def unit(leaf: Criterion | None, verdict: float | None, formula: str) -> float | None:
    """A verdict as a value."""
    if verdict is None or leaf is None or formula not in NATIVE:
        return None if verdict is None else float(verdict)
    return leaf.scale.to_unit(verdict)


def choice(leaf: Criterion, verdict: str) -> float | None:
    """The value of a named choice; None if there is none of that name."""
    named = {level.name: level.value for level in leaf.scale.levels} or {"no": 0.0, "yes": 1.0}
    return named.get(verdict)


@pytest.mark.parametrize("name", sorted(DOCS))
def test_the_formula_of_a_format_is_the_one_that_it_defines(name: str) -> None:
    defined = {case["formula"] for case in DOCS[name]["aggregates"] if case["status"] == "defined_by_format"}
    formula = default_formula(read_rubric(DOCS[name]["native"], format=DOCS[name]["format"]))
    assert not defined or formula in defined


@pytest.mark.skipif(not TREES.is_dir(), reason=f"the graded trees are not at {TREES}")
@pytest.mark.parametrize("path", sorted(TREES.glob("*.expected_result.json")), ids=lambda path: path.name.split(".")[0])
def test_trees_that_people_graded_give_their_root(path: Path) -> None:
    native = json.loads(path.read_text())
    native = native.get("graded_task_tree", native)
    rubric = read_rubric(native, format="paperbench_graded")
    graded: dict[str, float] = {}
    waiting = [native]
    while waiting:
        node = waiting.pop()
        waiting += node["sub_tasks"]
        if not node["sub_tasks"]:
            graded[node["id"]] = float(node["score"])
    known = {leaf.id: graded[leaf.id] for leaf in rubric.leaves}
    assert aggregate(rubric, known).score == pytest.approx(native["score"], abs=1e-9)
