"""Reads the prompt files beside this module and fills them.

In: a file's name without suffix, and values. Out: text. Values are put in in one pass, so that nothing in a value is
ever a placeholder; values that come from outside are escaped, so that nothing in them opens or closes a tag or a
turn. Not here: which parts make a prompt (fit.py).
"""

from functools import cache
from importlib.resources import files
from string import Template

from citerefine.refiner.tags.markup import escape_for_prompt


@cache
def _template(name: str) -> Template:
    return Template(files("citerefine.refiner.prompts").joinpath(f"{name}.md").read_text("utf-8").strip())


def fill(name: str, **values: str) -> str:
    """The text of `name`.md with each `$key` replaced. Raises KeyError if a value is missing."""
    return _template(name).substitute(values)


def fill_escaped(name: str, **values: str) -> str:
    """The same for values from outside: no tag and no turn starts in them."""
    return fill(name, **{key: escape_for_prompt(value) for key, value in values.items()})
