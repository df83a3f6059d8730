"""Fits between which lexical scores a cascade asks its model, on sets that people labelled, and measures the errors.

    python -m benchmarks.fit_cascade DATA_FOLDER [--check]

Writes judges/cascade/thresholds.json and prints its table; with --check it writes nothing, and fails if the file says
something else. DATA_FOLDER is as for support_agreement.py.

Both thresholds lie on a grid of hundredths. `low` is the highest at which, of the pairs at or below it, at least 95 %
have no support in people's eyes; `high` the lowest at which, of the pairs at or above it and without flags, at least
95 % have full support. Both are means over groups of sets, in which a group counts from 10 decided pairs on. Sets made
to mislead (claims of a game, summaries with one fact changed) are measured and not fitted on. Each set is measured with
thresholds that were fitted without its group, so no figure is from the data that set it.

A threshold that does not hold there is not stored: if, as a mean over the groups, each judged with thresholds fitted
without it, less than 95 % of what is decided as `full` has full support, words never decide `full`. Of what `low`
decides, 95 % must not be fully supported there: that people call some of it partly supported costs half a claim, and
is reported (`right`).
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.support_sets import SupportSet, read_sets

from citerefine.judges.cascade import thresholds as stored
from citerefine.judges.cascade.thresholds import Decided, SetErrors, Thresholds
from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.verdict import SUPPORT

AIM: Final = 0.95
LEAST_PAIRS: Final = 10
MISLEADING: Final = ("fool_me_twice", "summedits")
"""Groups that are no sample of what models write about their evidence."""
Z: Final = 1.959964

FILE: Final = Path(stored.__file__).with_name(stored.FILE)


class Pair(NamedTuple):
    """A claim with its evidence, judged twice."""

    score: float
    """Of the lexical judge."""
    flagged: bool
    support: float
    """By people: 1, 1/2 or 0."""
    cluster: str


class Fitted(NamedTuple):
    """Thresholds; None where none reaches the aim."""

    low: float | None
    high: float | None


def main() -> int:
    """Fits, prints, and writes or checks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    sets = read_sets(arguments.folder)
    if not sets:
        parser.error(f"{arguments.folder} holds none of the labelled sets")
    fitted = fit(sets)
    print_table(fitted)
    text = fitted.model_dump_json(indent=1) + "\n"
    if not arguments.check:
        FILE.write_text(text, "utf-8")
    elif not FILE.exists() or FILE.read_text("utf-8") != text:
        print(f"{FILE} says something else; run without --check", file=sys.stderr)
        return 1
    return 0


def fit(sets: Sequence[SupportSet]) -> Thresholds:
    """The thresholds for the lexical judge as it is, with their errors on each set."""
    judge = LexicalJudge()
    pairs = {one.name: judged(judge, one) for one in sets}
    of_fitting = [one for one in sets if one.group not in MISLEADING]

    @cache
    def without(group: str | None) -> Fitted:
        groups = dict[str, list[Pair]]()
        for one in of_fitting:
            if one.group != group:
                groups.setdefault(one.group, []).extend(pairs[one.name])
        return Fitted(
            last_good(groups.values(), [n / 100 for n in range(101)], decides_none, 0.0),
            last_good(groups.values(), [n / 100 for n in range(100, -1, -1)], decides_full, 1.0),
        )

    fitted = without(None)
    held_out = {one.group: without(one.group) for one in of_fitting}
    grouped = {
        group: [pair for one in of_fitting if one.group == group for pair in pairs[one.name]] for group in held_out
    }
    final = Fitted(
        fitted.low if holds(none_decided(grouped[group], at.low) for group, at in held_out.items()) else None,
        fitted.high if holds(full_decided(grouped[group], at.high) for group, at in held_out.items()) else None,
    )
    return Thresholds(
        lexical=judge.name,
        low=final.low,
        high=final.high,
        aim=AIM,
        sets=tuple(
            errors(one.name, pairs[one.name], without(one.group) if one in of_fitting else final, one in of_fitting)
            for one in sets
        ),
    )


def judged(judge: LexicalJudge, labelled: SupportSet) -> list[Pair]:
    """The pairs of a set."""
    found = list[Pair]()
    for claim in labelled.claims:
        verdict = judge.verdict(claim.query)
        assert verdict.p_supported is not None  # the lexical judge always gives a score
        found.append(Pair(verdict.p_supported, bool(verdict.flags), SUPPORT[claim.label], claim.cluster))
    return found


def decides_none(pair: Pair, threshold: float) -> bool:
    """As cascade_judge.py does."""
    return pair.score <= threshold


def decides_full(pair: Pair, threshold: float) -> bool:
    """As cascade_judge.py does."""
    return pair.score >= threshold and not pair.flagged


def last_good(
    groups: Iterable[Sequence[Pair]],
    grid: Sequence[float],
    decides: Callable[[Pair, float], bool],
    support: float,
) -> float | None:
    """The last threshold of the grid at which the aim is reached; None if it is at none."""
    groups = list(groups)

    def mean_right(threshold: float) -> float:
        decided = [[pair for pair in group if decides(pair, threshold)] for group in groups]
        shares = [share_right(one, support) for one in decided if len(one) >= LEAST_PAIRS]
        return sum(shares) / len(shares) if shares else 0.0

    return next((threshold for threshold in reversed(grid) if mean_right(threshold) >= AIM), None)


def none_decided(pairs: Sequence[Pair], low: float | None) -> list[bool]:
    """Of each pair decided as `none`, whether that is not the opposite of what people say."""
    return [pair.support < 1 for pair in pairs if low is not None and decides_none(pair, low)]


def full_decided(pairs: Sequence[Pair], high: float | None) -> list[bool]:
    """Of each pair decided as `full`, whether that is what people say."""
    return [pair.support == 1 for pair in pairs if high is not None and decides_full(pair, high)]


def holds(groups: Iterable[Sequence[bool]]) -> bool:
    """Whether the aim is reached, as a mean over the groups in which enough is decided."""
    shares = [sum(group) / len(group) for group in groups if len(group) >= LEAST_PAIRS]
    return bool(shares) and sum(shares) / len(shares) >= AIM


def share_right(decided: Sequence[Pair], support: float) -> float:
    """The share of pairs to which people give this support."""
    return sum(pair.support == support for pair in decided) / len(decided)


def errors(name: str, pairs: Sequence[Pair], fitted: Fitted, is_fitted: bool) -> SetErrors:
    """How often thresholds are right on a set."""
    low, high = fitted
    none = [pair for pair in pairs if low is not None and decides_none(pair, low)]
    full = [pair for pair in pairs if high is not None and decides_full(pair, high)]
    return SetErrors(
        name=name,
        n=len(pairs),
        fitted=is_fitted,
        low=low,
        high=high,
        none=measure(none, len(pairs), 0.0),
        full=measure(full, len(pairs), 1.0),
    )


def measure(decided: Sequence[Pair], n: int, support: float) -> Decided:
    """What was decided one way."""
    right = share_right(decided, support) if decided else None
    low_high = None if right is None else wilson(right, len({pair.cluster for pair in decided}))
    return Decided(
        n=len(decided),
        share=round(len(decided) / n, 4),
        right=None if right is None else round(right, 4),
        ci95=low_high,
        opposite=sum(pair.support == 1 - support for pair in decided),
    )


def wilson(share: float, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927), rounded outwards to four digits."""
    centre = (share + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    half = Z / (1 + Z**2 / trials) * math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    return math.floor(max(0.0, centre - half) * 1e4) / 1e4, math.ceil(min(1.0, centre + half) * 1e4) / 1e4


def print_table(fitted: Thresholds) -> None:
    """The table of docs/benchmarks.md."""
    print(f"{fitted.lexical}: none up to {fitted.low}, full from {fitted.high}\n")
    print("| set (pairs) | none up to | share | right | full from | share | right |\n|---|---|---|---|---|---|---|")
    for one in fitted.sets:
        mark = "" if one.fitted else " *"
        print(f"| {one.name}{mark} ({one.n}) | {one.low} | {_cells(one.none)} | {one.high} | {_cells(one.full)} |")
    print("\n\\* not fitted on")


def _cells(decided: Decided) -> str:
    if decided.right is None or decided.ci95 is None:
        return f"{decided.share:.3f} | –"
    return f"{decided.share:.3f} | {decided.right:.3f} [{decided.ci95[0]:.2f}, {decided.ci95[1]:.2f}]"


if __name__ == "__main__":
    sys.exit(main())
