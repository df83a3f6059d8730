"""Finds criteria that judges and formulas cannot do justice to.

In: a rubric. Out: findings. Made so that a finding is worth reading: where words alone cannot decide, nothing is said.
Wording is checked in English; text in other languages is checked for length, weight and repetition only. Not here:
correcting anything.
"""

from citerefine.rubrics.lint.finding import LINTS, Finding
from citerefine.rubrics.lint.linting import lint

__all__ = ["LINTS", "Finding", "lint"]
