"""Static rubrics: what every answer is judged by, whatever was asked.

In: a name. Out: `Rubric`, read from a TOML file beside this module. Written so that each criterion asks one thing that
can be judged from question, answer and snippets, and each fault asks whether it is there. Not here: joining them with
the rubric of a question (citerefine.rubrics.combining).
"""

import tomllib
from importlib.resources import files
from typing import Final

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.loading import read_rubric
from citerefine.rubrics.rubric import Rubric

SETS: Final[dict[str, str]] = {
    "citation": "Citation Discipline, Off-Query Padding and Wrong-Entity Confabulation; each title weighs 1 in all",
    "synthesis": "what any answer from several sources should do: answer first, weigh, say what stays open",
}
"""Name → what is in it."""


def load_set(name: str) -> Rubric:
    """The static rubric of this name, a key of `SETS`. Raises RubricError if there is none."""
    if name not in SETS:
        raise RubricError(f"there is no static set {name[:60]!r}; choose one of {', '.join(SETS)}")
    rubric = read_rubric(tomllib.loads(files(__name__).joinpath(f"{name}.toml").read_text("utf-8")), format="toml")
    return rubric.model_copy(update={"criteria": tuple(map(_static, rubric.criteria))})


def _static(criterion: Criterion) -> Criterion:
    return criterion.model_copy(update={"origin": "static"})
