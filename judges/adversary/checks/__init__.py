"""Checks of defences that no change of an answer can put to the test, by name.

In: nothing. Out: `CHECKS`; each runs the real part of this project against an attack, in milliseconds. What it measures
does not depend on the judge that the suite is run against.
"""

from citerefine.judges.adversary.checks import evidence, judging, rubrics, training
from citerefine.judges.adversary.checks.check import Check, Checked

CHECKS: dict[str, Check] = {**judging.CHECKS, **evidence.CHECKS, **rubrics.CHECKS, **training.CHECKS}
"""Name → check."""

__all__ = ["CHECKS", "Check", "Checked"]
