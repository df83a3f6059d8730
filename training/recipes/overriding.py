"""Values that win over a recipe's file: `--set section.key=value`.

In: the values of a file, texts of that form. Out: the values with the others in their place. A value is written as in
TOML; what is no TOML is taken as a string, so that names and paths need no quotes. Not here: whether a key exists, or a
value fits (reading.py).
"""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from citerefine.training.errors import RecipeError

_KEY: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_NOTHING: Final = "none"
"""In place of a section: leaves it out."""


def parse_set(text: str) -> tuple[tuple[str, ...], Any]:
    """The key, part by part, and the value.

    >>> parse_set("train.steps=50"), parse_set("data.train=rows.jsonl")
    ((('train', 'steps'), 50), (('data', 'train'), 'rows.jsonl'))

    Raises:
        RecipeError: if there is no `=`, or no key before it.
    """
    key, equals, value = text.partition("=")
    if not equals or not _KEY.fullmatch(key.strip()):
        raise RecipeError(f"--set {text[:200]!r} is not section.key=value; write it like train.steps=50")
    return tuple(key.strip().split(".")), _value(value.strip())


def _value(text: str) -> Any:
    try:
        read = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return read["value"] if len(read) == 1 else text  # text with a line end could hold further keys


def override(
    values: Mapping[str, Any], sets: Sequence[str], sections: Collection[tuple[str, ...]] = ()
) -> dict[str, Any]:
    """The values with each of `sets` in its place; of two for one key the last holds.

    Args:
        values: of a file.
        sets: as `parse_set` reads them.
        sections: keys of sections, which `none` leaves out: `sft=none`. Elsewhere it is a value like others.

    Raises:
        RecipeError: as `parse_set` does, or if a key stands in a value.
    """
    result = _copied(values)
    for text in sets:
        key, value = parse_set(text)
        _put(result, key, value, text, leave_out=key in sections and value == _NOTHING)
    return result


def _copied(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in values.items()}


def _put(values: dict[str, Any], key: tuple[str, ...], value: Any, text: str, *, leave_out: bool) -> None:
    *sections, last = key
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise RecipeError(f"--set {text[:200]!r}: {section} is a value and no section, so that it has no keys")
    if leave_out:
        values.pop(last, None)
    else:
        values[last] = value
