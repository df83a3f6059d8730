"""RACE, the criteria of DeepResearch Bench: weighted dimensions, and weighted criteria in each.

In: `{id, prompt, dimension_weight{}, criterions{dimension: [{criterion, explanation, weight}]}}`. Out: a tree of two
levels, dimensions above, judged from 0 to 10; criteria are `insight/1`, `insight/2` … Not here: the comparison with a
reference report (citerefine.rubrics.aggregation).
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import JsonValue

from citerefine.rubrics.criterion import Criterion, Scale
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape
from citerefine.rubrics.formats.spelling import refuse_misspelt
from citerefine.rubrics.formats.values import (
    Object,
    as_filled_text,
    as_label,
    as_list,
    as_object,
    as_optional_text,
    as_weight,
)
from citerefine.rubrics.rubric import MAX_NODES, Rubric


class ExplainedText:
    """A criterion and what is meant by it: the first line of our text, and the rest."""

    keys = ("criterion", "explanation")
    names = ("text",)

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """Both in one text."""
        text = as_filled_text(native["criterion"], f"{where}.criterion")
        explanation = as_optional_text(native.get("explanation"), f"{where}.explanation")
        return {"text": f"{text}\n{explanation}" if explanation else text}

    def write(self, record: parts.Record, native: Object) -> None:
        """The first line as the criterion, what follows as the explanation."""
        native["criterion"], _, native["explanation"] = record.text.partition("\n")

    def cannot(self, record: parts.Record) -> str:
        """Nothing: any text has a first line."""
        return ""


_ITEM: Final = Shape(
    ExplainedText(),
    Key("weight", "weight", as_weight, always=True, cannot=parts.at_least_0),
    required=(("criterion",), ("weight",)),
    scale=Scale(kind="numeric", lo=0, hi=10),
)
_DOCUMENT: Final = (Key("id", "id", as_label), parts.query("prompt"))


class RaceFormat:
    """Dimensions of criteria."""

    name = "drb_race"
    meaning = "RACE of DeepResearch Bench: weighted dimensions of weighted criteria, judged from 0 to 10"
    has_rules = False
    has_states = False
    known_keys = _ITEM.known_keys | {"id", "prompt", "dimension_weight", "criterions"}

    def recognises(self, native: JsonValue) -> bool:
        """Whether it has dimensions with weights."""
        return isinstance(native, dict) and isinstance(native.get("criterions"), dict) and "dimension_weight" in native

    def load(self, native: JsonValue) -> Rubric:
        """The rubric."""
        document = as_object(native, f"the {self.name} document")
        refuse_misspelt(document, self.known_keys - _ITEM.known_keys, f"the {self.name} document")
        dimensions = as_object(document.get("criterions"), f"{self.name}: criterions")
        lists = {name: as_list(items, f"{self.name}: criterions.{name}") for name, items in dimensions.items()}
        if sum(len(items) + 1 for items in lists.values()) > MAX_NODES:
            raise RubricError(f"the document holds more than {MAX_NODES:,} criteria; split it")
        weights = as_object(document.get("dimension_weight"), f"{self.name}: dimension_weight")
        criteria = [_dimension(name, items, weights) for name, items in lists.items() if items]
        kept: Object = {**document, "criterions": {name: [] for name in dimensions}}
        fields = {name: value for part in _DOCUMENT for name, value in part.read(kept, self.name).items()}
        return Rubric(format=self.name, criteria=tuple(criteria), extra=kept, **fields)

    def cannot(self, rubric: Rubric) -> Iterable[tuple[Criterion | None, str]]:
        """Anything but two levels, dimensions first."""
        for dimension in rubric.criteria:
            if not dimension.children or dimension.is_negative:
                yield dimension, "it is no dimension: a part with a weight of at least 0 and criteria below it"
            for criterion in dimension.children:
                if criterion.children:
                    yield criterion, "it has criteria below it, and the format has dimensions and criteria only"
                elif why := _ITEM.cannot(criterion):
                    yield criterion, why

    def dump(self, rubric: Rubric) -> JsonValue:
        """The document; a dimension that is gone stays as an empty list."""
        kept = rubric.extra if rubric.format == self.name else {}
        native: Object = copy.deepcopy(kept)
        was = {name: value for part in _DOCUMENT for name, value in part.read(kept, self.name).items()}
        for part in _DOCUMENT:
            if not kept or was.get(part.names[0], "") != getattr(rubric, part.names[0]):
                part.write(rubric, native)
        had = as_object(kept.get("criterions", {}), "criterions")
        weights = as_object(native.get("dimension_weight", {}), "dimension_weight")
        now = {dimension.id: dimension for dimension in rubric.criteria}
        lists: Object = {name: [] for name in had}
        for name, dimension in now.items():
            if weights.get(name) != dimension.weight:
                weights[name] = dimension.weight
            lists[name] = [_ITEM.dump(criterion, fresh=not kept) for criterion in dimension.children]
        native["dimension_weight"], native["criterions"] = weights, lists
        return native


def _dimension(name: str, items: list[JsonValue], weights: Object) -> Criterion:
    where = f"drb_race: criterions.{name}"
    if name not in weights:
        raise RubricError(f"{where} has no weight in dimension_weight; give it one")
    weight = as_weight(weights[name], f"drb_race: dimension_weight.{name}")
    children = tuple(
        _ITEM.load(as_object(item, f"{where}[{place}]"), f"{where}[{place}]", id=f"{name}/{place + 1}")
        for place, item in enumerate(items)
    )
    return Criterion(id=name, text=name, weight=weight, children=children)


DRB_RACE: Final = RaceFormat()
