"""ResearchRubrics: signed criteria, each met, partly met or not.

In: `{prompt, rubrics: [{criterion or title, weight, axis or category, row_index}]}`, or the list alone. Out: a flat
rubric; the axis becomes a tag. Not here: its labels and reports.
"""

from typing import Any, Final

from pydantic import JsonValue

from citerefine.rubrics.criterion import Level, Scale
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import as_label, as_optional_text

SATISFIED: Final = Scale(
    kind="ordinal",
    levels=(
        Level(name="Not Satisfied", value=0),
        Level(name="Partially Satisfied", value=0.5),
        Level(name="Satisfied", value=1),
    ),
)


def _axis(value: JsonValue, where: str) -> tuple[str, ...]:
    axis = as_optional_text(value, where)
    return (axis,) if axis else ()


def _first(tags: Any) -> JsonValue:
    return tags[0] if tags else ""


RESEARCHRUBRICS: Final = ListFormat(
    "researchrubrics",
    "ResearchRubrics: criteria with signed weights, satisfied, in part or not",
    Shape(
        parts.text("criterion", "title"),
        parts.weight(),
        Key(("axis", "category"), "tags", _axis, _first, always=True),
        required=(("criterion", "title"), ("weight",), ("axis", "category")),
        scale=SATISFIED,
    ),
    Group("rubrics"),
    document=(Key(("sample_id", "task_name"), "id", as_label), parts.query("prompt")),
    tell=lambda native: bool(native["rubrics"]),  # without items, the keys are those of other formats
    bare=True,
)
