"""WritingBench rows: criteria judged from 1 to 10, with an anchor for every two points.

In: `{index, domain1, domain2, query, checklist: [{name, criteria_description, "1-2", …, "9-10"}]}`. Out: a flat rubric
of equal weights. Not here: its scores.
"""

from typing import Final

from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.levels import AnchorKey, Anchors
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import as_label

# An anchor stands for two points; its value is that of the middle between them.
_STEPS: Final = tuple(AnchorKey(f"{lo}-{lo + 1}", f"{lo}-{lo + 1}", (lo - 0.5) / 9) for lo in (1, 3, 5, 7, 9))

WRITINGBENCH: Final = ListFormat(
    "writingbench",
    "WritingBench: named criteria, judged from 1 to 10 by five anchors",
    Shape(
        parts.text("criteria_description"),
        Anchors("numeric", 1, 10, *_STEPS),
        required=(("name",), ("criteria_description",), ("1-2",), ("9-10",)),
        id_key="name",
    ),
    Group("checklist"),
    document=(Key("index", "id", as_label), parts.query("query")),
    bare=True,
)
