"""The form of refiner training data: two lists, one of what an answer should do and one of faults.

In: `{positive_rubrics, negative_rubrics}`, also as part of a row; items are texts or `{title?, description, weight?}`.
A fault's weight may be given with its sign or without. Out: a flat rubric, faults with weights below 0. Not here: the
flipping of scores (citerefine.rubrics.aggregation).
"""

from collections.abc import Mapping
from typing import Any, Final

from citerefine.rubrics.aggregation.formulas import FORMULAS
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.drtulu import DRTULU_GENERATED
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.values import Object, as_label, as_weight


class OptionalWeight:
    """A weight that may be missing, and whose sign may be."""

    keys = ("weight",)
    names = ("weight",)

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """The weight, if there is one."""
        return {"weight": as_weight(native["weight"], f"{where}.weight")} if "weight" in native else {}

    def write(self, record: parts.Record, native: Object) -> None:
        """Without a sign, unless the object has one already."""
        kept = native.get("weight")
        had_sign = isinstance(kept, int | float) and kept < 0
        native["weight"] = record.weight if had_sign else abs(record.weight)

    def cannot(self, record: parts.Record) -> str:
        """Nothing: any weight can be given."""
        return ""


class NamedFormula:
    """The formula, where it is not the seed's own: our key, which others pass over."""

    keys = ("aggregate",)
    names = ("aggregate",)

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """The name, if it is that of a formula; else it is somebody else's key."""
        named = native.get("aggregate")
        return {"aggregate": named} if isinstance(named, str) and named in FORMULAS else {}

    def write(self, record: parts.Record, native: Object) -> None:
        """The name, if there is one."""
        if record.aggregate:
            native["aggregate"] = record.aggregate
        else:
            native.pop("aggregate", None)

    def cannot(self, record: parts.Record) -> str:
        """Nothing: any formula can be named."""
        return ""


SEED: Final = ListFormat(
    "seed",
    "refiner training data: positive and negative rubrics, in a row or alone",
    Shape(parts.text("description"), parts.title(), OptionalWeight(), required=(("description",),)),
    Group("positive_rubrics", 1, {}, lambda criterion: not criterion.is_negative),
    Group("negative_rubrics", -1),
    document=(Key(("question", "query"), "query", as_label), Key("id", "id", as_label), NamedFormula()),
    tell=lambda native: not DRTULU_GENERATED.recognises(native),
    strings=True,
)
