"""RubricHub: what it publishes, and the list that its pipeline works on.

In: `{question, id, rubrics: [{criterion, points}]}`, points whole numbers from 0 to 10 and without faults; or
`[{title, description, weight}]`, which may have them. Out: flat rubrics. Not here: HealthBench, whose items look the
same and whose documents do not.
"""

from typing import Any, Final

from pydantic import JsonValue

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import as_label, as_weight, shown


def _points(value: JsonValue, where: str) -> int | float:
    points = as_weight(value, where)
    if not 0 <= points <= 10:
        raise RubricError(f"{where} is {shown(value)}; points go from 0 to 10 there (`healthbench` has a sign)")
    return points


def _no_points(weight: float) -> str:
    if weight < 0:
        return parts.at_least_0(weight)
    fits = weight <= 10 and float(weight).is_integer()
    return "" if fits else f"the weight {weight:g} is no whole number from 0 to 10"


def _whole(weight: Any) -> JsonValue:
    return parts.whole(weight)


RUBRICHUB: Final = ListFormat(
    "rubrichub",
    "RubricHub as published: criteria with points from 0 to 10, without faults",
    Shape(
        parts.text("criterion"),
        Key("points", "weight", _points, _whole, always=True, cannot=_no_points),
        required=(("criterion",), ("points",)),
    ),
    Group("rubrics"),
    document=(parts.query("question"), Key("id", "id", as_label, always=True)),
    tell=lambda native: "question" in native and "prompt" not in native,
)
RUBRICHUB_PIPELINE: Final = ListFormat(
    "rubrichub_pipeline",
    "RubricHub inside: a list of titled criteria with signed weights, no question",
    Shape(parts.title(), parts.text("description"), parts.weight(), required=(("description",), ("weight",))),
)
