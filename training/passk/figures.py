"""Figures over problems, with intervals clustered by problem.

In: what each answer to each problem is worth. Out: `PassFigures` of the drafts and of the refinements, `Transitions`
between them, frozen, JSON both ways. n is what was asked for: an answer that nobody knows the worth of leaves bounds,
with all such answers worth nothing and all right, and the interval reaches from the lower end of the one to the upper
end of the other. Problems are resampled, with all of their answers. Not here: one problem (estimators.py), two runs
(comparing.py).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import Field

from citerefine.judges.statistics.clusters import cluster_key
from citerefine.judges.statistics.estimate import DRAWS, Estimate
from citerefine.judges.statistics.intervals import mean_intervals
from citerefine.refiner.records import Record
from citerefine.training.passk.estimators import Bounds, best_bounds, mean_bounds
from citerefine.training.passk.results import Problem, Values

Interval = tuple[float, float]
MEAN: Final = "mean"
_EQUAL: Final = 1e-9
RIGHT_OR_WRONG: Final = ("right_right", "right_wrong", "wrong_right", "wrong_wrong")
BETTER_OR_WORSE: Final = ("better", "same", "worse")


class Figure(Record):
    """One figure, averaged over problems."""

    value: float | None
    """None if answers are not known that it depends on."""
    low: float
    """With each unknown answer worth nothing."""
    high: float
    """With each of them right; equal to `low` if all are known."""
    ci95: Interval | None
    """Of the value; of `low` and `high` its outer ends. None with fewer than two problems."""
    problems: int
    """Different questions: what is resampled."""


class PassFigures(Record):
    """The answers of one pass: drafts, or refinements."""

    answers: int
    """That were asked for: n of each problem."""
    unknown: int
    """Of these, answers that failed, or that could not be graded."""
    figures: dict[str, Figure]
    """`mean`, and `pass@k`, or `best@k` where answers are worth more or less, for each k."""


class Share(Record):
    """How many answers, of those that are known before and after."""

    count: int
    share: float | None
    """None if none is known."""
    ci95: Interval | None
    """None with fewer than two problems."""


class Transitions(Record):
    """What refining did to answers: draft → refinement, one by one."""

    shares: dict[str, Share]
    """`RIGHT_OR_WRONG`, or `BETTER_OR_WORSE` where answers are worth more or less."""
    unknown: int = Field(ge=0)
    """Answers that are not known before or after; they are in no share."""


def as_right(values: Values, right: float | None) -> Values:
    """Worth 1 or 0 by whether it is at least `right`; as it is if that is None."""
    if right is None:
        return values
    return tuple(None if value is None else float(value >= right - _EQUAL) for value in values)


def bounds_of(values: Values, k: Sequence[int], is_right: bool) -> dict[str, Bounds]:
    """The figures of one problem by name."""
    name = "pass" if is_right else "best"
    return {MEAN: mean_bounds(values), **{f"{name}@{one}": best_bounds(values, one) for one in k}}


def clusters_of(problems: Sequence[Problem]) -> list[int]:
    """What each problem is resampled with: others with the same question."""
    return [cluster_key(problem.question) for problem in problems]


def pass_figures(
    problems: Sequence[Problem], answers_P: Sequence[Values], k: Sequence[int], *, is_right: bool, draws: int = DRAWS
) -> PassFigures:
    """The figures of one pass.

    Args:
        problems: at least one.
        answers_P: what the answers to each are worth.
        k: of how many answers the best counts.
        is_right: whether answers are worth 1 or 0, and nothing between.
        draws: bootstrap samples.
    """
    each = [bounds_of(values, k, is_right) for values in answers_P]
    names = [*each[0]]
    columns = {
        (name, end): [getattr(bounds[name], end) for bounds in each] for name in names for end in Bounds._fields
    }
    found = mean_intervals(
        {"/".join(key): column for key, column in columns.items()}, clusters_of(problems), draws=draws
    )
    return PassFigures(
        answers=sum(map(len, answers_P)),
        unknown=sum(values.count(None) for values in answers_P),
        figures={name: _figure(found[f"{name}/low"], found[f"{name}/high"]) for name in names},
    )


def _figure(low: Estimate, high: Estimate) -> Figure:
    assert low.value is not None
    assert high.value is not None
    ends = None if low.ci95 is None or high.ci95 is None else (low.ci95[0], high.ci95[1])
    known = high.value - low.value <= _EQUAL
    return Figure(
        value=low.value if known else None, low=low.value, high=high.value, ci95=ends, problems=low.clusters
    )


def transitions(
    problems: Sequence[Problem], drafts_P: Sequence[Values], refined_P: Sequence[Values], *, is_right: bool
) -> Transitions:
    """What became of each draft; see `Transitions`."""
    names = RIGHT_OR_WRONG if is_right else BETTER_OR_WORSE
    kinds, clusters, unknown = list[str](), list[int](), 0
    for cluster, drafts, refined in zip(clusters_of(problems), drafts_P, refined_P, strict=True):
        for before, after in zip(drafts, refined, strict=True):
            if before is None or after is None:
                unknown += 1
                continue
            kinds.append(_transition(before, after, is_right))
            clusters.append(cluster)
    shares: Mapping[str, Estimate] = {}
    if kinds:
        shares = mean_intervals({name: [float(kind == name) for kind in kinds] for name in names}, clusters)
    return Transitions(
        shares={
            name: Share(
                count=kinds.count(name),
                share=shares[name].value if kinds else None,
                ci95=shares[name].ci95 if kinds else None,
            )
            for name in names
        },
        unknown=unknown,
    )


def _transition(before: float, after: float, is_right: bool) -> str:
    if is_right:
        return f"{_NAMES[before > _EQUAL]}_{_NAMES[after > _EQUAL]}"
    return "same" if abs(after - before) <= _EQUAL else "better" if after > before else "worse"


_NAMES: Final = {True: "right", False: "wrong"}
