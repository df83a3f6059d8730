"""Which of a group's answers the next phase works on: pure functions.

In: the answers of one group, in their order; a text that the draw depends on. Out: one of them. An answer that the
token limit cut off, or that says nothing, is chosen only where there is nothing else. Where a rule compares figures, an
answer whose figure is missing stands behind all whose figure is known. Equal texts count once: a policy that says one
thing seven times of eight does not have it improved seven times of eight (ThinkTwice, arXiv 2604.01591). The same draw
chooses the same answer in any process. Not here: what is made of it (improving.py).
"""

import random
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Final

from citerefine.training.phases.draft import Draft
from citerefine.training.phases.settings import Selection

Rule = Callable[[Sequence[Draft], random.Random], Draft]
"""Answers of a group that may be chosen → the one that is."""


def choose(answers: Sequence[Draft], selection: Selection, draw: str) -> Draft:
    """The answer that is worked on.

    Args:
        answers: of one group, at least one.
        selection: how.
        draw: seed, rollout and row in one text.
    """
    whole = [answer for answer in answers if answer.is_whole]
    return RULES[selection](whole or answers, random.Random(draw))


def uniform(answers: Sequence[Draft], dice: random.Random) -> Draft:
    """Any one, equal texts counted once. Rewards do not count, so that a missing one does not matter."""
    distinct = dict[str, Draft]()
    for answer in answers:
        distinct.setdefault(answer.shown, answer)
    return dice.choice([*distinct.values()])


def below_median(answers: Sequence[Draft], dice: random.Random) -> Draft:
    """One whose reward lies below the median of those that are known; any one if none does."""
    known = [(reward, answer) for answer in answers if (reward := answer.reward) is not None]
    middle = median([reward for reward, _ in known] or [0.0])
    low = [answer for reward, answer in known if reward < middle]
    return uniform(low or answers, dice)


def balanced(answers: Sequence[Draft], dice: random.Random) -> Draft:
    """A right or a wrong one, each as likely, if there are both; else any of what there is.

    Right is what agrees with the reference answer, where that is known of all. Else it is what earns more than the
    median, and wrong what earns less; those that earn the median belong to the side that would be empty.
    """
    low, high = _halves(answers)
    side = high if dice.random() < 0.5 else low
    return uniform(side or low or high or answers, dice)


def lowest_citation(answers: Sequence[Draft], dice: random.Random) -> Draft:
    """The one whose citations are worth least, of several any; any one if nothing is known of any."""
    known = [value for answer in answers if (value := answer.citation) is not None]
    least = min(known, default=None)
    return uniform([answer for answer in answers if answer.citation == least], dice)


RULES: Final[Mapping[Selection, Rule]] = {
    "uniform": uniform,
    "below_median": below_median,
    "balanced": balanced,
    "lowest_citation": lowest_citation,
}


def _halves(answers: Sequence[Draft]) -> tuple[list[Draft], list[Draft]]:
    """Wrong ones and right ones."""
    verified = [(right, answer) for answer in answers if (right := answer.right) is not None]
    if len(verified) == len(answers):
        return [one for right, one in verified if right < 1], [one for right, one in verified if right >= 1]
    known = [(reward, answer) for answer in answers if (reward := answer.reward) is not None]
    middle = median([reward for reward, _ in known] or [0.0])
    low, ties, high = (
        [one for reward, one in known if (reward > middle) - (reward < middle) == side] for side in (-1, 0, 1)
    )
    return low or ties, high or ties
