"""Reads values out of native objects, and says where and what it is if one is not as it must be.

In: values of a JSON document and their place in it, such as `rubrics[3].points`. Out: typed values, or RubricError.
Not here: what they mean (the format modules), text (strict_json.py).
"""

import difflib
from collections.abc import Iterable
from math import isfinite
from typing import Final

from pydantic import JsonValue

from citerefine.rubrics.errors import RubricError

Object = dict[str, JsonValue]
"""A JSON object."""

MAX_DEPTH: Final = 100
"""Deepest nesting of lists and objects; a tree of `rubric.MAX_DEPTH` levels takes 64."""
MAX_VALUES: Final = 1_000_000
"""Most values in one document, inner ones counted."""
MAX_WEIGHT: Final = 1e12
"""Largest weight, without its sign: sums of such weights stay finite and exact enough."""


def shown(value: object) -> str:
    """A value as messages show it: on one line and short."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} keys"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def near(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` with the known words that look like it, or nothing."""
    likely = difflib.get_close_matches(word, sorted(known), n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(f'`{name}`' for name in likely)}?" if likely else ""


def as_object(value: JsonValue, where: str) -> Object:
    """The object. Raises RubricError if it is none."""
    if not isinstance(value, dict):
        raise RubricError(f"{where} is {shown(value)}; it must be an object with named fields")
    return value


def as_list(value: JsonValue, where: str) -> list[JsonValue]:
    """The list. Raises RubricError if it is none."""
    if not isinstance(value, list):
        raise RubricError(f"{where} is {shown(value)}; it must be a list")
    return value


def as_text(value: JsonValue, where: str) -> str:
    """The text. Raises RubricError if it is none."""
    if not isinstance(value, str):
        raise RubricError(f"{where} is {shown(value)}; it must be text")
    return value


def as_filled_text(value: JsonValue, where: str) -> str:
    """The text. Raises RubricError if it is none, or blank."""
    if not as_text(value, where).strip():
        raise RubricError(f"{where} is empty; say what is asked, or leave the item out")
    return as_text(value, where)


def as_optional_text(value: JsonValue, where: str) -> str:
    """The text; empty for null. Raises RubricError if it is something else."""
    return "" if value is None else as_text(value, where)


def as_label(value: JsonValue, where: str) -> str:
    """An id as text: of text itself, of a whole number its digits, of null nothing."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return as_optional_text(value, where)


def as_texts(value: JsonValue, where: str) -> tuple[str, ...]:
    """The texts of a list; none for null. Raises RubricError if it is something else."""
    if value is None:
        return ()
    return tuple(as_text(item, f"{where}[{place}]") for place, item in enumerate(as_list(value, where)))


def as_weight(value: JsonValue, where: str) -> int | float:
    """The number, its type as it was. Raises RubricError if it is none, or not finite, or beyond `MAX_WEIGHT`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RubricError(f"{where} is {shown(value)}; it must be a number")
    if not -MAX_WEIGHT <= value <= MAX_WEIGHT:
        raise RubricError(f"{where} is {shown(value)}; weights are finite and at most {MAX_WEIGHT:g}")
    return value


def check_document(native: object) -> None:
    """Refuses what is no JSON document, or too much of one: cyclic, too deep, too many values, NaN, half characters.

    Without recursion, and without following more than `MAX_VALUES` values, however often they refer to one another.

    Raises:
        RubricError: what it is, the first that is met.
    """
    layer, depth, n = [native], 0, 0
    while layer:
        depth, n = depth + 1, n + len(layer)
        if depth > MAX_DEPTH:
            raise RubricError(f"the document is nested deeper than {MAX_DEPTH} levels; no rubric is")
        inner: list[object] = []
        for value in layer:
            if isinstance(value, dict):
                for key in value:
                    _check_scalar(key if isinstance(key, str) else object())
                inner.extend(value.values())
            elif isinstance(value, list):
                inner.extend(value)
            else:
                _check_scalar(value)
            if n + len(inner) > MAX_VALUES:
                raise RubricError(f"the document holds more than {MAX_VALUES:,} values; split it, one rubric each")
        layer = inner


def _check_scalar(value: object) -> None:
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise RubricError(f"the text {shown(value)} holds half of a character pair; write the whole character")
    elif isinstance(value, float):
        if not isfinite(value):
            raise RubricError(f"the document holds the number {value}; all numbers must be finite")
    elif isinstance(value, int):
        if abs(value) > 1 << 512:
            raise RubricError("the document holds a whole number of more than 150 digits; no rubric needs one")
    elif value is not None:
        raise RubricError(f"the document holds {shown(value)}, which JSON has no way to write")
