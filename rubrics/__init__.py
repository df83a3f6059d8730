"""What good means: criteria and rubrics, in our form and in those of others.

In: files and objects of the formats that the field uses. Out: `Rubric`, one record for all of them, and from it the
same document again; scores by formulas, findings of lint, static sets. Not here: judging answers by a rubric
(citerefine.judges.rubric), any model call.

Names are loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from citerefine.rubrics.aggregation import FORMULAS, Aggregate, aggregate, default_formula, for_training
    from citerefine.rubrics.combining import combine
    from citerefine.rubrics.criterion import Criterion, Level, Polarity, Scale
    from citerefine.rubrics.errors import GenerationError, RubricError
    from citerefine.rubrics.lint import LINTS, Finding
    from citerefine.rubrics.loading import (
        dump_rubric,
        list_losses,
        load_rubrics,
        read_row_rubric,
        read_rubric,
        write_toml,
    )
    from citerefine.rubrics.rubric import Rubric
    from citerefine.rubrics.sets import SETS, load_set

__all__ = [
    "FORMULAS",
    "LINTS",
    "SETS",
    "Aggregate",
    "Criterion",
    "Finding",
    "GenerationError",
    "Level",
    "Polarity",
    "Rubric",
    "RubricError",
    "Scale",
    "aggregate",
    "combine",
    "default_formula",
    "dump_rubric",
    "for_training",
    "list_losses",
    "load_rubrics",
    "load_set",
    "read_row_rubric",
    "read_rubric",
    "write_toml",
]

_MODULES = {
    "aggregation": ("FORMULAS", "Aggregate", "aggregate", "default_formula", "for_training"),
    "combining": ("combine",),
    "criterion": ("Criterion", "Level", "Polarity", "Scale"),
    "errors": ("GenerationError", "RubricError"),
    "lint": ("LINTS", "Finding"),
    "loading": ("dump_rubric", "list_losses", "load_rubrics", "read_row_rubric", "read_rubric", "write_toml"),
    "rubric": ("Rubric",),
    "sets": ("SETS", "load_set"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
