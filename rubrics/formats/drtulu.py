"""The five shapes of DR Tulu and open-instruct.

In: rows `{query, rubrics: [{description, weight, title}], rubrics_types[]}`, the older grouped `{Question, "Answer
Critical": […], …}`, the output of the generator `{question, positive_rubrics, negative_rubrics}`, and a query's buffer
`{active_rubrics, inactive_rubrics, persistent_rubrics, static_rubrics}`. Out: flat rubrics on a scale from 0 to 2. Not
here: the buffer's own life (citerefine.rubrics.buffer).
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from citerefine.rubrics.criterion import Criterion, Scale
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.list_format import Group, ListFormat
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.spelling import refuse_misspelt
from citerefine.rubrics.formats.values import Object, as_list, as_object, as_text, as_texts
from citerefine.rubrics.rubric import Rubric

ZERO_TO_TWO: Final = Scale(kind="numeric", lo=0, hi=2)
_DESCRIBED: Final = Shape(
    parts.text("description"),
    parts.weight(write=float),
    parts.title(),
    required=(("description",), ("weight",)),
    scale=ZERO_TO_TWO,
)


class Specifics:
    """Passages that an ingredient is drawn from."""

    keys = ("Specifics",)
    names = ("evidence",)

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """Their texts; which source each comes from stays in the object."""
        found = as_list(native.get("Specifics") or [], f"{where}.Specifics")
        texts = [as_object(entry, f"{where}.Specifics[{place}]").get("Text") for place, entry in enumerate(found)]
        return {"evidence": tuple(as_text(text, f"{where}.Specifics[{i}].Text") for i, text in enumerate(texts))}

    def write(self, record: parts.Record, native: Object) -> None:
        """New entries keep what is said of the same text elsewhere in the list."""
        kept = {
            entry.get("Text"): entry
            for entry in as_list(native.get("Specifics") or [], "Specifics")
            if isinstance(entry, dict)
        }
        native["Specifics"] = [kept.get(text, {"Text": text}) for text in record.evidence]

    def cannot(self, record: parts.Record) -> str:
        """Nothing: a list can hold any passages."""
        return ""


class TypedListFormat(ListFormat):
    """Rows with a list beside the criteria that says where each comes from."""

    def load(self, native: JsonValue) -> Rubric:
        """The rubric, origin and state by `rubrics_types`."""
        rubric = super().load(native)
        refuse_misspelt(rubric.extra, ("rubrics_types",), f"the {self.name} document")
        types = as_texts(rubric.extra.get("rubrics_types"), f"{self.name}: rubrics_types")
        if types and len(types) != len(rubric.criteria):
            raise RubricError(
                f"{self.name}: rubrics_types has {len(types)} entries for {len(rubric.criteria)} rubrics; give one each"
            )
        typed = [_typed(criterion, kind) for criterion, kind in zip(rubric.criteria, types, strict=False)]
        return rubric.model_copy(update={"criteria": tuple(typed)}) if types else rubric

    def dump(self, rubric: Rubric) -> JsonValue:
        """The row; its `rubrics_types` as it was, unless criteria came, went or changed their origin."""
        native = as_object(super().dump(rubric), self.name)
        kept = as_texts(native.get("rubrics_types"), f"{self.name}: rubrics_types")
        word = "evolving" if "evolving" in kept else "adaptive"
        now = [word if criterion.origin == "adaptive" else "persistent" for criterion in rubric.criteria]
        was = [word if kind in ("adaptive", "evolving") else "persistent" for kind in kept]
        if now != was and (kept or word in now or rubric.format != self.name):
            native["rubrics_types"] = [*now]
        return native


def _typed(criterion: Criterion, kind: str) -> Criterion:
    if kind not in ("adaptive", "evolving"):
        return criterion
    return criterion.model_copy(update={"origin": "adaptive", "state": "active"})


DRTULU: Final = TypedListFormat(
    "drtulu",
    "DR Tulu and open-instruct: titled criteria with signed weights, judged from 0 to 2",
    _DESCRIBED,
    Group("rubrics"),
    document=(parts.query("query", "question"),),
    tell=lambda native: "query" in native or ("prompt" not in native and bool(native["rubrics"])),
)
DRTULU_INGREDIENTS: Final = ListFormat(
    "drtulu_ingredients",
    "DR Tulu, older: ingredients in three tiers, with passages; all count the same",
    Shape(parts.text("Ingredient"), parts.title("Handle"), Specifics(), required=(("Ingredient",),), scale=ZERO_TO_TWO),
    Group("Answer Critical", 1, {"tier": "Answer Critical"}, lambda c: c.tier not in ("Valuable", "Context")),
    Group("Valuable", 1, {"tier": "Valuable"}, lambda c: c.tier == "Valuable"),
    Group("Context", 1, {"tier": "Context"}),
    document=(parts.query("Question"),),
)
DRTULU_GENERATED: Final = ListFormat(
    "drtulu_generated",
    "DR Tulu, as its generator writes: positive and negative criteria of one question",
    Shape(
        parts.title(), parts.text("description"), required=(("description",),), beside=("weight",), scale=ZERO_TO_TWO
    ),
    Group("positive_rubrics", 1, {"origin": "adaptive", "state": "active"}, lambda c: not c.is_negative),
    Group("negative_rubrics", -1, {"origin": "adaptive", "state": "active"}),
    document=(parts.query("question"),),
    tell=lambda native: set(native) == {"question", "positive_rubrics", "negative_rubrics"} and _unweighted(native),
)
DRTULU_BUFFER: Final = ListFormat(
    "drtulu_buffer",
    "DR Tulu, the buffer of one query: active, inactive and persistent criteria",
    _DESCRIBED,
    Group("active_rubrics", 0, {"origin": "adaptive", "state": "active"}, lambda c: c.state == "active"),
    Group("inactive_rubrics", 0, {"origin": "adaptive", "state": "inactive"}, lambda c: c.state == "inactive"),
    Group("persistent_rubrics"),
)


def _unweighted(native: Object) -> bool:
    lists = [native[key] for key in ("positive_rubrics", "negative_rubrics")]
    items = [item for items in lists if isinstance(items, list) for item in items]
    is_weighted = any(isinstance(item, dict) and "weight" in item for item in items)
    return not is_weighted and all(isinstance(items, list) for items in lists)
