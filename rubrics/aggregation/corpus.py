"""One number for a benchmark.

In: the scores of its items. Out: their mean, clipped. Not here: intervals (citerefine.judges.statistics).
"""

from collections.abc import Iterable
from math import fsum


def corpus_mean_then_clip(scores: Iterable[float | None]) -> float | None:
    """min(max(mean, 0), 1) over the scores that are known; None if none is.

    HealthBench (openai/simple-evals healthbench_eval.py) clips here and not item by item, so that a bad answer weighs
    on the mean with all its faults.
    """
    known = [score for score in scores if score is not None]
    return min(max(fsum(known) / len(known), 0.0), 1.0) if known else None
