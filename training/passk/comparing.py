"""Whether one set of answers is better than another on the same problems.

In: what the answers to each problem are worth on both sides. Out: `Compared` by figure; `Comparison` of two folders.
The difference is taken problem by problem, and the problems are resampled. Of each problem as many answers count as the
side with fewer has, the first ones: figures from other numbers of answers scatter otherwise (pass@8 is 0 or 1 of 8
answers, and anything of 32), so that without any effect the differences are not symmetric about 0, as the test needs
them. A problem of which an answer is not known on either side is in no difference and is counted; bounds of the
difference over all problems stand beside it. Not here: the test (judges/statistics/paired.py), reading folders
(results.py).
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Literal

from citerefine.judges.statistics.clusters import cluster_key
from citerefine.judges.statistics.holm import adjust_holm
from citerefine.judges.statistics.paired import compare_paired
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Record, Text
from citerefine.training.passk.estimators import Bounds
from citerefine.training.passk.figures import MEAN, Interval, as_right, bounds_of
from citerefine.training.passk.results import Problem, Results, Values

Part = Literal["drafts", "refined"]
_KNOWN = 1e-9
"""Bounds that lie no further apart are one figure."""


class Compared(Record):
    """One figure on two sides. Differences are B minus A."""

    a: float | None
    """Mean over the problems that both sides know; None if there is none, as are the figures below."""
    b: float | None
    difference: float | None
    ci95: Interval | None
    """None with fewer than two problems."""
    p: float | None
    """Two-sided sign-flip permutation test by problem."""
    p_holm: float | None
    """The same, corrected for testing several figures (Holm)."""
    detectable: float | None
    """Smallest true difference that so many problems find four times in five; None if nothing scatters."""
    problems: int
    """That the difference is over."""
    left_out: int
    """Problems of which an answer is not known."""
    bounds: Interval
    """Of the difference over all problems, whatever the unknown answers are worth."""


class Comparison(Record):
    """Two folders, problem by problem."""

    a: Text
    b: Text
    n: int
    """Answers to each problem that are compared: the first ones of both sides."""
    n_a: int
    """Answers to each problem that A holds."""
    n_b: int
    problems: int
    """Ids that both have, with the same question."""
    only_a: int
    only_b: int
    other_question: int
    """Ids that stand for different questions."""
    drafts: dict[str, Compared]
    refined: dict[str, Compared] | None
    """None if one side refined nothing."""


def compare_sides(
    clusters: Sequence[int], a_P: Sequence[Values], b_P: Sequence[Values], k: Sequence[int], *, is_right: bool
) -> dict[str, Compared]:
    """Each figure on two sides, over the same problems.

    Args:
        clusters: what each problem is resampled with.
        a_P: what the answers of A to each problem are worth.
        b_P: the same of B.
        k: of how many answers the best counts.
        is_right: whether answers are worth 1 or 0, and nothing between.
    """
    a, b = ([bounds_of(values, k, is_right) for values in side] for side in (a_P, b_P))
    names = [*a[0]]
    known_a, known_b = ({name: [_known(one[name]) for one in side] for name in names} for side in (a, b))
    found = compare_paired(known_a, known_b, clusters)
    corrected = _corrected({name: one.p for name, one in found.items()})
    compared = {}
    for name, one in found.items():
        both = [(left[name], right[name]) for left, right in zip(a, b, strict=True)]
        compared[name] = Compared(
            a=one.mean_a,
            b=one.mean_b,
            difference=one.difference.value,
            ci95=one.difference.ci95,
            p=one.p,
            p_holm=corrected[name],
            detectable=one.detectable,
            problems=one.difference.n,
            left_out=len(both) - one.difference.n,
            bounds=(
                fmean(right.low - left.high for left, right in both),
                fmean(right.high - left.low for left, right in both),
            ),
        )
    return compared


def _corrected(p: Mapping[str, float | None]) -> dict[str, float | None]:
    """Holm's; pass@1 and best@1 are the mean under another name, and count once."""
    again = next((name for name in p if name.endswith("@1")), None)
    adjusted = adjust_holm({name: value for name, value in p.items() if name != again})
    return adjusted if again is None else {**adjusted, again: adjusted[MEAN]}


def _known(bounds: Bounds) -> float | None:
    return bounds.low if bounds.high - bounds.low <= _KNOWN else None


def compare_results(a: Results, b: Results, k: Sequence[int] | None = None) -> Comparison:
    """What B does differently from A.

    Args:
        a: one folder.
        b: the other, over the same problems; of the one with more answers to each, the first ones are compared.
        k: of how many answers the best counts; None: what both folders have.

    Raises:
        InputError: if answers are not worth the same kind of thing, or other judges said what they are worth, no
            problem is in both, or k is more than n.
    """
    ks = _common_k(a, b, k)
    if (a.about.measure, a.about.right) != (b.about.measure, b.about.right):
        raise InputError(
            f"{a.folder} has {_kind(a)} and {b.folder} has {_kind(b)}; make both alike"
        )
    if a.about.support != b.about.support:
        raise InputError(
            f"claims of {a.folder} were judged by {a.about.support}, those of {b.folder} by {b.about.support}: what "
            "two judges say is not to be compared; make both with the same --support"
        )
    others = {problem.id: problem for problem in b.problems}
    shared = [(one, others[one.id]) for one in a.problems if one.id in others]
    pairs = [(one, other) for one, other in shared if one.question.strip() == other.question.strip()]
    if not pairs:
        raise InputError(f"no id with the same question is in both {a.folder} and {b.folder}; sample the same problems")
    clusters = [cluster_key(one.question) for one, _ in pairs]
    n = min(a.about.n, b.about.n)

    def compared(part: Part) -> dict[str, Compared]:
        of_a, of_b = ([_values(pair[side], part, a.about.right)[:n] for pair in pairs] for side in (0, 1))
        return compare_sides(clusters, of_a, of_b, ks, is_right=a.about.is_right)

    has_refined = all(one.refined is not None for pair in pairs for one in pair)
    return Comparison(
        a=str(a.folder),
        b=str(b.folder),
        n=n,
        n_a=a.about.n,
        n_b=b.about.n,
        problems=len(pairs),
        only_a=len(a.problems) - len(shared),
        only_b=len(b.problems) - len(shared),
        other_question=len(shared) - len(pairs),
        drafts=compared("drafts"),
        refined=compared("refined") if has_refined else None,
    )


def _common_k(a: Results, b: Results, k: Sequence[int] | None) -> tuple[int, ...]:
    n = min(a.about.n, b.about.n)
    wanted = tuple(k) if k is not None else tuple(one for one in a.about.k if one in b.about.k)
    if not wanted or min(wanted) < 1 or max(wanted) > n:
        raise InputError(
            f"k is {', '.join(map(str, wanted)) or 'nothing'}, of n = {a.about.n} and {b.about.n} answers; name --k "
            f"from 1 to {n}"
        )
    return wanted


def _kind(results: Results) -> str:
    about = results.about
    if about.right is not None:
        return f"answers that are right from an F1 of {about.right:g} on"
    return "answers that are right or wrong" if about.is_right else "answers that are worth their F1"


def _values(problem: Problem, part: Part, right: float | None) -> Values:
    values = problem.drafts if part == "drafts" else problem.refined
    assert values is not None
    return as_right(values, right)
