"""The library `rubric` of The LLM Data Company, and autorubric, which grew out of it.

In: `[{weight, requirement}]`, or `{sections: [{criteria: […]}]}`; for autorubric, items may have `name`, `options`,
`scale_type` and `aggregation`. Out: flat rubrics; a criterion's section is a tag such as `section:1`. Not here: their
formulas.
"""

import copy
from typing import Any, Final

from pydantic import JsonValue

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.levels import Options
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import Object, as_list, as_object
from citerefine.rubrics.rubric import Rubric

_SECTION: Final = "section:"
_OPTIONAL_KEYS: Final = ("name", "options", "scale_type", "aggregation")


class SectionedFormat(ListFormat):
    """A list, or sections of lists."""

    def recognises(self, native: JsonValue) -> bool:
        """A list of requirements without the keys of autorubric, or sections of them."""
        items = _all_items(native) if isinstance(native, dict) else native
        return super().recognises(items) and not _has_options(items)

    def load(self, native: JsonValue) -> Rubric:
        """The rubric."""
        if not isinstance(native, dict):
            return super().load(native)
        sections = _sections(native)
        where = f"{self.name}: sections"
        lists = [as_list(section.get("criteria"), f"{where}[{n}].criteria") for n, section in enumerate(sections)]
        flat = super().load([item for items in lists for item in items])
        tags = [f"{_SECTION}{place}" for place, items in enumerate(lists, 1) for _ in items]
        criteria = [c.model_copy(update={"tags": (tag,)}) for c, tag in zip(flat.criteria, tags, strict=True)]
        emptied: list[JsonValue] = [{**section, "criteria": []} for section in sections]
        return flat.model_copy(update={"criteria": tuple(criteria), "extra": {**native, "sections": emptied}})

    def dump(self, rubric: Rubric) -> JsonValue:
        """A list, or the sections that it came with: one without a section goes to the last."""
        items = as_list(super().dump(rubric.model_copy(update={"extra": {}})), self.name)
        if rubric.format != self.name or "sections" not in rubric.extra:
            return items
        native: Object = copy.deepcopy(rubric.extra)
        sections = _sections(native)
        for criterion, item in zip(rubric.criteria, items, strict=True):
            as_list(sections[_section_of(criterion, len(sections))]["criteria"], "criteria").append(item)
        return native


class OptionsFormat(ListFormat):
    """A list, or the list `rubric` in a data set's object."""

    def recognises(self, native: JsonValue) -> bool:
        """Items with a requirement, at least one of them with a key that only autorubric has."""
        return super().recognises(native) and _has_options(native["rubric"] if isinstance(native, dict) else native)


def _has_options(items: JsonValue) -> bool:
    rows = items if isinstance(items, list) else []
    return any(key in item for item in rows if isinstance(item, dict) for key in _OPTIONAL_KEYS)


def _sections(native: Object) -> list[Object]:
    return [as_object(section, "llmdata_rubric: section") for section in as_list(native.get("sections"), "sections")]


def _all_items(native: Object) -> JsonValue:
    sections = native.get("sections")
    rows = sections if isinstance(sections, list) else []
    lists: list[Any] = [section.get("criteria") for section in rows if isinstance(section, dict)]
    whole = rows and len(lists) == len(rows) and all(isinstance(items, list) for items in lists)
    return [item for items in lists for item in items] if whole else None


def _section_of(criterion: Criterion, n: int) -> int:
    named = [tag.removeprefix(_SECTION) for tag in criterion.tags if tag.startswith(_SECTION)]
    known = named and named[0].isascii() and named[0].isdigit() and 1 <= int(named[0]) <= n
    if not n:
        raise RubricError("llmdata_rubric: the document has no section left to write criteria into; add one")
    return int(named[0]) - 1 if known else n - 1


_REQUIRED: Final = (("requirement",), ("weight",))
LLMDATA_RUBRIC: Final = SectionedFormat(
    "llmdata_rubric",
    "rubric of The LLM Data Company: requirements with signed weights, in a list or in sections",
    Shape(parts.text("requirement"), parts.weight(write=float), required=_REQUIRED, beside=_OPTIONAL_KEYS),
)
AUTORUBRIC: Final = OptionsFormat(
    "autorubric",
    "autorubric: named requirements with signed weights and options with values",
    Shape(parts.text("requirement"), parts.weight(write=float), Options(), required=(("requirement",),), id_key="name"),
    Group("rubric"),
    document=(parts.query("prompt"),),
    bare=True,
)
