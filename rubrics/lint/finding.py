"""One thing that is wrong with a rubric.

In: nothing. Out: `Finding`, and `LINTS`, code → meaning. Not here: the checks.
"""

from typing import Final, Literal, NamedTuple

Severity = Literal["error", "warning", "note"]
"""`error`: cannot be meant; `warning`: judged or counted badly; `note`: worth a look."""

LINTS: Final[dict[str, str]] = {
    "compound": "it asks for several things, so that half of them is neither met nor unmet",
    "vague": "it asks for a quality without saying how to tell it",
    "negated": "it is worded as something that is not there, which judges get wrong",
    "mirrored": "a criterion and a fault ask the same, so that one thing counts twice",
    "duplicate": "two criteria ask the same",
    "outweighs": "one criterion has most of the positive weight",
    "negative_mass": "faults together weigh more than all that can be gained",
    "too_long": "it is longer than a judge keeps in view",
    "too_short": "it is too short to say what is asked",
    "no_verb": "it names a thing and does not say what of it is asked",
    "unknown_rule": "it names a rule that does not exist, or not the numbers that the rule takes",
    "unknown_formula": "the rubric names a formula that does not exist",
    "placeholder": "it holds text that was to be replaced",
}
"""Code → meaning."""


class Finding(NamedTuple):
    """One thing that is wrong."""

    code: str
    """A key of `LINTS`."""
    criterion_id: str
    """Empty if it concerns the rubric as a whole."""
    message: str
    """What was seen, and what to do."""
    severity: Severity
