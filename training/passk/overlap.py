"""Which problems are asked elsewhere too: in what a model was trained on, or in what is to be reported on.

In: questions of both sides. Out: a list of yes and no. Alike are questions with the same content words, but for one
(training/data/likeness.py). Not here: what follows from it (selecting.py).
"""

from collections.abc import Sequence

from citerefine.training.data.likeness import clusters


def asked_in(questions: Sequence[str], others: Sequence[str]) -> list[bool]:
    """For each question whether one of the others is the same, or nearly.

    >>> asked_in(["How many apples are left?", "What is 2 + 2?"], ["how many apples are left"])
    [True, False]
    """
    of = clusters([*others, *questions])
    known = {*of[: len(others)]}
    return [cluster in known for cluster in of[len(others) :]]
