"""Which difference so many questions can tell, and how many a difference needs.

In: how the differences scatter over questions. Out: a difference, or a number of questions; None where nothing
scatters. For the mean of n differences of standard deviation s, a two-sided test at level α finds a true difference δ
with probability 1 - β if δ ≥ (z(1-α/2) + z(1-β)) · s / √n (Cohen 1988, chapter 2; for evaluations of models Miller
2024, arXiv 2411.00640, section 5). Not here: the test (paired.py).
"""

import math
from statistics import NormalDist
from typing import Final

LEVEL: Final = 0.05
POWER: Final = 0.8
_Z: Final = NormalDist().inv_cdf(1 - LEVEL / 2) + NormalDist().inv_cdf(POWER)


def detectable_difference(sd: float, questions: int) -> float | None:
    """The smallest true difference that is found four times in five, at 5 % two-sided.

    Args:
        sd: standard deviation of the difference over questions.
        questions: how many there are.

    Returns:
        None if `sd` is 0 or there is no question: differences that do not scatter say nothing of others.

    >>> round(detectable_difference(0.25, 200), 3)
    0.05
    """
    return _Z * sd / math.sqrt(questions) if sd > 0 and questions > 0 else None


def questions_needed(sd: float, difference: float) -> int | None:
    """How many questions find a true difference four times in five; None if `sd` or `difference` is 0.

    >>> questions_needed(0.25, 0.05)
    197
    """
    return math.ceil((_Z * sd / difference) ** 2) if sd > 0 and difference else None
