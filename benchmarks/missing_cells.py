"""What becomes of advantages when cells of a rubric could not be judged?

    python benchmarks/missing_cells.py [--groups N] [--seed N] [--json]

A simulation: groups of 8 answers, 10 positive criteria and 3 faults. Each answer has a latent quality, each criterion a
difficulty and a sharpness; a criterion is met, and a fault absent, the likelier the better the answer is. Cells then
fail in one of four patterns, and each policy makes scores of what is left. They are compared with the advantages of the
complete group, (score - mean) / std: sign flips among advantages beyond ±0.25 in %, root mean squared error, and the
share of answers that get an advantage. It shows an order, and no sizes: real verdicts are not drawn from this model.
Ends with status 1 if two-way imputation is not within `SLACK` of the least error in each pattern.
"""

import argparse
import json
import sys
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from citerefine.judges.rubric.imputation import POLICIES
from citerefine.rubrics.aggregation import LEAST_COVERAGE

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

N_ANSWERS: Final = 8
N_POSITIVE: Final = 10
N_FAULTS: Final = 3
IS_FAULT: Final = np.array([False] * N_POSITIVE + [True] * N_FAULTS)
CLEAR: Final = 0.25
"""Advantages beyond this have a sign worth keeping."""
SLACK: Final = 0.005


class Result(NamedTuple):
    """How far a policy's advantages are from those of complete groups."""

    flips: float
    """In %, among those beyond `CLEAR`."""
    rmse: float
    used: float
    """In % of the answers."""


class Group(NamedTuple):
    """One complete group."""

    quality_G: Floats
    values_GC: Floats
    weights_C: Floats


def main() -> None:
    """Simulates and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--groups", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    groups = [draw_group(rng) for _ in range(options.groups)]
    table = {name: measure(groups, fails, rng) for name, fails in PATTERNS.items()}
    if options.json:
        print(json.dumps({name: {p: r._asdict() for p, r in row.items()} for name, row in table.items()}))
    else:
        print_table(table)
    behind = [name for name, row in table.items() if row["two-way"].rmse > least_error(row) + SLACK]
    sys.exit(f"two-way imputation is behind another policy: {', '.join(behind)}" if behind else 0)


def least_error(row: dict[str, Result]) -> float:
    """The least error of a policy that uses as many answers."""
    return min(result.rmse for result in row.values() if result.used > row["two-way"].used - 1)


def print_table(table: dict[str, dict[str, Result]]) -> None:
    """As Markdown; a cell reads flips / error / used."""
    names = [*next(iter(table.values()))]
    print(f"| failures | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for pattern, row in table.items():
        cells = [f"{result.flips:.1f} / {result.rmse:.2f} / {result.used:.0f}" for result in row.values()]
        print(f"| {pattern} | {' | '.join(cells)} |")


def draw_group(rng: np.random.Generator) -> Group:
    """A group of answers to one question, all cells known."""
    quality = rng.normal(rng.normal(0, 0.7), 1, N_ANSWERS)
    difficulty, sharpness = rng.normal(0, 1.2, len(IS_FAULT)), rng.uniform(0.7, 2, len(IS_FAULT))
    good = rng.random((N_ANSWERS, len(IS_FAULT))) < sigmoid(sharpness * (quality[:, None] - difficulty))
    weights = rng.integers(1, 6, len(IS_FAULT)).astype(float)
    return Group(quality, np.where(IS_FAULT, ~good, good).astype(float), np.where(IS_FAULT, -weights, weights))


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def independent(share: float) -> Callable[[Group, np.random.Generator], Bools]:
    """Each cell fails with the same chance."""
    return lambda group, rng: rng.random(group.values_GC.shape) < share


def whole_answers(group: Group, rng: np.random.Generator) -> Bools:
    """All cells of one answer in ten fail, whatever it is like."""
    return np.repeat(rng.random((N_ANSWERS, 1)) < 0.1, len(IS_FAULT), axis=1)


def better_fail_more(group: Group, rng: np.random.Generator) -> Bools:
    """One cell in ten fails, mostly of good answers: long ones run into time limits."""
    chance = 0.2 * sigmoid(3 * (group.quality_G - group.quality_G.mean()))
    return rng.random(group.values_GC.shape) < chance[:, None]


PATTERNS: Final = {
    "independent, 3 %": independent(0.03),
    "independent, 10 %": independent(0.1),
    "whole answers, 10 %": whole_answers,
    "better answers fail more, 10 %": better_fail_more,
}


def measure(
    groups: list[Group], fails: Callable[[Group, np.random.Generator], Bools], rng: np.random.Generator
) -> dict[str, Result]:
    """The result of each policy under one pattern; all see the same failures."""
    pairs: dict[str, list[tuple[Floats, Floats]]] = {name: [] for name in SCORES}
    for group in groups:
        failed = fails(group, rng)
        wanted = advantages(pos_norm(group.values_GC, group.weights_C))
        partial = np.where(failed, np.nan, group.values_GC)
        for name, score in SCORES.items():
            pairs[name].append((wanted, advantages(score(partial, group.weights_C))))
    return {name: compare(np.concatenate([w for w, _ in both]), np.concatenate([g for _, g in both]))
            for name, both in pairs.items()}  # fmt: skip


def compare(wanted: Floats, got: Floats) -> Result:
    """What the advantages that are there are worth."""
    known = ~np.isnan(got) & ~np.isnan(wanted)
    clear = known & (np.abs(wanted) > CLEAR)
    flips = float(np.mean(np.sign(got[clear]) != np.sign(wanted[clear])))
    rmse = float(np.sqrt(np.mean((got[known] - wanted[known]) ** 2)))
    return Result(100 * flips, rmse, 100 * float(known.sum() / (~np.isnan(wanted)).sum()))


def advantages(scores_G: Floats) -> Floats:
    """(score - mean) / std over the known scores; none where there are not two different ones."""
    known = scores_G[~np.isnan(scores_G)]
    if len(known) < 2 or known.std() < 1e-9:
        return np.full_like(scores_G, np.nan)
    advantages_G: Floats = (scores_G - known.mean()) / known.std()
    return advantages_G


def pos_norm(values_GC: Floats, weights_C: Floats) -> Floats:
    """Weighted mean of what is met, less that of faults times N / P; nan is left out, as in aggregation/linear.py."""
    met, faults = (side_mean(values_GC, weights_C, side) for side in (~IS_FAULT, IS_FAULT))
    share = -weights_C[IS_FAULT].sum() / weights_C[~IS_FAULT].sum()
    return met - np.where(np.isnan(faults), 0, share * faults)


def side_mean(values_GC: Floats, weights_C: Floats, side: Bools) -> Floats:
    """Weighted mean over the known values of one polarity; nan where there is none."""
    values, mass = values_GC[:, side], np.abs(weights_C[side])
    total = (~np.isnan(values) * mass).sum(axis=1)
    return np.where(total > 0, np.nansum(values * mass, axis=1) / np.maximum(total, 1e-12), np.nan)


def silent_zero(values_GC: Floats, weights_C: Floats) -> Floats:
    """A failure is 0: a positive not met, a fault absent."""
    return pos_norm(np.nan_to_num(values_GC, nan=0.0), weights_C)


def imputed(policy: str, least: float = 0.0) -> Callable[[Floats, Floats], Floats]:
    """The policies of the package; answers of which nothing, or less than `least`, is known get no score."""

    def score(values_GC: Floats, weights_C: Floats) -> Floats:
        rows = [[None if np.isnan(value) else float(value) for value in row] for row in values_GC]
        filled = np.array(POLICIES[policy](rows, IS_FAULT.tolist()), dtype=float)
        coverage = (~np.isnan(values_GC) * np.abs(weights_C)).sum(axis=1) / np.abs(weights_C).sum()
        return np.where((coverage > 0) & (coverage >= least - 1e-9), pos_norm(filled, weights_C), np.nan)

    return score


def group_mask(values_GC: Floats, weights_C: Floats) -> Floats:
    """A criterion that failed for any answer counts for none; answers of which all failed get no score."""
    lost = np.isnan(values_GC)
    dead = lost.all(axis=1)
    masked = np.where(lost[~dead].any(axis=0), np.nan, values_GC)
    return np.where(dead, np.nan, pos_norm(masked, weights_C))


def drop_answer(values_GC: Floats, weights_C: Floats) -> Floats:
    """An answer with any failure gets no score."""
    return np.where(np.isnan(values_GC).any(axis=1), np.nan, pos_norm(values_GC, weights_C))


SCORES: Final[dict[str, Callable[[Floats, Floats], Floats]]] = {
    "silent 0": silent_zero,
    "skip, renormalise": imputed("skip"),
    "column mean": imputed("column_mean"),
    "two-way": imputed("two_way"),
    "two-way, 80 % known": imputed("two_way", LEAST_COVERAGE),
    "mask in the group": group_mask,
    "drop the answer": drop_answer,
}


if __name__ == "__main__":
    main()
