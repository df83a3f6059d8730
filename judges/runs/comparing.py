"""Pairs two files of score rows by id and works out what differs.

In: two `ScoredFile`s. Out: `Comparison`, and what each row became. Rows of one question are resampled together. Not
here: reading rows (scored_file.py), the statistics (statistics/), showing it (app/compare.py, report/).
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from citerefine.judges.runs.comparison import (
    METRICS,
    MOST_LISTED,
    Change,
    Comparison,
    MetricComparison,
    Side,
)
from citerefine.judges.runs.comparison_words import in_words, notes_on
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.runs.scored_file import NO_QUESTION, Keys, ScoredFile
from citerefine.judges.statistics.clusters import Floats, Integers
from citerefine.judges.statistics.estimate import DRAWS, SEED
from citerefine.judges.statistics.holm import adjust_holm
from citerefine.judges.statistics.paired import PairedDifference, compare_paired
from citerefine.judges.statistics.power import questions_needed
from citerefine.refiner.errors import InputError

_EQUAL: Final = 1e-9
"""Figures that differ by less are the same."""


class Pairs(NamedTuple):
    """Which rows of two files belong together: indices into each."""

    a: Integers
    b: Integers
    only_a: Integers
    only_b: Integers
    other_a: Integers
    """Rows whose id stands for another question in B."""
    other_b: Integers
    """The rows of B that have their ids, in the same order."""


def pair_rows(a: ScoredFile, b: ScoredFile) -> Pairs:
    """Pairs rows by id, in the order of A."""
    _, at_a, at_b = np.intersect1d(a.id_keys, b.id_keys, assume_unique=True, return_indices=True)
    order = np.argsort(at_a)
    at_a, at_b = at_a[order].astype(np.int64), at_b[order].astype(np.int64)
    asked_a, asked_b = a.question_keys[at_a], b.question_keys[at_b]
    other = (asked_a != asked_b) & (asked_a != NO_QUESTION) & (asked_b != NO_QUESTION)
    return Pairs(
        a=at_a[~other],
        b=at_b[~other],
        only_a=np.setdiff1d(np.arange(len(a)), at_a),
        only_b=np.setdiff1d(np.arange(len(b)), at_b),
        other_a=at_a[other],
        other_b=at_b[other],
    )


def compare_scored(
    a: ScoredFile,
    b: ScoredFile,
    *,
    any_judge: bool = False,
    most_changes: int = 0,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Comparison:
    """What B does differently from A.

    Args:
        a: rows of one system.
        b: rows of the other, on the same questions.
        any_judge: compare although judges or formulas differ.
        most_changes: so many of the largest differences of F1 come with their rows; see `Comparison.changes`.
        draws: bootstrap samples and sign flips.
        seed: of the random numbers.

    Raises:
        InputError: if judges or formulas differ and `any_judge` is not set, no id is in both files, or no pair has
            figures on both sides.
    """
    if not any_judge:
        _refuse_other_judges(a, b)
    for one in (a, b):
        if not len(one) and one.other_formulas:
            raise InputError(f"{one.name} has no figures of the formula that --formula names; score its run with it")
    pairs = pair_rows(a, b)
    if not len(pairs.a):
        raise InputError(
            f"no id with the same question is in both {a.name} ({len(a)} usable rows) and {b.name} ({len(b)}); "
            "score two runs over the same request rows"
        )
    clusters_N = _clusters(a, b, pairs)
    compared = compare_paired(*_figures_of_both(a, b, pairs), clusters_N, draws=draws, seed=seed)
    if not any(one.difference.n for one in compared.values()):
        raise InputError(_say_no_figures(a, b, len(pairs.a)))
    adjusted = adjust_holm({name: one.p for name, one in compared.items()})
    f1_a, f1_b = a.figures("f1")[pairs.a], b.figures("f1")[pairs.b]
    gap_N = f1_b - f1_a
    none = ~np.isfinite(gap_N)
    comparison = Comparison(
        a=_side(a),
        b=_side(b),
        pairs=len(pairs.a),
        questions=len(np.unique(clusters_N)),
        metrics=tuple(_metric(name, one, adjusted[name]) for name, one in compared.items()),
        better=int((gap_N > _EQUAL).sum()),
        worse=int((gap_N < -_EQUAL).sum()),
        same=int((np.abs(gap_N) <= _EQUAL).sum()),
        only_a=len(pairs.only_a),
        only_b=len(pairs.only_b),
        only_a_ids=_ids(a, pairs.only_a),
        only_b_ids=_ids(b, pairs.only_b),
        none_a=int((np.isnan(f1_a) & ~np.isnan(f1_b)).sum()),
        none_b=int((np.isnan(f1_b) & ~np.isnan(f1_a)).sum()),
        none_both=int((np.isnan(f1_a) & np.isnan(f1_b)).sum()),
        none_ids=_ids(a, pairs.a[none]),
        other_question=len(pairs.other_a),
        other_question_ids=_ids(a, pairs.other_a),
        changes=tuple(
            change_at(a, b, pairs, n) for n in _largest(gap_N, np.isnan(f1_a) & np.isnan(f1_b), most_changes)
        ),
    )
    return comparison.model_copy(update={"notes": notes_on(comparison), "in_words": in_words(comparison)})


def _refuse_other_judges(a: ScoredFile, b: ScoredFile) -> None:
    for one in (a, b):
        if len(one.judges) > 1:
            raise InputError(
                f"the rows of {one.name} were judged by {len(one.judges)} judges: {_names([*one.judges])}; score them "
                "with one, or compare them all the same with --any-judge"
            )
    judges = {judge for one in (a, b) for judge in one.judges}
    if len(judges) > 1:
        raise InputError(
            f"{a.name} was judged by {_names([*a.judges])}, {b.name} by {_names([*b.judges])}: what differs would be "
            "the judges as much as the answers; score both with one, or compare them all the same with --any-judge"
        )
    if a.formula and b.formula and a.formula != b.formula:
        raise InputError(
            f"the figures of {a.name} are of the formula {a.formula}, those of {b.name} of {b.formula}: they cannot be "
            "compared; score both with one formula, or compare them all the same with --any-judge"
        )


def _say_no_figures(a: ScoredFile, b: ScoredFile, n_pairs: int) -> str:
    sides = (
        f"{one.name} has none in {sum(one.no_figures.values())} of {len(one)} rows"
        + (f" ({', '.join(f'{n} {code}' for code, n in one.no_figures.most_common())})" if one.no_figures else "")
        for one in (a, b)
    )
    return f"nothing can be compared: none of {n_pairs} pairs has figures on both sides; {', '.join(sides)}"


def _names(judges: Sequence[str | None]) -> str:
    return ", ".join(repr(judge[:120]) if judge else "nobody" for judge in judges[:3])


def _clusters(a: ScoredFile, b: ScoredFile, pairs: Pairs) -> Keys:
    """Key of each pair's question; of its id where neither row has a question."""
    asked_a, asked_b = a.question_keys[pairs.a], b.question_keys[pairs.b]
    asked = np.where(asked_a == NO_QUESTION, asked_b, asked_a)
    return np.where(asked == NO_QUESTION, a.id_keys[pairs.a], asked)


def _figures_of_both(a: ScoredFile, b: ScoredFile, pairs: Pairs) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Precision, recall and F1, and the score where both files have some."""
    columns_a = {metric: a.figures(metric)[pairs.a] for metric in METRICS}
    columns_b = {metric: b.figures(metric)[pairs.b] for metric in METRICS}
    if not (np.isfinite(columns_a["score"]).any() and np.isfinite(columns_b["score"]).any()):
        del columns_a["score"], columns_b["score"]
    return columns_a, columns_b


def _metric(name: str, one: PairedDifference, p_holm: float | None) -> MetricComparison:
    difference = one.difference
    needed = None if one.sd is None or difference.value is None else questions_needed(one.sd, difference.value)
    return MetricComparison(
        metric=name,
        mean_a=one.mean_a,
        mean_b=one.mean_b,
        difference=difference.value,
        ci95=difference.ci95,
        interval=f"95 %, {difference.description}" if difference.ci95 else f"none: {difference.reason}",
        p=one.p,
        p_holm=p_holm,
        sd=one.sd,
        detectable=one.detectable,
        questions_needed=needed,
        n=difference.n,
        questions=difference.clusters,
    )


def _side(scored: ScoredFile) -> Side:
    return Side(
        name=scored.name,
        rows=scored.rows - scored.other_formulas,
        judge=next(iter(scored.judges)) if len(scored.judges) == 1 else None,
        formula=scored.formula,
        systems=tuple(scored.systems),
        no_figures=dict(scored.no_figures.most_common()),
        refused=dict(scored.refused.most_common()),
    )


def _ids(scored: ScoredFile, indices: Integers) -> tuple[str | int, ...]:
    rows = (scored.row(int(index)) for index in indices[:MOST_LISTED])
    return tuple(row.id for row in rows if row.id is not None)


def _largest(gap_N: Floats, both_none_N: np.ndarray, most: int) -> Iterator[int]:
    """Pairs that differ, the largest difference first; then those in which one side has no F1."""
    size_N = np.where(np.isnan(gap_N), np.where(both_none_N, 0.0, _EQUAL * 2), np.abs(gap_N))
    for n in np.argsort(-size_N, kind="stable")[:most]:
        if size_N[n] > _EQUAL:
            yield int(n)


def change_at(a: ScoredFile, b: ScoredFile, pairs: Pairs, n: int) -> Change:
    """What the n-th pair does differently, with both rows. Raises InputError if a file has changed meanwhile."""
    row_a, row_b = a.row(int(pairs.a[n])), b.row(int(pairs.b[n]))
    assert row_a.id is not None
    return Change(
        id=row_a.id,
        question=row_a.question or row_b.question,
        f1_a=row_a.f1,
        f1_b=row_b.f1,
        difference=None if row_a.f1 is None or row_b.f1 is None else row_b.f1 - row_a.f1,
        changed=changed(row_a, row_b),
        a=row_a,
        b=row_b,
    )


def changed(a: ScoreRow, b: ScoreRow) -> tuple[str, ...]:
    """What differs beside the figures, in words; empty if nothing that is counted does."""
    counts_a, counts_b = _counts(a), _counts(b)
    found = [f"{name} {counts_a[name]} → {counts_b[name]}" for name in counts_a if counts_a[name] != counts_b[name]]
    if not found and a.text != b.text:
        found.append("other words")
    return tuple(found)


def _counts(row: ScoreRow) -> dict[str, int | str]:
    judged = [unit for unit in row.units if unit.need and unit.ids]
    return {
        "cited claims": row.n_claims,
        "supported": sum(unit.support == 1 for unit in judged),
        "supported in part": sum(unit.support == 0.5 for unit in judged),
        "not supported": sum(unit.support == 0 for unit in judged),
        "uncited": row.n_uncited,
        "unknown ids": "not known" if row.n_invalid is None else row.n_invalid,
        "not judged": row.n_failed,
        "format errors": row.format_errors,
        "abstained": row.n_abstained,
    }
