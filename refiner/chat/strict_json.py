"""JSON from a server, checked before it is built: bounded depth, finite numbers.

In: bytes. Out: a JSON value, or ValueError. Not here: bounding the size (bounded_body.py), what the value means.
"""

import json
import math
import re
from typing import Final, NoReturn

from pydantic import JsonValue

MAX_DEPTH: Final = 64
"""Deeper than any reply of a chat server, and far from Python's own limit, which differs by version."""
# A string is skipped whole, one that never ends too: otherwise each of its quotes would start another scan to the end.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


def parse_json(data: bytes) -> JsonValue:
    """The value that `data` holds.

    Raises:
        ValueError: if it is empty, no UTF-8, no JSON, nested deeper than `MAX_DEPTH`, or holds NaN or infinity.
    """
    text = data.decode().removeprefix("\ufeff")  # the codec that drops the mark is a slow one
    if not text.strip():
        raise ValueError("is empty")
    _check_depth(text)
    try:
        value: JsonValue = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from None
    return value


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:  # most pieces of a stream
        return
    depth = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise ValueError(f"is nested deeper than {MAX_DEPTH}")
            case "]" | "}":
                depth -= 1


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"holds {constant}, which is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"holds the number {digits[:20]}, which is beyond any float")
    return number


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)
"""Made once: to make it takes as long as to read a short reply."""
