"""The recipes that come with the package, by name: the TOML files beside this module.

In: a name. Out: the text of the file. Not here: reading it (reading.py).
"""

import tomllib
from difflib import get_close_matches
from importlib.resources import files
from typing import Final

from citerefine.training.errors import RecipeError

_SUFFIX: Final = ".toml"


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that come with the package, in alphabetical order."""
    found = (file.name for file in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)))


def recipe_text(name: str) -> str:
    """The file of the recipe of this name. Raises RecipeError if there is none."""
    names = recipe_names()
    if name not in names:
        near = get_close_matches(name[:60], names, n=1)
        meant = f"did you mean {near[0]}?" if near else f"the bundled recipes are: {', '.join(names)}"
        raise RecipeError(
            f"there is no recipe {name[:200]!r}, neither a file nor a bundled one; {meant} "
            "(citerefine train --list shows them)"
        )
    return files(__package__).joinpath(f"{name}{_SUFFIX}").read_text("utf-8")


def recipe_lines() -> dict[str, str]:
    """Name → what the recipe is for, in one line."""
    return {name: str(tomllib.loads(recipe_text(name)).get("about", "")) for name in recipe_names()}
