"""From a recipe's file, or the name of a bundled one, to a `Recipe`.

In: a path or a name; `--set` texts, which win over the file. Out: `Recipe`, or RecipeError that lists everything that
is no recipe in it, each with its line and its remedy. Relative paths start at the file's folder, in `--set` and in
bundled recipes at the current folder. Not here: whether the recipe can be run here (checks.py).
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from citerefine.training.errors import RecipeError
from citerefine.training.recipes.bundled import recipe_text
from citerefine.training.recipes.keys import as_toml, default_of, recipe_keys, section_of, sections, taken_by
from citerefine.training.recipes.overriding import override, parse_set
from citerefine.training.recipes.places import placed
from citerefine.training.recipes.problem import Problem, refuse
from citerefine.training.recipes.recipe import Recipe

MAX_BYTES: Final = 1 << 20
_HEADER: Final = re.compile(r"^\s*\[([\w.\s-]+)\]")
_KEY: Final = re.compile(r"^\s*([\w.-]+)\s*=")
_FIELDS: Final = {key.path: key.field for key in recipe_keys(Recipe)}


class RecipeFile(NamedTuple):
    """A recipe as it is written."""

    name: str
    """As messages call it."""
    text: str
    folder: Path
    """Where its relative paths start."""


def open_recipe(source: str) -> RecipeFile:
    """The recipe of this path, or the bundled one of this name. Raises RecipeError if there is none."""
    path = Path(source)
    if not (source.endswith(".toml") or "/" in source or path.is_file()):
        return RecipeFile(source, recipe_text(source), Path.cwd())
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise RecipeError(f"{source} is longer than {MAX_BYTES >> 20} MB, and no recipe; name another file")
        return RecipeFile(source, content.decode("utf-8-sig"), path.resolve().parent)
    except OSError as error:
        raise RecipeError(
            f"{source} cannot be read: {error.strerror}; name a file, or a recipe that citerefine train --list shows"
        ) from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"{source} is no UTF-8: byte {error.start} cannot be read; save it as UTF-8") from error


def load_recipe(source: str, sets: Sequence[str] = ()) -> Recipe:
    """The recipe of this path or name, with the values of `sets` in place of its own.

    Raises:
        RecipeError: if it cannot be read or is no recipe; everything that is wrong is listed, each with its remedy.
    """
    file = open_recipe(source)
    try:
        values: dict[str, Any] = tomllib.loads(file.text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"{file.name} is no TOML: {error}; mend it there") from error
    values = placed(values, file.folder)
    values = override(values, sets, [path for path, _ in sections(Recipe)])
    values = placed(values, Path.cwd())  # what the file names is whole already
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise refuse(file.name, _problems(error, file.text, sets)) from error


def _problems(error: ValidationError, text: str, sets: Sequence[str]) -> list[Problem]:
    given = {key for key, _ in map(parse_set, sets)}
    problems = dict[str, Problem]()  # a value that none of several types takes is one problem
    for one in error.errors():
        key = _known(tuple(str(part) for part in one["loc"] if not isinstance(part, int)))
        place = "--set " if key in given else _place(text, key)
        what, remedy = _words(one["type"], one["msg"], one.get("input"), key)
        where = f"{place}{'.'.join(key)}"
        problems.setdefault(where, Problem(where=where, what=what, remedy=remedy))
    return [*problems.values()]


def _known(loc: tuple[str, ...]) -> tuple[str, ...]:
    """The key that pydantic speaks of; behind it, it names the type that it tried."""
    return next((loc[:length] for length in range(len(loc), 0, -1) if loc[:length] in _FIELDS), loc)


def _words(kind: str, message: str, value: object, key: tuple[str, ...]) -> tuple[str, str]:
    """What is wrong, and what to do."""
    if kind == "extra_forbidden":
        return "there is no such key", _likely(key)
    if kind == "missing":
        return "is not given, and has no default", f"add it, or --set {'.'.join(key)}=…"
    what, _, remedy = message.removeprefix("Value error, ").partition("; ")
    if kind == "value_error":
        return what, remedy or "change one of them"
    cannot, field = f"{as_toml(value)[:80]} cannot be used", _FIELDS.get(key)
    if field is None:
        return cannot, f"it is a section: write its keys below [{'.'.join(key)}]"
    default = default_of(field)
    return cannot, f"it takes {taken_by(field)}{f', and is {default} by default' if default else ''}"


def _likely(key: tuple[str, ...]) -> str:
    """The key that was meant: of the same section, else the same name in another one."""
    *sections, name = key
    here = _fields(Recipe, sections)
    near = get_close_matches(name[:60], here, n=1, cutoff=0.6)
    elsewhere = [".".join(other) for other in _FIELDS if other[-1] == name]
    if near and near[0] != name:
        return f"did you mean {near[0]}?"
    if elsewhere:
        return f"{name} stands in {' or '.join(elsewhere[:3])}"
    return f"the keys here are: {', '.join(sorted(here))}" if here else "leave it out"


def _fields(model: type[BaseModel], sections: Sequence[str]) -> dict[str, Any]:
    """Keys of a section."""
    for section in sections:
        field = model.model_fields.get(section)
        inner = None if field is None else section_of(field)
        if inner is None:
            return {}
        model = inner
    return dict(model.model_fields)


def _place(text: str, key: tuple[str, ...]) -> str:
    """`line 12, ` if the key stands in the file, else that of its section, else nothing."""
    lines = _lines(text)
    for length in range(len(key), 0, -1):
        if key[:length] in lines:
            return f"line {lines[key[:length]]}, "
    return ""


def _lines(text: str) -> Mapping[tuple[str, ...], int]:
    """Key → its line, as far as a look at each line can tell: only messages depend on it."""
    found = dict[tuple[str, ...], int]()
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            section = tuple(part.strip() for part in header[1].split("."))
            found.setdefault(section, number)
        elif key := _KEY.match(line):
            found.setdefault((*section, *key[1].split(".")), number)
    return found
