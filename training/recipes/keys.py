"""The keys of a recipe: what each takes, and what holds where it is not given. `recipe_keys`, `taken_by`.

In: the records of a recipe. Out: `Key`s, in the order of the records; words for errors and for docs/recipes.md. Not
here: reading a recipe (reading.py).
"""

from collections.abc import Iterator
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_WORDS: Final[dict[Any, str]] = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


class Key(NamedTuple):
    """One key of a recipe."""

    path: tuple[str, ...]
    """Its sections, and its name."""
    field: FieldInfo
    record: type[BaseModel]
    """Of its section."""

    @property
    def name(self) -> str:
        """As messages call it: `train.lora.rank`."""
        return ".".join(self.path)


def recipe_keys(model: type[BaseModel], before: tuple[str, ...] = ()) -> Iterator[Key]:
    """All keys of a recipe, or of a section of it."""
    for name, field in model.model_fields.items():
        inner = section_of(field)
        if inner is None:
            yield Key((*before, name), field, model)
        else:
            yield from recipe_keys(inner, (*before, name))


def sections(model: type[BaseModel], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """The sections of a recipe, those inside of others behind them."""
    for name, field in model.model_fields.items():
        inner = section_of(field)
        if inner is not None:
            yield (*before, name), field
            yield from sections(inner, (*before, name))


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The record of a section, also of one that may be left out; None if the field is a key."""
    for kind in (field.annotation, *get_args(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def taken_by(field: FieldInfo) -> str:
    """What a key takes, such as `a number, above 0 and at most 1`."""
    bounds = [*filter(None, map(_bound, field.metadata))]
    return ", ".join(filter(None, (_kind(field.annotation), " and ".join(bounds))))


def default_of(field: FieldInfo) -> str | None:
    """What holds where a key is not given, as TOML has it; empty if that is nothing at all, None if the key must be
    given."""
    if field.is_required():
        return None
    value = field.get_default(call_default_factory=True)
    return "" if value is None else as_toml(value)


def as_toml(value: object) -> str:
    """A value as one writes it in a recipe."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return as_toml(value.value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _kind(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}" if len(inner) > 1 else str(inner[0])
    if origin in (Union, UnionType):
        return ", or ".join(_kind(one) for one in inner if one is not NoneType)
    if origin is tuple:
        return "a list of texts in brackets" if inner[0] is str else f"a list in brackets, of {_kind(inner[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return f"one of {', '.join(str(one.value) for one in annotation)}"
    return _WORDS[inner[0] if inner else annotation]


def _bound(limit: object) -> str:
    match limit:
        case Ge(ge=value):
            return f"{value} or more"
        case Gt(gt=value):
            return f"above {value}"
        case Le(le=value):
            return f"at most {value}"
        case Lt(lt=value):
            return f"below {value}"
        case MinLen():
            return "not empty"
    return ""
