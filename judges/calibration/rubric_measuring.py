"""Works out the card of a rubric judge from what it and people say.

In: `Observations`. Out: `RubricJudgeCard`. A criterion without a value is counted, and is in no figure; an answer with
such a criterion has no score and is in no pair. Not here: asking (observing.py), the figures (judges/statistics/).
"""

import datetime
import platform
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Final, Literal

from citerefine.judges.calibration.answer_scores import answer_scores
from citerefine.judges.calibration.measuring import LabelSource
from citerefine.judges.calibration.observing import Observation, Observations, Repeat, is_met
from citerefine.judges.calibration.rubric_card import Calibration, Measure, RubricJudgeCard, Slice
from citerefine.judges.runs.summary import MANY_REFUSED
from citerefine.judges.statistics.agreement import agreement_estimates, ceiling_estimates
from citerefine.judges.statistics.alpha import alpha_estimate
from citerefine.judges.statistics.calibration_error import calibration_estimates
from citerefine.judges.statistics.calibrators import cross_calibrated
from citerefine.judges.statistics.estimate import MOST_RESAMPLED, SEED, Estimate
from citerefine.judges.statistics.group_order import order_estimates
from citerefine.judges.statistics.intervals import mean_intervals
from citerefine.judges.statistics.ranking import AGREEMENT_DRAWS
from citerefine.judges.statistics.source_bias import bias_estimates

FEW_LABELS: Final = 500
"""Fewer labels than these cannot rank judges that are three points apart."""
_CRITERION_WORDS: Final = (10, 20, 40)
_ANSWER_WORDS: Final = (100, 300, 600)
"""Greatest number of words of each length; the last has all above."""
_Rows = Sequence[Observation]
_By = Literal["polarity", "criterion words", "answer words"]
_Polarity = Literal["positive", "negative"]
_POLARITIES: Final[tuple[_Polarity, ...]] = ("positive", "negative")
_MENDED: Final = ("isotonic", "platt")
"""How probabilities are mended."""


def make_rubric_card(
    seen: Observations,
    judge: str,
    source: LabelSource,
    *,
    rows: int,
    refused: dict[str, int] | None = None,
    seed: int = SEED,
) -> RubricJudgeCard:
    """The card of a measurement.

    Args:
        seen: what was judged; without any criterion all figures are None.
        judge: its name.
        source: the labelled set.
        rows: of its file.
        refused: why rows of it cannot be used.
        seed: of halves and resampling.
    """
    agreement = _agreement(seen.rows, seed)
    ceiling = _ceiling(seen.rows, seed)
    order = _order(seen, seed)
    bias, sources = _bias(seen.rows, seed)
    return RubricJudgeCard(
        judge=judge,
        labels=source.name,
        labels_sha256=source.sha256,
        rows=rows,
        refused=refused or {},
        not_judged=dict(seen.not_judged.most_common()),
        abstained=seen.abstained,
        n=len(seen.rows),
        answers=len({one.answer for one in seen.rows}),
        prompts=len({one.cluster for one in seen.rows}),
        n_labels=sum(len(one.labels) for one in seen.rows),
        said=_said(seen.rows),
        accuracy=agreement["accuracy"],
        macro_f1=agreement["macro_f1"],
        kappa=agreement["kappa"],
        mcc=agreement["mcc"],
        judge_beside_people=ceiling["judge"],
        people=ceiling["people"],
        above_people=ceiling["difference"],
        alpha_people=_alpha_of_people(seen.rows, seed),
        alpha_with_judge=_alpha_with_judge(seen.rows, seed),
        absolute_error=_mean([abs(one.value - one.people) for one in seen.rows], seen.rows, seed),
        slices=tuple(_slices(seen.rows, seed)),
        calibration=tuple(_calibrations(seen.rows, seed)),
        flip_rate=_flips(seen.repeats, seed),
        bias_index=bias,
        sources=sources,
        order_accuracy=order["order_accuracy"],
        tied_by_judge=order["tied_by_judge"],
        tied_by_people=order["tied_by_people"],
        sign_flips=order["sign_flips"],
        sign_lost=order["sign_lost"],
        advantage_correlation=order["correlation"],
        interval=_describe(agreement["accuracy"], seen.rows),
        notes=_notes(seen, rows, sum((refused or {}).values())),
        date=datetime.datetime.now(datetime.UTC).date(),
        versions={"citerefine": version("citerefine"), "python": platform.python_version()},
    )


def _measures(estimates: dict[str, Estimate]) -> dict[str, Measure]:
    return {name: Measure.of(one) for name, one in estimates.items()}


def _flags(rows: _Rows) -> tuple[list[list[bool]], list[bool], list[int]]:
    """Labels and verdicts as yes or no, and what belongs together."""
    labels = [[is_met(label) for label in one.labels] for one in rows]
    return labels, [is_met(one.value) for one in rows], _clusters(rows)


def _clusters(rows: Sequence[Observation] | Sequence[Repeat]) -> list[int]:
    return [one.cluster for one in rows]


def _agreement(rows: _Rows, seed: int) -> dict[str, Measure]:
    return _measures(agreement_estimates(*_flags(rows), seed=seed))


def _ceiling(rows: _Rows, seed: int) -> dict[str, Measure]:
    return _measures(ceiling_estimates(*_flags(rows), seed=seed))


def _alpha_of_people(rows: _Rows, seed: int) -> Measure:
    return Measure.of(alpha_estimate([one.labels for one in rows], _clusters(rows), seed=seed))


def _alpha_with_judge(rows: _Rows, seed: int) -> Measure:
    compared = [one for one in rows if len(one.labels) > 1] or rows
    values = [(*one.labels, one.value) for one in compared]
    return Measure.of(alpha_estimate(values, _clusters(compared), seed=seed))


def _mean(values: list[float], rows: Sequence[Observation] | Sequence[Repeat], seed: int) -> Measure:
    found = mean_intervals({"mean": values}, _clusters(rows), draws=AGREEMENT_DRAWS, seed=seed)
    return Measure.of(found["mean"])


def _flips(repeats: Sequence[Repeat], seed: int) -> Measure:
    if not repeats:
        return Measure(reason="no verdict was asked for again; see --repeats")
    return _mean([float(one.flipped) for one in repeats], repeats, seed)


def _polarity(one: Observation) -> _Polarity:
    return _POLARITIES[one.negative]


def _said(rows: _Rows) -> dict[_Polarity, tuple[int, int]]:
    counts = {polarity: [0, 0] for polarity in _POLARITIES}
    for one in rows:
        of, met = counts[_polarity(one)], sum(map(is_met, one.labels))
        of[0], of[1] = of[0] + met, of[1] + len(one.labels) - met
    return {polarity: (met, unmet) for polarity, (met, unmet) in counts.items() if met or unmet}


def _slices(rows: _Rows, seed: int) -> Iterator[Slice]:
    """The slices that have rows; of lengths none where all rows are in one."""
    for by, names, place in _CUTS:
        parts = [[one for one in rows if place(one) == n] for n in range(len(names))]
        for name, part in zip(names, parts, strict=True):
            if part and (by == "polarity" or len(part) < len(rows)):
                found = _agreement(part, seed)
                rates = {rate: found[rate] for rate in ("accuracy", "false_positive_rate", "false_negative_rate")}
                yield Slice(by=by, name=name, **rates)


def _lengths(ends: tuple[int, ...]) -> tuple[str, ...]:
    starts = (1, *(end + 1 for end in ends))
    return (*(f"{a}-{b}" for a, b in zip(starts, ends, strict=False)), f"over {ends[-1]}")


_CUTS: Final[tuple[tuple[_By, tuple[str, ...], Callable[[Observation], int]], ...]] = (
    ("polarity", _POLARITIES, lambda one: one.negative),
    ("criterion words", _lengths(_CRITERION_WORDS), lambda one: bisect_left(_CRITERION_WORDS, one.criterion_words)),
    ("answer words", _lengths(_ANSWER_WORDS), lambda one: bisect_left(_ANSWER_WORDS, one.answer_words)),
)
"""What criteria are told apart by: the names of the slices, and in which of them one is."""


def _calibrations(rows: _Rows, seed: int) -> Iterator[Calibration]:
    """Of all criteria that have a probability, and of each polarity where there are both."""
    known = [one for one in rows if one.p_met is not None]
    parts = {polarity: [one for one in known if _polarity(one) == polarity] for polarity in _POLARITIES}
    parts = {polarity: part for polarity, part in parts.items() if part}
    mended = {polarity: [_mended(method, part, seed) for method in _MENDED] for polarity, part in parts.items()}
    if len(parts) > 1:
        everything = [one for part in parts.values() for one in part]
        yield _calibration("all", everything, [*map(_joined, zip(*mended.values(), strict=True))], seed)
    for polarity, part in parts.items():
        yield _calibration(polarity, part, mended[polarity], seed)


def _joined(parts: Sequence[list[float] | None]) -> list[float] | None:
    """All in one; None if one of them is."""
    known = [part for part in parts if part is not None]
    return [p for part in known for p in part] if len(known) == len(parts) else None


def _mended(method: str, rows: _Rows, seed: int) -> list[float] | None:
    p = [one.p_met or 0.0 for one in rows]
    found = cross_calibrated(method, p, [one.people for one in rows], _clusters(rows), seed=seed)
    return None if found is None else found.tolist()


def _calibration(
    of: Literal["all", "positive", "negative"], rows: _Rows, mended: list[list[float] | None], seed: int
) -> Calibration:
    found = _errors([one.p_met or 0.0 for one in rows], rows, seed)
    for method, p in zip(_MENDED, mended, strict=True):
        errors = _errors(p, rows, seed)
        found |= {f"{method}_{name}": errors[name] for name in ("ece", "brier")}
    return Calibration(of=of, **found)


def _errors(p: list[float] | None, rows: _Rows, seed: int) -> dict[str, Measure]:
    if p is None:
        none = Measure(reason="a half of the prompts has labels of one kind only: nothing can be fitted on it")
        return dict.fromkeys(("ece", "brier"), none)
    return _measures(calibration_estimates(p, [one.people for one in rows], _clusters(rows), seed=seed))


def _bias(rows: _Rows, seed: int) -> tuple[Measure, dict[str, Measure]]:
    known = [one for one in rows if one.source]
    kinder = [(one.value - one.people) * (-1 if one.negative else 1) for one in known]
    index, sources = bias_estimates(kinder, [one.source for one in known], _clusters(known), seed=seed)
    return Measure.of(index), _measures(sources)


def _order(seen: Observations, seed: int) -> dict[str, Measure]:
    scores = answer_scores(seen)
    found = order_estimates(
        [one.judge for one in scores],
        [one.people for one in scores],
        [one.group for one in scores],
        clusters_N=[one.cluster for one in scores],
        seed=seed,
    )
    return _measures(found)


def _describe(accuracy: Measure, rows: _Rows) -> str:
    if accuracy.ci95 is None:
        return f"none: {accuracy.reason}"
    n = len({*_clusters(rows)})
    how = "percentile bootstrap" if n <= MOST_RESAMPLED else "normal approximation, jackknife standard error,"
    return f"95 %, {how} over {n:,} prompts"


def _notes(seen: Observations, n_rows: int, n_refused: int) -> tuple[str, ...]:
    notes = []
    if missed := seen.not_judged.total():
        notes.append(f"{missed:,} criteria were not judged, and are in no figure")
    if failed := sum(one.failed for one in seen.repeats):
        notes.append(f"{failed:,} of the verdicts that flipped were there one time, and failed the other")
    if n_refused > MANY_REFUSED * n_rows:
        notes.append(f"{n_refused:,} of {n_rows:,} rows had no labels that can be used, and are in no figure")
    if 0 < (n := sum(len(one.labels) for one in seen.rows)) < FEW_LABELS:
        notes.append(f"{n:,} labels are few: fewer than {FEW_LABELS} cannot rank judges that are 0.03 apart")
    if seen.rows and not any(one.in_group for one in seen.rows):
        notes.append("no row names a question or a group: nothing is known of the order of answers to one prompt")
    return tuple(notes)
