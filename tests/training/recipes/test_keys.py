"""What a key takes, in words; and that docs/recipes.md says it of every key there is."""

import re
import runpy
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from citerefine.refiner.records import Mode, Record
from citerefine.training.recipes.keys import as_toml, default_of, recipe_keys, sections, taken_by
from citerefine.training.recipes.recipe import Recipe

DOCS = Path(__file__).parents[3] / "docs"
HEADING = re.compile(r"^### (?:`\[(?P<section>[\w.]+)\]`|Above all sections)$")
ROW = re.compile(r"^\| `(?P<key>\w+)` \| (?P<takes>.+?) \| (?P<default>.+?) \| (?P<meaning>.*) \|$")


class Inner(Record):
    """A section."""

    share: float = Field(default=0.5, gt=0, lt=1)


class Sample(Record):
    """Some keys."""

    n: int = Field(ge=2, le=5)
    names: tuple[str, ...] = ()
    boards: tuple[Literal["a", "b"], ...] = ("a",)
    layers: tuple[str, ...] | Literal["all"] = "all"
    most: float | None = Field(default=None, gt=0)
    mode: Mode = Mode.THINK
    on: bool = True
    inner: Inner | None = None


def documented() -> dict[str, tuple[str, str, str]]:
    """Key → what the page says that it takes, its default, and its meaning."""
    found, section = dict[str, tuple[str, str, str]](), ""
    for line in (DOCS / "recipes.md").read_text("utf-8").splitlines():
        if heading := HEADING.match(line):
            section = f"{heading['section']}." if heading["section"] else ""
        elif row := ROW.match(line):
            found[section + row["key"]] = (row["takes"], row["default"], row["meaning"])
    return found


def test_a_key_says_what_it_takes_and_what_holds_without_it() -> None:
    found = {key.name: (taken_by(key.field), default_of(key.field)) for key in recipe_keys(Sample)}
    assert found == {
        "n": ("a whole number, 2 or more and at most 5", None),
        "names": ("a list of texts in brackets", "[]"),
        "boards": ("a list in brackets, of one of a, b", '["a"]'),
        "layers": ("a list of texts in brackets, or all", '"all"'),
        "most": ("a number, above 0", ""),
        "mode": ("one of answer_only, think", '"think"'),
        "on": ("true or false", "true"),
        "inner.share": ("a number, above 0 and below 1", "0.5"),
    }
    assert [path for path, _ in sections(Sample)] == [("inner",)]


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (1e-6, "1e-06"), ("a", '"a"'), (["a", 1], '["a", 1]'), ({}, "{}")]
)
def test_values_are_written_as_in_a_recipe(value: Any, text: str) -> None:
    assert as_toml(value) == text


def test_the_page_has_every_key_with_what_it_takes_and_its_default() -> None:
    expected = dict[str, tuple[str, str]]()
    for key in recipe_keys(Recipe):
        default = default_of(key.field)
        told = "must be given" if default is None else f"`{default}`" if default else "nothing"
        expected[key.name] = (taken_by(key.field), told)
    found = documented()
    assert {name: (takes, default) for name, (takes, default, _) in found.items()} == expected
    assert all(meaning for _, _, meaning in found.values())


def test_the_page_is_as_it_is_generated() -> None:
    script = runpy.run_path(str(DOCS / "recipe_keys.py"))
    tables = script["key_tables"]()
    assert tables in (DOCS / "recipes.md").read_text("utf-8"), "run: python docs/recipe_keys.py"
