"""AstaBench and ScholarQA-CS: ingredients of an answer, and four components that every answer is scored by.

In: `{initial_prompt, metric_config: {name, config: {question, low_length, high_length, length_weight, expertise_weight,
citations_weight, excerpts_weight, ingredients or other_properties: [{name, criterion, weight, evidence[]}]}}, …}`. Out:
a flat rubric: `length`, `expertise`, `citations`, `excerpts`, as far as they have a weight, then the items. An item
with a criterion and evidence is one criterion. The bounds of the length stand in its rule, `length:300:600`. Not here:
its formula (citerefine.rubrics.aggregation).
"""

import copy
import re
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any, Final

from pydantic import JsonValue

from citerefine.rubrics.criterion import Criterion, Level, Scale
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats import parts
from citerefine.rubrics.formats.parts import Key
from citerefine.rubrics.formats.shape import Shape, name_all
from citerefine.rubrics.formats.values import (
    Object,
    as_label,
    as_list,
    as_object,
    as_text,
    as_texts,
    as_weight,
    shown,
)
from citerefine.rubrics.rubric import MAX_NODES, Rubric

THREE_STEPS: Final = Scale(
    kind="ordinal", lo=0, hi=2, levels=tuple(Level(name=str(step), value=step / 2) for step in range(3))
)
_NUMBER: Final = re.compile(r"\d{1,7}", re.ASCII)
_FROM_EVIDENCE: Final = "Tells what the passages given as its evidence say."


class ItemText:
    """What an item asks; of one that has evidence alone, a sentence that says so."""

    keys = ("criterion",)
    names = ("text",)

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """The text."""
        text = as_text(native["criterion"], f"{where}.criterion")
        if text.strip():
            return {"text": text}
        if not native.get("evidence"):
            raise RubricError(f"{where} has neither a criterion nor evidence; give it one, or leave it out")
        return {"text": _FROM_EVIDENCE}

    def write(self, record: parts.Record, native: Object) -> None:
        """The text; none where the evidence is all."""
        native["criterion"] = "" if record.text == _FROM_EVIDENCE else record.text

    def cannot(self, record: parts.Record) -> str:
        """Nothing: any text can be asked."""
        return ""


_ITEM: Final = Shape(
    ItemText(),
    Key("weight", "weight", as_weight, always=True, cannot=parts.at_least_0),
    Key("evidence", "evidence", as_texts, list, always=True),
    required=(("name",), ("criterion",), ("weight",)),
    id_key="name",
    scale=THREE_STEPS,
)
_LISTS: Final = ("ingredients", "other_properties")
_LENGTH: Final = "length"
_BOUNDS: Final = {"low_length": 300, "high_length": 600}
"""Words up to which an answer has the full mark, and from which it has none; what holds where one is not given."""
_COMPONENTS: Final[dict[str, dict[str, Any]]] = {
    "length": {"text": "Keeps within the length asked for.", "verifier": "rule", "rule": _LENGTH},
    "expertise": {"text": "Shows the knowledge of an expert in the field.", "scale": THREE_STEPS},
    "citations": {"text": "Supports its claims by what it cites.", "verifier": "citation"},
    "excerpts": {"text": "Quotes an excerpt for each citation.", "verifier": "rule", "rule": "excerpts"},
}


class SqaFormat:
    """Components and ingredients."""

    name = "sqa"
    meaning = "AstaBench and ScholarQA-CS: weighted ingredients with evidence, and four fixed components"
    has_rules = True
    has_states = False
    known_keys = _ITEM.known_keys | {"initial_prompt", "metric_config", "case_id"}

    def recognises(self, native: JsonValue) -> bool:
        """Whether it is a metric's config with one of the two lists."""
        metric = native.get("metric_config") if isinstance(native, dict) else None
        config = metric.get("config") if isinstance(metric, dict) else None
        return isinstance(config, dict) and any(isinstance(config.get(key), list) for key in _LISTS)

    def load(self, native: JsonValue) -> Rubric:
        """The rubric."""
        document = as_object(native, f"the {self.name} document")
        metric = as_object(document.get("metric_config"), f"{self.name}: metric_config")
        config = as_object(metric.get("config"), f"{self.name}: metric_config.config")
        key = _list_key(config)
        items = as_list(config.get(key), f"{self.name}: {key}")
        if len(items) > MAX_NODES:
            raise RubricError(f"the document holds more than {MAX_NODES:,} items; split it")
        places = [f"{self.name}: {key}[{n}]" for n in range(len(items))]
        rows = [(as_object(item, where), where) for item, where in zip(items, places, strict=True)]
        ids = name_all([*_COMPONENTS, *(_ITEM.native_id(*row) for row in rows)])[len(_COMPONENTS) :]
        components = [_component(name, config) for name in _COMPONENTS if f"{name}_weight" in config]
        criteria = [_ITEM.load(*row, id=id) for row, id in zip(rows, ids, strict=True)]
        kept: Object = {**document, "metric_config": {**metric, "config": {**config, key: []}}}
        return Rubric(
            format=self.name,
            id=as_label(document.get("case_id"), f"{self.name}: case_id"),
            query=_question(document, config),
            criteria=(*components, *criteria),
            extra=kept,
        )

    def cannot(self, rubric: Rubric) -> Iterable[tuple[Criterion | None, str]]:
        """Trees, faults, and rules of other names."""
        for criterion in rubric.criteria:
            if criterion.children:
                yield criterion, "it has criteria below it, and the format has no trees"
            elif criterion.verifier != "llm" and not _is_component(criterion):
                yield criterion, f"it is judged by a {criterion.verifier}, and only {', '.join(_COMPONENTS)} are"
            elif _is_component(criterion) and criterion.id == _LENGTH and not _is_length(criterion.rule):
                yield criterion, f"its rule {shown(criterion.rule)} has no place; write `length:LOW:HIGH`, in words"
            elif why := _ITEM.cannot(criterion):
                yield criterion, why

    def dump(self, rubric: Rubric) -> JsonValue:
        """The document, its list under the key that it came with."""
        ours = rubric.format == self.name and bool(rubric.extra)
        native: Object = copy.deepcopy(rubric.extra) if ours else _new_document()
        config = as_object(as_object(native["metric_config"], "metric_config")["config"], "config")
        if not ours or rubric.query != _question(native, config):
            native["initial_prompt"] = config["question"] = rubric.query
        if rubric.id != as_label(native.get("case_id"), "case_id"):
            native["case_id"] = rubric.id
        _write_components(rubric, config)
        items = [_ITEM.dump(c, fresh=not ours) for c in rubric.criteria if not _is_component(c)]
        config[_list_key(config)] = [*items]
        return native


def _component(name: str, config: Object) -> Criterion:
    weight = as_weight(config[f"{name}_weight"], f"sqa: {name}_weight")
    rule = {"rule": _length_rule(config)} if name == _LENGTH else {}
    return Criterion(id=name, weight=weight, origin="static", **(_COMPONENTS[name] | rule))


def _length_rule(config: Object) -> str:
    """The rule with its bounds; without them where the document gives none, or none that is a number of words."""
    if all(config.get(key) is None for key in _BOUNDS):
        return _LENGTH
    low, high = (_n_words(config, key, default) for key, default in _BOUNDS.items())
    return f"{_LENGTH}:{low}:{high}"


def _n_words(config: Object, key: str, default: int) -> int:
    value = default if config.get(key) is None else config[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**7 or value != int(value):
        raise RubricError(f"sqa: {key} is {shown(value)}; give a whole number of words")
    return int(value)


def _is_length(rule: str) -> bool:
    name, *bounds = rule.split(":")
    return name == _LENGTH and (not bounds or (len(bounds) == 2 and all(map(_NUMBER.fullmatch, bounds))))


def _is_component(criterion: Criterion) -> bool:
    return criterion.origin == "static" and criterion.id in _COMPONENTS


def _write_components(rubric: Rubric, config: Object) -> None:
    weights = {criterion.id: criterion.weight for criterion in rubric.criteria if _is_component(criterion)}
    for name in _COMPONENTS:
        key = f"{name}_weight"
        if name not in weights:
            config.pop(key, None)
        elif config.get(key) != weights[name]:
            config[key] = weights[name]
    _write_length(next((c.rule for c in rubric.criteria if _is_component(c) and c.id == _LENGTH), ""), config)


def _write_length(rule: str, config: Object) -> None:
    """Bounds other than those of the document; it keeps what it says already, in the way that it says it."""
    if not rule or rule == _length_rule(config):
        return
    _, *bounds = rule.split(":")
    for key, bound in zip_longest(_BOUNDS, bounds):
        if bound is None:
            config.pop(key, None)
        else:
            config[key] = int(bound)


def _list_key(config: Object) -> str:
    return next((key for key in _LISTS if key in config), _LISTS[0])


def _question(document: Object, config: Object) -> str:
    asked = document.get("initial_prompt") or config.get("question") or ""
    return as_text(asked, "sqa: initial_prompt")


def _new_document() -> Object:
    config: Object = {"question": "", "ingredients": []}
    return {"initial_prompt": "", "metric_config": {"name": "rubric_corpusqa_generic", "config": config}}


SQA: Final = SqaFormat()
