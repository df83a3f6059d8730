"""Scales that stand in native objects: anchors under keys of their own, choices, options.

In: native objects, or criteria. Out: scales, or those keys. Not here: the other keys of the formats.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from pydantic import JsonValue

from citerefine.rubrics.criterion import MOST_LEVELS, Level, Scale
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.parts import Record
from citerefine.rubrics.formats.values import Object, as_list, as_object, as_text, as_texts, as_weight, shown


class AnchorKey(NamedTuple):
    """A key that holds the anchor of one level."""

    key: str
    name: str
    """The level's name."""
    value: float
    """In [0, 1]."""


class Anchors:
    """One key for each level."""

    names = ("scale",)

    def __init__(self, kind: Literal["ordinal", "numeric"], lo: float, hi: float, *levels: AnchorKey) -> None:
        self.keys = tuple(level.key for level in levels)
        self._kind, self._lo, self._hi, self._levels = kind, lo, hi, levels

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """The scale; levels without a key have no anchor."""
        anchors = [as_text(native.get(level.key, ""), f"{where}.{level.key}") for level in self._levels]
        levels = tuple(
            Level(name=level.name, anchor=anchor, value=level.value)
            for level, anchor in zip(self._levels, anchors, strict=True)
        )
        return {"scale": Scale(kind=self._kind, lo=self._lo, hi=self._hi, levels=levels)}

    def write(self, record: Record, native: Object) -> None:
        """All anchors."""
        native.update({key: level.anchor for key, level in zip(self.keys, record.scale.levels, strict=True)})

    def cannot(self, record: Record) -> str:
        """Only a scale of as many steps, at the same values, fits."""
        values = [level.value for level in record.scale.levels]
        fits = len(values) == len(self._levels) and all(
            abs(value - level.value) < 1e-9 for value, level in zip(values, self._levels, strict=True)
        )
        steps = f"{len(self._levels)} anchored steps from {self._lo:g} to {self._hi:g}"
        return "" if fits else f"its scale is not one of {steps}"


class Choices:
    """Names of levels, worst to best and evenly spaced."""

    keys = ("choices",)
    names = ("scale",)

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """The scale; `no` and `yes` where the object names none."""
        names = as_texts(native.get("choices", ["no", "yes"]), f"{where}.choices")
        if not 2 <= len(set(names)) == len(names) <= MOST_LEVELS:
            raise RubricError(f"{where}.choices is {list(names)!r:.80}; name 2 to {MOST_LEVELS} different ones")
        best = len(names) - 1
        levels = tuple(Level(name=name, value=rank / best) for rank, name in enumerate(names))
        return {"scale": Scale(kind="ordinal", lo=0, hi=best, levels=levels)}

    def write(self, record: Record, native: Object) -> None:
        """The names; of a scale that has none, the usual two."""
        levels = record.scale.levels
        native["choices"] = [level.name for level in levels] if levels else ["no", "yes"]

    def cannot(self, record: Record) -> str:
        """Values of their own have no place, nor have levels without a name."""
        levels = record.scale.levels
        names = {level.name for level in levels if level.name}
        even = all(abs(level.value - rank / (len(levels) - 1)) < 1e-9 for rank, level in enumerate(levels))
        fits = not levels or (len(names) == len(levels) > 1 and even)
        return "" if fits else "its levels are not evenly spaced, or have no names of their own"


class Options:
    """Labelled options with values; one that says “not applicable” is no level."""

    keys = ("options",)
    names = ("scale",)

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """The scale: binary without options."""
        place = f"{where}.options"
        options = [as_object(option, place) for option in as_list(native.get("options") or [], place)]
        levels = sorted((_option(option, place) for option in options if not option.get("na")), key=lambda e: e.value)
        if options and not 2 <= len(levels) <= MOST_LEVELS:
            raise RubricError(f"{place} has {len(levels)} options with values; give 2 to {MOST_LEVELS}")
        return {"scale": Scale(kind="ordinal", levels=tuple(levels)) if options else Scale()}

    def write(self, record: Record, native: Object) -> None:
        """The options anew; one for “not applicable” stays."""
        kept = [option for option in as_list(native.get("options") or [], "options") if _is_na(option)]
        options: list[JsonValue] = [{"label": level.name, "value": level.value} for level in record.scale.levels]
        if options:
            native["options"] = [*options, *kept]
        else:
            native.pop("options", None)

    def cannot(self, record: Record) -> str:
        """A label is all that an option has."""
        unnamed = any(not level.name for level in record.scale.levels)
        return "some of its levels have no name, and options need labels" if unnamed else ""


def _is_na(option: JsonValue) -> bool:
    return isinstance(option, dict) and bool(option.get("na"))


def _option(option: Object, where: str) -> Level:
    for key in ("label", "value"):
        if key not in option:
            raise RubricError(f"{where} has an option without `{key}`; each needs a label and a value")
    value = as_weight(option["value"], f"{where}.value")
    if not 0 <= value <= 1:
        raise RubricError(f"{where}.value is {shown(value)}; values of options go from 0 to 1")
    return Level(name=as_text(option["label"], f"{where}.label"), value=value)
