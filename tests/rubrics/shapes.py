"""The shared rubric documents in the native shapes of the field, and how tests change and compare them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric

SHARED: Final = Path(__file__).parents[3] / "shared"
SHAPES_FILE: Final = SHARED / "vectors" / "rubric_shapes.json"
PUBLIC: Final = SHARED / "data" / "rubrics"


def _read_docs() -> list[dict[str, Any]]:
    if not SHAPES_FILE.is_file():
        return []
    docs: list[dict[str, Any]] = json.loads(SHAPES_FILE.read_text(encoding="utf-8"))["docs"]
    return docs


DOCS: Final = _read_docs()


def through_json(rubric: Rubric) -> Rubric:
    """The rubric as it is after it was kept in a file."""
    return Rubric.model_validate_json(rubric.model_dump_json())


def same_text(one: object, other: object) -> bool:
    """Whether two documents are the same to the last digit, key order and type of numbers included."""
    return json.dumps(one) == json.dumps(other)


def edited(rubric: Rubric, id: str, **update: Any) -> Rubric:
    """The rubric with one criterion changed, at any depth."""

    def changed(criterion: Criterion) -> Criterion:
        children = tuple(changed(child) for child in criterion.children)
        more = update if criterion.id == id else {}
        return criterion.model_copy(update={"children": children, **more})

    return rubric.model_copy(update={"criteria": tuple(changed(criterion) for criterion in rubric.criteria)})


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Where two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            if key not in one or key not in other:
                yield f"{path}.{key}"
            else:
                yield from differences(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{path}[{place}]")
    elif not same_text(one, other):
        yield path
