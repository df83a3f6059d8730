"""Whether prompts tell what their answers are judged by: looked at once, before a run.

In: prompts with their rows. Out: a line to be told, or none. A policy that reads its rubric is rewarded for reciting
it. What question and evidence say in the same words is no leak: criteria are made of them. Not here: prompts
(citerefine.training.data), what is found in one text (citerefine.rubrics.buffer.leaks).
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from citerefine.rubrics.buffer.leaks import Leak, find_leaks
from citerefine.rubrics.errors import RubricError
from citerefine.training.data.row import TrainingRow
from citerefine.training.rewards.criteria import joined
from citerefine.training.rewards.settings import RewardSettings

MOST_PROMPTS: Final = 200
"""So many are looked at, the first ones: one template makes all of them."""
_SHOWN: Final = 80


def told_in_prompts(prompts: Iterable[tuple[str, TrainingRow]], reward: RewardSettings) -> str:
    """That prompts tell criteria; empty if none does.

    Args:
        prompts: each as the policy gets it, with its row.
        reward: names the static sets.
    """
    n_seen, found = 0, list[tuple[TrainingRow, Leak]]()
    for prompt, row in islice(prompts, MOST_PROMPTS):
        n_seen += 1
        found += [(row, leak) for leak in _leaks(prompt, row, reward)[:1]]
    if not found:
        return ""
    row, leak = found[0]
    return (
        f"{len(found)} of {n_seen} prompts tell a criterion that answers are judged by; the first is that of row "
        f"{row.id[:_SHOWN]!r}, criterion {leak.criterion[:_SHOWN]!r}: take it out of the rows, since a policy that "
        "reads its rubric is rewarded for reciting it"
    )


def _leaks(prompt: str, row: TrainingRow, reward: RewardSettings) -> list[Leak]:
    try:
        rubric = joined(row, reward)
    except RubricError:  # the row gets no reward, which is told elsewhere
        return []
    if rubric is None:
        return []
    given = "\n".join([row.question, *(f"{snippet.title}\n{snippet.text}" for snippet in row.evidence.snippets)])
    innocent = {leak.key for leak in find_leaks(given, rubric.judged)}
    return [leak for leak in find_leaks(prompt, rubric.judged) if leak.key not in innocent]
