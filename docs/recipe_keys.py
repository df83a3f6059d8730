"""Writes the tables of docs/recipes.md from the records of a recipe.

    python docs/recipe_keys.py

In: the fields of the records, with the strings below them. Out: what stands between the two marks of docs/recipes.md.
`key_tables` is also what the tests compare the stored page with.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel

from citerefine.training.recipes.keys import default_of, section_of, sections, taken_by
from citerefine.training.recipes.recipe import Recipe

PAGE = Path(__file__).parent / "recipes.md"
BEGIN, END = "<!-- keys: python docs/recipe_keys.py -->\n", "<!-- end of keys -->\n"


def key_tables() -> str:
    """A heading and a table for each section; what belongs to none comes first."""
    parts = [_table("Above all sections", "", Recipe)]
    for path, field in sections(Recipe):
        record = section_of(field)
        assert record is not None
        about = [inspect.cleandoc(record.__doc__ or "").partition("\n\n")[0], meanings(Recipe).get(path[-1], "")]
        parts.append(_table(f"`[{'.'.join(path)}]`", " ".join(filter(None, about)), record))
    return "\n".join(parts)


def _table(heading: str, about: str, record: type[BaseModel]) -> str:
    said = meanings(record)
    rows = "".join(
        f"| `{name}` | {taken_by(field)} | {_default(default_of(field))} | {_cell(said[name])} |\n"
        for name, field in record.model_fields.items()
        if section_of(field) is None
    )
    told = f"{_cell(about)}\n\n" if about else ""
    return f"### {heading}\n\n{told}| key | takes | default | meaning |\n|---|---|---|---|\n{rows}"


def meanings(record: type[BaseModel]) -> dict[str, str]:
    """Field → the string that stands below it."""
    body = ast.parse(textwrap.dedent(inspect.getsource(record))).body[0]
    assert isinstance(body, ast.ClassDef)
    return dict(_said(body.body))


def _said(statements: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    for pair in pairwise(statements):
        match pair:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, text


def _default(default: str | None) -> str:
    if default is None:
        return "must be given"
    return f"`{default}`" if default else "nothing"


def _cell(text: str) -> str:
    """On one line of a table; recipes have no word None, and leave the key out."""
    text = re.sub(r"\bNone\b", "left out", " ".join(text.split())).replace("|", r"\|")
    return text[:1].upper() + text[1:] if text[:1].isascii() else text  # λ is no Λ


if __name__ == "__main__":
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{key_tables()}{END}{rest.partition(END)[2]}", "utf-8")
