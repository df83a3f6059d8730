"""What do intervals and comparisons cost?

    python benchmarks/bootstrap_speed.py [--json]

Invented answers, one a question. Times are wall-clock, best of `ROUNDS`; beside the intervals of three metrics stands a
plain loop that draws indices and takes means, which gives the same interval. Ends with status 1 if 10,000 draws over
1,000 questions take longer than `BUDGET` seconds.
"""

import argparse
import json
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from citerefine.judges.statistics.clusters import Floats
from citerefine.judges.statistics.intervals import mean_intervals
from citerefine.judges.statistics.paired import compare_paired
from citerefine.judges.statistics.ranking import auc_estimate

DRAWS: Final = 10_000
BUDGET: Final = 1.0
ROUNDS: Final = 3
METRICS: Final = ("precision", "recall", "f1")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    rows = [
        ("intervals of three metrics, 1,000 questions", *measured(lambda: three_intervals(1_000))),
        ("… by a plain loop over draws", *measured(lambda: plain_loop(1_000))),
        ("intervals of three metrics, 10,000 questions", *measured(lambda: three_intervals(10_000))),
        ("intervals of three metrics, 1,000,000 questions (normal)", *measured(lambda: three_intervals(1_000_000))),
        ("comparison of three metrics, 1,000 questions", *measured(lambda: comparison(1_000))),
        ("AUC with its interval, 3,000 claims, 2,000 draws", *measured(lambda: agreement(3_000))),
    ]
    if as_json:
        print(json.dumps([{"what": what, "seconds": seconds, "peak_mb": peak} for what, seconds, peak in rows]))
    else:
        print("| what | seconds | peak MB |\n|---|---|---|")
        for what, seconds, peak in rows:
            print(f"| {what} | {seconds:.2f} | {peak:.0f} |")
    sys.exit(0 if rows[0][1] <= BUDGET else f"{rows[0][1]:.2f} s is over the budget of {BUDGET} s")


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and the largest memory of it in MB, measured in a run of its own."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return best, peak / 1e6


def answers(n: int, seed: int = 0) -> dict[str, Floats]:
    """Three metrics of n answers."""
    rng = np.random.default_rng(seed)
    return {metric: rng.random(n) for metric in METRICS}


def keys(n: int) -> npt.NDArray[np.uint64]:
    """Keys of n questions."""
    return np.random.default_rng(9).permutation(n).astype(np.uint64)


def three_intervals(n: int) -> object:
    """What a summary needs."""
    return mean_intervals(answers(n), keys(n), draws=DRAWS)


def plain_loop(n: int) -> object:
    """The same, drawn one sample at a time."""
    columns, rng = np.stack([*answers(n).values()], axis=1), np.random.default_rng(1)
    drawn = [columns[rng.integers(n, size=n)].mean(axis=0) for _ in range(DRAWS)]
    return np.quantile(drawn, (0.025, 0.975), axis=0)


def comparison(n: int) -> object:
    """Difference, interval, p-value and power of each metric."""
    return compare_paired(answers(n), answers(n, 1), keys(n), draws=DRAWS)


def agreement(n: int) -> object:
    """AUC of a score, clusters of five claims."""
    scores = answers(n)["f1"]
    return auc_estimate(scores, (scores + answers(n, 1)["f1"] > 1).tolist(), keys(n) // np.uint64(5))


if __name__ == "__main__":
    main()
