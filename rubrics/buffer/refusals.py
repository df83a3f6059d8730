"""Why a buffer does not do what it is asked to.

In: nothing. Out: `Refusal`, and `REFUSALS`, code → meaning. Not here: the rules (folding.py, own_rubric.py,
rubric_buffer.py).
"""

from typing import Final, NamedTuple

REFUSALS: Final[dict[str, str]] = {
    "duplicate": "the query has a criterion of the same content",
    "near_duplicate": "the query has a criterion that asks the same in other words",
    "mirrored": "the query has a criterion that asks the opposite, so that one thing would count twice",
    "id_taken": "another criterion of the query has its id",
    "nested": "it is adaptive and has children, or is in a group; adaptive criteria stand alone",
    "late": "it is fixed, and the query has its rubric, or adaptive criteria, already",
    "fixed": "static and persistent criteria never change",
    "not_fixed": "a query's own rubric is to hold what can be retired",
    "unknown": "the query has no criterion of this key",
    "standing": "it is retired already, or not retired",
    "not_independent": "the evidence is by a judge that is rewarded, or by the model that wrote the criterion",
    "too_few": "the evidence knows too few rollouts of the group",
    "no_contrast": "the evidence does not separate the rollouts",
    "share": "adaptive criteria would hold more of the weight than they may",
    "formula": "the formula of the query's rubric does not count by weight, so that nothing can be added to it",
    "full": "the query has as many criteria as a rubric can have",
    "wrong_key": "the key is not that of the criterion, or of the rubric",
}
"""Why something is refused: code → meaning."""


class Refusal(NamedTuple):
    """Why something was not done."""

    code: str
    """A key of `REFUSALS`."""
    message: str
