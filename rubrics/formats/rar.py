"""Rubrics as Rewards rows: the first words of a description say how much it matters.

In: `{question, reference_answer, rubric: [{title, description, weight}], rubric_count}`; descriptions open with
“Essential Criteria:” and the like. Out: a flat rubric, the opening in `tier` and not in the text. Not here: its
implicit form, one score for all.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import Object, as_filled_text

_OPENING: Final = re.compile(r"(Essential|Important|Optional|Pitfall) Criteria: ")


class TieredText:
    """A description with its opening."""

    keys = ("description",)
    names = ("text", "tier")

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """Text and tier; all of it is text if it opens otherwise, or if nothing follows."""
        text = as_filled_text(native["description"], f"{where}.description")
        opening = _OPENING.match(text)
        if opening is None or not text[opening.end() :].strip():
            return {"text": text, "tier": ""}
        return {"text": text[opening.end() :], "tier": opening[1]}

    def write(self, record: parts.Record, native: Object) -> None:
        """Puts the opening before the text."""
        known = record.tier and _OPENING.match(f"{record.tier} Criteria: ")
        native["description"] = f"{record.tier} Criteria: {record.text}" if known else record.text

    def cannot(self, record: parts.Record) -> str:
        """Nothing: another tier is a loss that shows when the document is read again."""
        return ""


RAR: Final = ListFormat(
    "rar",
    "Rubrics as Rewards: titled criteria in four tiers, with signed weights",
    Shape(parts.title(), TieredText(), parts.weight(), required=(("description",), ("weight",))),
    Group("rubric"),
    document=(parts.query("question"),),
)
