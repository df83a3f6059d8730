"""Rubrics of the library `verifiers`: choices in order, worst to best.

In: `{criteria: [{name, text, weight, choices[]}]}`; weight and choices may be missing. Out: a flat rubric without
faults. Not here: TOML files of that library, which hold the same keys (loading.py reads them).
"""

from typing import Any, Final

from pydantic import JsonValue

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.levels import Choices
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import as_weight


def _unsigned(value: JsonValue, where: str) -> int | float:
    weight = as_weight(value, where)
    if weight < 0:
        raise RubricError(f"{where} is {weight}; weights are at least 0 there")
    return weight


def _float(weight: Any) -> JsonValue:
    return float(weight)


VERIFIERS: Final = ListFormat(
    "verifiers",
    "verifiers: named criteria with choices from worst to best, without faults",
    Shape(
        parts.text("text"),
        Key("weight", "weight", _unsigned, _float, always=True, cannot=parts.at_least_0),
        Choices(),
        required=(("name",), ("text",)),
        id_key="name",
    ),
    Group("criteria"),
)
