"""Our TOML, for people who write rubrics by hand.

    question = "Why does bread dough rise?"

    [[positive]]
    text = "States that yeast releases carbon dioxide."
    weight = 2

    [[negative]]
    text = "Claims that salt makes the dough rise."

In: tables as tomllib gives them. Out: rubrics; or tables for tomli_w. Several rubrics stand in `[[rubric]]` tables.
What cannot be meant is refused with the table, the value and what to write instead. A comment is not kept. Not here:
text and files (citerefine.rubrics.loading).
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any, Final, Literal

from pydantic import JsonValue, ValidationError

from citerefine.rubrics.criterion import BINARY, MOST_LEVELS, Criterion, Level, Scale, walk
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.own import first_error
from citerefine.rubrics.formats.values import (
    Object,
    as_filled_text,
    as_list,
    as_object,
    as_text,
    as_texts,
    as_weight,
    near,
    shown,
)
from citerefine.rubrics.rubric import MAX_DEPTH, MAX_NODES, Rubric

_Side = Literal["positive", "negative"]
_SIDES: Final[tuple[_Side, _Side]] = ("positive", "negative")


def load_all(native: Object) -> list[Rubric]:
    """The rubrics of a file. Raises RubricError."""
    if "rubric" not in native:
        return [_rubric(native, "")]
    if len(native) > 1:
        other = next(key for key in native if key != "rubric")
        raise RubricError(f"`{other}` stands beside `[[rubric]]` tables; move it into one of them")
    tables = _tables(native["rubric"], "rubric")
    return [_rubric(table, f"rubric {place}, ") for place, table in enumerate(tables, 1)]


class TomlFormat:
    """What people write."""

    name = "toml"
    meaning = "our own TOML, for rubrics written by hand"
    has_rules = True
    has_states = True
    known_keys: frozenset[str]

    def __init__(self) -> None:
        self.known_keys = frozenset(_RUBRIC_KEYS) | frozenset(_READ)

    def recognises(self, native: JsonValue) -> bool:
        """Whether it has one of the tables."""
        if not isinstance(native, dict) or not native.keys() <= _RUBRIC_KEYS:
            return False
        tables = [native[side] for side in _SIDES if side in native]
        return bool(tables) and all(isinstance(table, list) for table in tables)

    def load(self, native: JsonValue) -> Rubric:
        """The rubric, if there is one."""
        found = load_all(as_object(native, "the TOML document"))
        if len(found) != 1:
            raise RubricError(f"there are {len(found)} rubrics, and one was asked for")
        return found[0]

    def cannot(self, rubric: Rubric) -> Iterable[tuple[Criterion | None, str]]:
        """Weights of 0, faults mixed with merits below one criterion, and criteria without text."""
        for criterion in walk(rubric.criteria):
            if criterion.weight == 0:
                yield criterion, "its weight is 0, and weights are above 0 there"
            if any(child.polarity is not criterion.polarity for child in criterion.children):
                yield criterion, "criteria and faults are mixed below it"
            if not criterion.text.strip():
                yield criterion, "it has no text"

    def dump(self, rubric: Rubric) -> JsonValue:
        """Its tables."""
        document: Object = {}
        for key, value in (("name", rubric.id), ("question", rubric.query), ("aggregate", rubric.aggregate)):
            if value:
                document[key] = value
        sides = {side: tuple(c for c in rubric.criteria if c.polarity == side) for side in _SIDES}
        ordered = walk(sides["positive"] + sides["negative"])
        numbered = {node.id: f"c{n}" for n, node in enumerate(ordered, 1)}
        for side, criteria in sides.items():
            if criteria:
                document[side] = [_table(criterion, numbered) for criterion in criteria]
        return document


def _rubric(native: Object, prefix: str) -> Rubric:
    whole = prefix.removesuffix(", ") or "the file"
    _refuse_unknown(native, _RUBRIC_KEYS, whole)
    fields: dict[str, Any] = {
        name: as_text(native[key], f"{whole}: `{key}`")
        for key, name in (("name", "id"), ("question", "query"), ("aggregate", "aggregate"))
        if key in native
    }
    numbers = count(1)
    criteria = [
        _criterion(table, f"{prefix}{side} {place}", side, numbers)
        for side in _SIDES
        for place, table in enumerate(_tables(native.get(side, []), f"{whole}: `{side}`"), 1)
    ]
    if not criteria:
        raise RubricError(f"{whole} has no `[[positive]]` and no `[[negative]]` table; write one")
    try:
        return Rubric(criteria=tuple(criteria), **fields)
    except ValidationError as error:
        raise RubricError(f"{whole}: {first_error(error)}") from None


def _criterion(table: Object, where: str, side: _Side, numbers: Iterator[int], depth: int = 1) -> Criterion:
    # Recursion is safe here: it ends at MAX_DEPTH, far from Python's limit.
    number = next(numbers)
    if depth > MAX_DEPTH or number > MAX_NODES:
        raise RubricError(
            f"{where:.60}: over {MAX_NODES:,} criteria, or over {MAX_DEPTH} levels deep; split the rubric"
        )
    place = f"{where}{_opening(table)}"
    _refuse_unknown(table, _READ.keys() | {"criteria"}, place)
    if "text" not in table:
        raise RubricError(f"{place} has no `text`; say what is asked")
    fields = {key: _READ[key](table[key], f"{place}: `{key}`") for key in table if key in _READ}
    below = _tables(table.get("criteria", []), f"{place}: `criteria`")
    children = tuple(
        _criterion(child, f"{where}, criteria {n}", side, numbers, depth + 1) for n, child in enumerate(below, 1)
    )
    try:
        return Criterion(**{"id": f"c{number}", **_completed(fields, place, side), "children": children})
    except ValidationError as error:
        raise RubricError(f"{place}: {first_error(error)}") from None


def _opening(table: Object) -> str:
    """The first words of a table's text, for messages."""
    text = table.get("text")
    if not isinstance(text, str) or not text.strip():
        return ""
    return f' ("{text[:24]}…")' if len(text) > 24 else f' ("{text}")'


def _completed(fields: dict[str, Any], where: str, side: _Side) -> dict[str, Any]:
    """The fields of a criterion: its sign, its scale and who judges it follow from several keys."""
    bounds, reach, levels = fields.pop("scale", None), fields.pop("range", None), fields.pop("levels", ())
    if reach and (bounds or not levels):
        raise RubricError(f"{where} has a `range`, which goes with `levels`; write `scale` for a scale of numbers")
    lo, hi = bounds or reach or (0.0, 1.0)
    kind: Literal["binary", "ordinal", "numeric"] = "numeric" if bounds else "ordinal" if levels else "binary"
    if fields.get("rule"):
        fields.setdefault("verifier", "rule")
    weight = fields.get("weight", 1)
    signed = {"weight": -weight if side == "negative" else weight, "polarity": side}
    return {**fields, **signed, "scale": Scale(kind=kind, lo=lo, hi=hi, levels=levels)}


def _tables(value: JsonValue, where: str) -> list[Object]:
    if isinstance(value, dict):
        raise RubricError(f"{where} is one table; write it with two brackets, `[[…]]`")
    return [as_object(item, f"{where} {place}") for place, item in enumerate(as_list(value, where), 1)]


def _refuse_unknown(native: Object, known: Iterable[str], where: str) -> None:
    allowed = sorted(known)
    for key in native:
        if key not in allowed:
            hint = near(key, allowed) or f"; it may have {', '.join(allowed)}"
            raise RubricError(f"{where} has the unknown key `{key}`{hint}")


def _above_0(value: JsonValue, where: str) -> int | float:
    weight = as_weight(value, where)
    if weight <= 0:
        raise RubricError(f"{where} is {weight}; weights are above 0, of faults (`[[negative]]`) too")
    return weight


def _bounds(value: JsonValue, where: str) -> tuple[float, float]:
    bounds = [as_weight(item, where) for item in as_list(value, where)]
    if len(bounds) != 2 or bounds[0] >= bounds[1]:
        raise RubricError(f"{where} is {bounds}; write two numbers, the lesser first, such as [0, 10]")
    return bounds[0], bounds[1]


def _levels(value: JsonValue, where: str) -> tuple[Level, ...]:
    """Anchors, or tables, worst first; where no value is given, they are evenly spaced."""
    entries = as_list(value, where)
    if not 2 <= len(entries) <= MOST_LEVELS:
        raise RubricError(f"{where} has {len(entries)} entries; give 2 to {MOST_LEVELS}, worst first")
    return tuple(_level(entry, f"{where} {n}", (n - 1) / (len(entries) - 1)) for n, entry in enumerate(entries, 1))


def _level(entry: JsonValue, where: str, even: float) -> Level:
    if isinstance(entry, str):
        return Level(anchor=as_filled_text(entry, where), value=even)
    table = as_object(entry, where)
    _refuse_unknown(table, ("name", "anchor", "value"), where)
    value = as_weight(table.get("value", even), f"{where}: `value`")
    if not 0 <= value <= 1:
        raise RubricError(f"{where}: `value` is {value}; values of levels go from 0 (worst) to 1 (best)")
    name, anchor = (as_text(table.get(key, ""), f"{where}: `{key}`") for key in ("name", "anchor"))
    if not (name + anchor).strip():
        raise RubricError(f"{where} has neither `name` nor `anchor`; say what an answer on it is like")
    return Level(name=name, anchor=anchor, value=value)


def _flag(value: JsonValue, where: str) -> bool:
    if not isinstance(value, bool):
        raise RubricError(f"{where} is {shown(value)}; write true or false")
    return value


def _one_of(*words: str) -> Callable[[JsonValue, str], str]:
    def read(value: JsonValue, where: str) -> str:
        if value not in words:
            raise RubricError(f"{where} is {shown(value)}; it is one of {', '.join(words)}")
        return str(value)

    return read


_RUBRIC_KEYS: Final = frozenset({"name", "question", "aggregate", *_SIDES})
_READ: Final[dict[str, Callable[[JsonValue, str], Any]]] = {
    "id": as_filled_text,
    "text": as_filled_text,
    "title": as_text,
    "weight": _above_0,
    "tier": as_text,
    "tags": as_texts,
    "levels": _levels,
    "scale": _bounds,
    "range": _bounds,
    "evidence": as_texts,
    "reference": as_text,
    "verifier": _one_of("llm", "rule", "citation"),
    "rule": as_text,
    "origin": _one_of("instance", "static", "adaptive"),
    "state": _one_of("persistent", "active", "inactive"),
    "veto": _flag,
}
"""Key of a criterion's table → what reads it."""


def _table(criterion: Criterion, made_id: dict[str, str]) -> Object:
    """A criterion's table: what has its default is left out."""
    table: Object = {} if criterion.id == made_id[criterion.id] else {"id": criterion.id}
    table["text"] = criterion.text
    if abs(criterion.weight) != 1:
        table["weight"] = abs(criterion.weight)
    for name in ("title", "tier", "tags", "evidence", "reference", "verifier", "rule", "origin", "state", "veto"):
        value = getattr(criterion, name)
        if value != Criterion.model_fields[name].default:
            table[name] = list(value) if isinstance(value, tuple) else value
    if criterion.rule:  # says by itself that a rule judges
        table.pop("verifier", None)
        if criterion.verifier != "rule":
            table["verifier"] = criterion.verifier
    table.update(_scale_keys(criterion.scale))
    if criterion.children:
        table["criteria"] = [_table(child, made_id) for child in criterion.children]
    return table


def _scale_keys(scale: Scale) -> Object:
    keys: Object = {}
    if scale.kind == "numeric":
        keys["scale"] = [scale.lo, scale.hi]
    elif (scale.lo, scale.hi) != (BINARY.lo, BINARY.hi):
        keys["range"] = [scale.lo, scale.hi]
    if scale.levels:
        best = len(scale.levels) - 1
        plain = all(not level.name and level.value == n / best for n, level in enumerate(scale.levels))
        keys["levels"] = [level.anchor if plain else _level_table(level) for level in scale.levels]
    return keys


def _level_table(level: Level) -> Object:
    words: Object = {key: value for key in ("name", "anchor") if (value := getattr(level, key))}
    return {**words, "value": level.value}


TOML: Final = TomlFormat()
