"""A phase as data: what a rollout is asked, which of its answers the next one works on, what makes a group.

In: a row, and what was chosen of the phase before. Out: `Phase`; `solving` and `improving`, those of ThinkTwice (arXiv
2604.01591). Training with one phase is `solving` alone. Not here: rollouts (rollouts.py).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from citerefine.training.grpo.phases import Row
from citerefine.training.phases.draft import Draft, group_key
from citerefine.training.phases.selection import choose
from citerefine.training.phases.settings import Selection


class Phase(NamedTuple):
    """One rollout of a step."""

    name: str
    """As figures call its answers."""
    ask: Callable[[Row, Draft | None], Row | None]
    """A row of the dataset, and the draft that was chosen of it → the row with the prompt of this phase; None if the
    draft cannot be shown."""
    select: Callable[[Sequence[Draft], str], Draft] | None
    """The answers of a group, and a draw → the draft for the next phase; None: there is no next phase."""
    key: Callable[[str, Draft | None], str]
    """Id of a row, and the draft that its answers improve → what makes a group of them."""


def solving(selection: Selection | None = None) -> Phase:
    """Answers the dataset's own prompts. `selection`: which answer goes on; None: none does."""
    return Phase(
        "draft",
        lambda row, draft: row,
        None if selection is None else lambda answers, draw: choose(answers, selection, draw),
        lambda id, draft: group_key(id),
    )


def improving(ask: Callable[[Row, Draft], Row | None]) -> Phase:
    """Improves the draft that was chosen. `ask`: makes the row that shows it."""
    return Phase(
        "improved",
        lambda row, draft: None if draft is None else ask(row, draft),
        None,
        lambda id, draft: group_key(id, None if draft is None else draft.text),
    )
