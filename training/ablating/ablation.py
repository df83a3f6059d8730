"""An ablation: variants of one recipe, each trained with several seeds.

In: a TOML file: a base recipe, seeds, and variants by name or axes whose product they are. Out: `Ablation`, or
RecipeError that lists what is wrong. Keys are those of `--set`. Relative paths start at the file's folder. Not here:
the recipes that come of it (grid.py), running them (running.py).
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import tomli_w
from pydantic import Field, ValidationError

from citerefine.refiner.records import Line, Record
from citerefine.training.errors import RecipeError
from citerefine.training.grpo.identity import flattened
from citerefine.training.recipes.places import placed
from citerefine.training.recipes.problem import Problem, refuse
from citerefine.training.recipes.reading import open_recipe

FEWEST_SEEDS: Final = 3
"""With two, a 95 % interval is 9 standard deviations wide to each side; with one there is none."""
MOST_RUNS: Final = 1000
_SEEDS: Final = ("train.seed", "sft.seed")


class Variant(Record):
    """One way to train."""

    name: str
    sets: tuple[str, ...]
    """Values that win over the base recipe's, as `--set` takes them."""


class Ablation(Record):
    """What is compared."""

    about: Line = None
    recipe: str | dict[str, Any]
    """Path or name of the base recipe, or the recipe itself."""
    seeds: tuple[int, ...]
    few_seeds: bool
    """Whether fewer seeds than three are known to be few."""
    equal_samples: bool
    """Whether all variants must sample as many answers."""
    variants: tuple[Variant, ...]
    """The others are compared with the first one."""


class _Named(Record):
    """A variant, as the file has it."""

    name: str = Field(min_length=1, max_length=80, pattern=r"^\S[^\r\n|]*$")
    set: dict[str, Any] = Field(default_factory=dict)


class _File(Record):
    """The file as it is written."""

    about: Line = None
    recipe: str | dict[str, Any]
    seeds: tuple[int, ...]
    few_seeds: bool = False
    equal_samples: bool = True
    set: dict[str, Any] = Field(default_factory=dict)
    axes: dict[str, Any] = Field(default_factory=dict)
    variants: tuple[_Named, ...] = ()


def read_ablation(path: Path) -> Ablation:
    """The ablation of this file. Raises RecipeError if it cannot be read, or is none; all that is wrong is listed."""
    file = open_recipe(path.as_posix() if path.suffix == ".toml" else f"./{path.as_posix()}")
    try:
        written = _File.model_validate(tomllib.loads(file.text.replace("\r\n", "\n")))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"{path} is no TOML: {error}; mend it there") from error
    except ValidationError as error:
        raise refuse(str(path), [_problem(one) for one in error.errors()]) from error
    if problems := [*_seed_problems(written), *_grid_problems(written)]:
        raise refuse(str(path), problems)
    return _placed(written, file.folder)


def _problem(error: Any) -> Problem:
    known = ", ".join(_File.model_fields)
    remedy = f"the keys are: {known}" if error["type"] == "extra_forbidden" else "mend it there"
    return Problem(where=".".join(map(str, error["loc"])), what=error["msg"].lower(), remedy=remedy)


# --- what is wrong with it ------------------------------------------------------------------------------------


def _seed_problems(file: _File) -> Iterator[Problem]:
    seeds = file.seeds
    if any(seed < 0 for seed in seeds) or len({*seeds}) < len(seeds):
        yield Problem(where="seeds", what=f"{[*seeds]} has one twice or below 0", remedy="name each once, from 0 on")
    if not seeds or (len(seeds) < FEWEST_SEEDS and not file.few_seeds):
        yield Problem(
            where="seeds",
            what=f"{len(seeds)} cannot tell what a variant does from what chance does: an interval over two is wider "
            "than any effect, and over one there is none",
            remedy=f"name {FEWEST_SEEDS} or more, or set few_seeds = true, which the table then says",
        )


def _grid_problems(file: _File) -> Iterator[Problem]:
    if bool(file.axes) == bool(file.variants):
        both = "both are given" if file.axes else "neither is given"
        yield Problem(where="variants", what=f"{both}, and axes", remedy="give variants by name, or axes, one of both")
        return
    for key, values in flattened(file.axes).items():
        if not isinstance(values, list) or len(values) < 2 or any(isinstance(value, Mapping) for value in values):
            yield Problem(where=f"axes.{key}", what=f"{values!r} is no axis"[:200], remedy="list two or more values")
            return
    names = [variant.name for variant in _variants(file)]
    if len(names) < 2 or len({*names}) < len(names):
        yield Problem(
            where="variants", what=f"there must be two or more of different names, got {', '.join(names)}"[:300],
            remedy="name each one, once",
        )  # fmt: skip
    if len(names) * len(file.seeds) > MOST_RUNS:
        what = f"{len(names)} of them with {len(file.seeds)} seeds are more than {MOST_RUNS} runs"
        yield Problem(where="variants", what=what, remedy="compare fewer at a time")
    for key in {key for one in (file.set, *(variant.set for variant in _variants(file))) for key in flattened(one)}:
        if key in _SEEDS:
            yield Problem(where=key, what="seeds are not set one by one", remedy="list them as seeds")


# --- what it comes to -----------------------------------------------------------------------------------------


def _placed(file: _File, folder: Path) -> Ablation:
    recipe = file.recipe
    if isinstance(recipe, Mapping):
        recipe = placed(recipe, folder)
    elif recipe.endswith(".toml") or "/" in recipe:
        recipe = str((folder / Path(recipe).expanduser()).resolve())
    common = set_texts(placed(_nested(file.set), folder))
    variants = (
        Variant(name=variant.name.strip(), sets=(*common, *set_texts(placed(_nested(variant.set), folder))))
        for variant in _variants(file)
    )
    return Ablation(
        about=file.about,
        recipe=recipe,
        seeds=file.seeds,
        few_seeds=file.few_seeds,
        equal_samples=file.equal_samples,
        variants=tuple(variants),
    )


def _variants(file: _File) -> Sequence[_Named]:
    """Those that are named, or one for each point of the axes, the last axis fastest."""
    if not file.axes:
        return file.variants
    axes = flattened(file.axes)
    lasts = [key.rpartition(".")[2] for key in axes]
    short = lasts if len({*lasts}) == len(lasts) else [*axes]
    return [
        _Named(
            name=", ".join(f"{name}={value}" for name, value in zip(short, point, strict=True))[:80],
            set=dict(zip(axes, point, strict=True)),
        )
        for point in product(*axes.values())
    ]


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values under dotted names, in sections.

    >>> _nested({"train.steps": 5, "data": {"train": "rows.jsonl"}})
    {'train': {'steps': 5}, 'data': {'train': 'rows.jsonl'}}
    """
    nested = dict[str, Any]()
    for key, value in flattened(values).items():
        *sections, last = key.split(".")
        within = nested
        for section in sections:
            found = within.setdefault(section, {})
            if not isinstance(found, dict):
                raise RecipeError(f"{key}: {section} is a value and no section; set one of both")
            within = found
        within[last] = value
    return nested


def set_texts(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Values in sections as `--set` takes them.

    >>> set_texts({"train": {"steps": 5}, "phases": "two"})
    ('train.steps=5', 'phases="two"')
    """
    return tuple(f"{key}={_toml(value)}" for key, value in flattened(values).items())


def _toml(value: Any) -> str:
    return tomli_w.dumps({"value": value}).removeprefix("value = ").strip()
