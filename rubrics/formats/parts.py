"""How native keys and the fields of a record stand for each other, one part of an object at a time.

In: a native object, or a record. Out: the fields that it decides, or the object with its keys written. Not here:
whole objects (shape.py), documents (list_format.py).
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pydantic import JsonValue

from citerefine.rubrics.formats.values import Object, as_filled_text, as_optional_text, as_texts, as_weight

Record = Any
"""A Criterion or a Rubric: parts know the names of its fields only."""


class Part(Protocol):
    """Some native keys and some fields that stand for each other."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Native keys that it reads and writes."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Fields of the record that it decides."""
        ...

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """Field → value; a field that the object says nothing of is left out. Raises RubricError."""
        ...

    def write(self, record: Record, native: Object) -> None:
        """Puts the record's fields into the object."""
        ...

    def cannot(self, record: Record) -> str:
        """Why the record's fields cannot be written; empty if they can."""
        ...


class Key:
    """One native key and one field."""

    def __init__(
        self,
        keys: str | tuple[str, ...],
        name: str,
        read: Callable[[JsonValue, str], Any],
        write: Callable[[Any], JsonValue] = lambda value: value,
        *,
        always: bool = False,
        cannot: Callable[[Any], str] = lambda value: "",
    ) -> None:
        """`keys`: other spellings follow the one that is written. `always`: written even if the field is empty."""
        self.keys = (keys,) if isinstance(keys, str) else keys
        self.names = (name,)
        self._read, self._write, self._always, self._cannot = read, write, always, cannot

    def read(self, native: Object, where: str) -> Mapping[str, Any]:
        """The field, if the object has the key."""
        key = self._key(native)
        return {self.names[0]: self._read(native[key], f"{where}.{key}")} if key in native else {}

    def write(self, record: Record, native: Object) -> None:
        """Sets the key, or takes it away where the field is empty and may be."""
        value = getattr(record, self.names[0])
        if self._always or value not in ("", ()):
            native[self._key(native)] = self._write(value)
        else:
            native.pop(self._key(native), None)

    def cannot(self, record: Record) -> str:
        """As the constructor was told."""
        return self._cannot(getattr(record, self.names[0]))

    def _key(self, native: Object) -> str:
        return next((key for key in self.keys if key in native), self.keys[0])


def text(*keys: str) -> Key:
    """What is asked."""
    return Key(keys, "text", as_filled_text, always=True)


def title(key: str = "title") -> Key:
    """A title, which may be missing."""
    return Key(key, "title", as_optional_text)


def tags(key: str = "tags") -> Key:
    """Tags: always data, whatever they seem to call."""
    return Key(key, "tags", as_texts, list, always=True)


def query(*keys: str) -> Key:
    """The question of a document."""
    return Key(keys, "query", as_optional_text, always=True)


def weight(key: str = "weight", write: Callable[[Any], JsonValue] = lambda value: value) -> Key:
    """A weight with its sign."""
    return Key(key, "weight", as_weight, write, always=True)


def at_least_0(weight: float) -> str:
    """Why a weight cannot be written where there are no signs."""
    return f"the weight {weight:g} is negative, and weights there have no sign" if weight < 0 else ""


def whole(weight: float) -> int | float:
    """A weight as a whole number, where it is one."""
    return int(weight) if float(weight).is_integer() else weight
