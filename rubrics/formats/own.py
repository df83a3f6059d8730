"""Our own JSON: a rubric as its record is dumped, with everything that any format can say.

In: objects with the fields of `Rubric`; what is left out has its default. Out: the same rubric. Not here: our TOML
(toml_form.py), which people write.
"""

import json
from collections.abc import Iterable
from typing import Final

from pydantic import JsonValue, ValidationError

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.values import Object, as_object, near, shown
from citerefine.rubrics.rubric import MAX_DEPTH, MAX_NODES, Rubric


class OwnFormat:
    """Records as they are."""

    name = "citerefine"
    meaning = "our own JSON: everything that any format can say"
    has_rules = True
    has_states = True
    known_keys = frozenset(Criterion.model_fields) | frozenset(Rubric.model_fields)

    def recognises(self, native: JsonValue) -> bool:
        """Whether it says that it is ours, or holds criteria with ids and texts and nothing that we do not know."""
        items = native.get("criteria") if isinstance(native, dict) else None
        if not isinstance(native, dict) or not isinstance(items, list):
            return False
        return native.keys() <= Rubric.model_fields.keys() and all(
            isinstance(item, dict) and "id" in item and item.keys() <= Criterion.model_fields.keys() for item in items
        )

    def load(self, native: JsonValue) -> Rubric:
        """The rubric."""
        document = as_object(native, "the citerefine document")
        _check_counts(document)
        try:
            return Rubric.model_validate_json(json.dumps(document), strict=True)
        except ValidationError as error:
            raise RubricError(f"citerefine: {first_error(error, native)}") from None

    def cannot(self, rubric: Rubric) -> Iterable[tuple[Criterion | None, str]]:
        """Nothing."""
        return ()

    def dump(self, rubric: Rubric) -> JsonValue:
        """The record, whole."""
        document: Object = rubric.model_dump(mode="json")
        return document


def first_error(error: ValidationError, native: object = None) -> str:
    """What is wrong with a record, and where, in one line."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(step) for step in first["loc"]) or "it"
    if first["type"] == "extra_forbidden":
        known = Criterion.model_fields.keys() | Rubric.model_fields.keys()
        return f"{place} is no field{near(str(first['loc'][-1]), known)}"
    message = first["msg"].removeprefix("Value error, ")
    value = first.get("input")
    return f"{place}: {message}" + (f" (it is {shown(value)})" if value is not native else "")


def _check_counts(document: Object) -> None:
    """Depth and number of criteria, before any record is built: pydantic would build all, and recurse."""
    layer, depth, n = [document.get("criteria")], 0, 0
    while layer:
        items = [item for children in layer if isinstance(children, list) for item in children]
        depth, n = depth + bool(items), n + len(items)
        if depth > MAX_DEPTH or n > MAX_NODES:
            raise RubricError(f"citerefine: over {MAX_NODES:,} criteria, or over {MAX_DEPTH} levels deep; split it")
        layer = [item.get("children") for item in items if isinstance(item, dict)]


CITEREFINE: Final = OwnFormat()
