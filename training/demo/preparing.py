"""Writes what the demonstration begins with: a model of random weights, rows, a recipe.

In: a folder, how large the demonstration is, a seed. Out: the same files that a user of `citerefine train` has: the
model in `start/`, `train.jsonl`, `eval.jsonl` and `recipe.toml`. Rows to imitate and rows that are only asked have the
names for training; held-out rows have others. Not here: training.
"""

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, NamedTuple

from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_values import row_values
from citerefine.training.demo.model import make_model
from citerefine.training.demo.task import make_rows
from citerefine.training.demo.tokenizer import make_tokenizer
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.recipes.recipe import Recipe

RECIPE: Final = "recipe.toml"


class Scale(NamedTuple):
    """How large a demonstration is."""

    recipe: str
    """File beside this module."""
    n_snippets: int
    """In the evidence of each row."""
    n_imitated: int
    """Rows with an answer to imitate."""
    n_asked: int
    """Further rows, which have none."""
    n_watched: int
    """Held-out rows of the curve."""
    n_tested: int
    """Further held-out rows, for what is reported."""


FULL: Final = Scale("demo.toml", n_snippets=4, n_imitated=2400, n_asked=800, n_watched=100, n_tested=200)
SHORT: Final = Scale("short.toml", n_snippets=2, n_imitated=1200, n_asked=400, n_watched=50, n_tested=100)


_TWO: Final = ("phases=two", "data.total_tokens=560")
"""A second phase's prompt holds the first one, the draft and an instruction; the first one is that of one phase."""


def prepare(folder: Path, scale: Scale, seed: int, phases: Literal["one", "two"] = "one") -> Recipe:
    """Writes the files anew, and gives the recipe; the same bytes for the same arguments."""
    rows = make_rows(scale.n_imitated + scale.n_asked, seed, "train", scale.n_snippets)
    asked = (row.model_copy(update={"answer": None}) for row in rows[scale.n_imitated :])
    held_out = make_rows(scale.n_watched, seed, "test", scale.n_snippets)
    sets = [f"sft.seed={seed}", *(_TWO if phases == "two" else ())]
    return write_files(folder, scale.recipe, [*rows[: scale.n_imitated], *asked], held_out, seed, sets)


def write_files(
    folder: Path,
    recipe: str,
    train: Iterable[TrainingRow],
    held_out: Iterable[TrainingRow],
    seed: int,
    sets: Iterable[str] = (),
) -> Recipe:
    """Writes a model of random weights, rows and a recipe, and gives the recipe.

    Args:
        folder: made if it is not there.
        recipe: file beside this module.
        train: rows to train on.
        held_out: rows to watch.
        seed: of weights and of training.
        sets: values that win over the recipe's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    make_model(tokenizer, seed).save_pretrained(folder / "start")
    tokenizer.save_pretrained(folder / "start")
    _write(train, folder / "train.jsonl")
    _write(held_out, folder / "eval.jsonl")
    text = files("citerefine.training.demo").joinpath(recipe).read_text("utf-8")
    (folder / RECIPE).write_text(text, "utf-8")
    return load_recipe(str(folder / RECIPE), [f"train.seed={seed}", *sets])


def _write(rows: Iterable[TrainingRow], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row_values(row), ensure_ascii=False) + "\n")
