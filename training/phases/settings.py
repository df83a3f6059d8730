"""How a second phase chooses what it improves: one record, for recipes and for Python.

In: plain values, checked here. Out: `SecondSettings`. Needs no torch. Not here: choosing (selection.py).
"""

from typing import Literal

from citerefine.refiner.records import Record

Selection = Literal["uniform", "below_median", "balanced", "lowest_citation"]


class SecondSettings(Record):
    """The second phase of a step; without effect where there is one phase."""

    select: Selection = "uniform"
    """Which draft of a question is improved. `uniform`: any one; `below_median`: one that earns less than the group's
    median, else any; `balanced`: a right or a wrong one, each as likely; `lowest_citation`: the one whose citations are
    worth least."""
