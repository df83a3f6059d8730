"""Cuts questions into calls that each fit a token budget.

In: how much each question needs, bounds. Out: positions of questions, call by call, in order. A question that exceeds
the budget alone is a call of its own: nothing is shortened here, and a server that cannot take it says so. Not here:
prompts.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple


class Need(NamedTuple):
    """What a question adds to a prompt."""

    own: int
    """Tokens that only it needs."""
    shared: Mapping[Hashable, int] = {}
    """What stands in a prompt once, whichever questions need it, such as a passage → its tokens."""


def cut_by_tokens(needs: Sequence[Need], *, frame: int, most_tokens: int, most_items: int) -> list[list[int]]:
    """Positions of the questions of each call.

    Args:
        needs: of each question, in the order in which they are to be asked.
        frame: tokens of a prompt without questions.
        most_tokens: longest prompt.
        most_items: most questions of a call.
    """
    calls, shown, used = list[list[int]](), set[Hashable](), 0
    for number, need in enumerate(needs):
        added = need.own + sum(need.shared[part] for part in need.shared.keys() - shown)
        if not calls or used + added > most_tokens or len(calls[-1]) >= most_items:
            calls.append([])
            shown, used = set(), frame
            added = need.own + sum(need.shared.values())
        calls[-1].append(number)
        shown |= need.shared.keys()
        used += added
    return calls
