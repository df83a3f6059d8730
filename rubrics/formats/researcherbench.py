"""ResearcherBench rows.

In: `{id, question, rubric: [{point, weight}]}`, weights from 1 to 3. Out: a flat rubric without faults. Not here: its
scores.
"""

from typing import Final

from pydantic import JsonValue

from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import as_label


def _number(id: str) -> JsonValue:
    return int(id) if id.isascii() and id.isdigit() and len(id) < 16 and str(int(id)) == id else id


RESEARCHERBENCH: Final = ListFormat(
    "researcherbench",
    "ResearcherBench: weighted points that an answer should make",
    Shape(parts.text("point"), parts.weight(), required=(("point",), ("weight",))),
    Group("rubric"),
    document=(Key("id", "id", as_label, _number), parts.query("question")),
    bare=True,
)
