"""JSON that somebody else wrote, checked before and while it is built.

In: bytes. Out: a JSON value, or RubricError: not UTF-8, no JSON, nested too deep, too many objects, a key given twice,
NaN or an infinite number. Depth and number of objects are told from the bytes, before anything is built. Not here:
the size of files (citerefine.rubrics.loading), what the value means.
"""

import json
import re
from math import isinf
from typing import Final, NoReturn

from pydantic import JsonValue

from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.formats.values import MAX_DEPTH, shown

MAX_OBJECTS: Final = 400_000
"""Most objects in one text: a file of many rubrics as one list is well below."""
# All up to a bracket, or to the end. Strings are taken whole, one that never ends too, and nothing is tried twice: so
# the time is linear in the length whatever the text holds.
_TO_BRACKET: Final = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]|\\.)*+(?:"|\\?\Z))*+([\[\]{}]|\Z)', re.DOTALL)


def parse_json(data: bytes) -> JsonValue:
    """The value that `data` holds. Raises RubricError."""
    text = decoded(data)
    if not text.strip():
        raise RubricError("is empty; write a rubric into it")
    _check_brackets(data)
    try:
        value: JsonValue = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole, object_pairs_hook=_unique
        )
    except json.JSONDecodeError as error:
        hint = "; it holds one value after another: name the file .jsonl" if error.msg == "Extra data" else ""
        raise RubricError(f"is no JSON: {error.msg} in line {error.lineno}, column {error.colno}{hint}") from None
    return value


def decoded(data: bytes) -> str:
    """The text, without a byte order mark. Raises RubricError if it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RubricError(f"is not UTF-8 at byte {error.start + 1}; save it as UTF-8") from None


def _check_brackets(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:  # most lines
        return
    depth = objects = 0
    for found in _TO_BRACKET.finditer(data):
        bracket = found[1]
        depth += 1 if bracket in (b"[", b"{") else -1
        objects += bracket == b"{"
        if depth > MAX_DEPTH:
            raise RubricError(f"is nested deeper than {MAX_DEPTH} levels; no rubric is")
        if objects > MAX_OBJECTS:
            raise RubricError(f"holds over {MAX_OBJECTS:,} objects; split it, or write one rubric a line as .jsonl")


def _refuse_constant(name: str) -> NoReturn:
    raise RubricError(f"holds {name}, which is no JSON; write a number or null")


def _finite(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise RubricError(f"holds the number {digits[:20]}, which is too large")
    return number


def _whole(digits: str) -> int:
    if len(digits) > 150:
        raise RubricError(f"holds a number of {len(digits)} digits; no rubric needs one")
    return int(digits)


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise RubricError(f"has the key {shown(twice)} twice in one object; keep one")
    return found
