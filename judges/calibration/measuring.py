"""Measures how far a judge agrees with people on labelled claims.

In: labelled claims, a judge. Out: `Measurement`, 25 bytes a claim, and from it a `JudgeCard`. A claim that the judge
comes to no verdict on is counted, and is in no figure. Not here: reading files (calibrating.py), the card's meaning
(judge_card.py).
"""

import datetime
import platform
from array import array
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Literal, NamedTuple

import numpy as np

from citerefine.judges.calibration.asking import asked_in_order
from citerefine.judges.calibration.judge_card import JudgeCard
from citerefine.judges.calibration.label_rows import LabelRow
from citerefine.judges.judge import SupportJudge
from citerefine.judges.runs.summary import MANY_REFUSED
from citerefine.judges.statistics.clusters import cluster_key
from citerefine.judges.statistics.confusion import Confusion
from citerefine.judges.statistics.decisions import cross_fit, decision_estimates
from citerefine.judges.statistics.estimate import SEED, Estimate
from citerefine.judges.statistics.ranking import auc_estimate
from citerefine.judges.verdict import SUPPORT, Label, Verdict

_LABELS = tuple(Label)


class LabelSource(NamedTuple):
    """The set that was measured on."""

    name: str
    sha256: str
    positive: str | None = None


@dataclass(slots=True)
class Measurement:
    """What people and the judge say of each claim; grows while it runs."""

    people: "array[int]" = field(default_factory=lambda: array("b"))
    judge: "array[int]" = field(default_factory=lambda: array("b"))
    """Indices of labels, in the order of `Label`."""
    p_supported: "array[float]" = field(default_factory=lambda: array("d"))
    """NaN where the judge gives none."""
    clusters: "array[int]" = field(default_factory=lambda: array("Q"))
    not_judged: Counter[str] = field(default_factory=Counter)

    def add(self, row: LabelRow, verdict: Verdict) -> None:
        """Takes one verdict in."""
        if verdict.label is None:
            self.not_judged[verdict.reason.partition(":")[0]] += 1
            return
        self.people.append(_LABELS.index(row.label))
        self.judge.append(_LABELS.index(verdict.label))
        self.p_supported.append(float("nan") if verdict.p_supported is None else verdict.p_supported)
        self.clusters.append(cluster_key(row.cluster))

    def __len__(self) -> int:
        return len(self.people)


async def judge_labels(
    rows: Iterable[LabelRow], judge: SupportJudge, concurrency: int
) -> AsyncGenerator[tuple[LabelRow, Verdict], None]:
    """The verdict on each row, in order; at most `concurrency` are asked at once.

    Raises:
        CallError: if the judge cannot go on.
    """

    async def ask(row: LabelRow) -> Verdict:
        (verdict,) = await judge.judge([row.query])
        return verdict

    async with aclosing(asked_in_order(rows, ask, concurrency)) as judged:
        async for row, verdict in judged:
            yield row, verdict


async def measure(rows: Iterable[LabelRow], judge: SupportJudge, *, concurrency: int = 8) -> Measurement:
    """What the judge says of all rows. Raises CallError if it cannot go on."""
    measurement = Measurement()
    async with aclosing(judge_labels(rows, judge, concurrency)) as judged:
        async for row, verdict in judged:
            measurement.add(row, verdict)
    return measurement


def make_card(
    measurement: Measurement,
    judge: str,
    source: LabelSource,
    *,
    rows: int | None = None,
    refused: dict[str, int] | None = None,
    seed: int = SEED,
) -> JudgeCard:
    """The card of a measurement.

    Args:
        measurement: what was judged; without any claim all figures are None.
        judge: its name.
        source: the labelled set.
        rows: of its file; by default as many as claims.
        refused: why rows of it are no labelled claims.
        seed: of halves and resampling.
    """
    not_judged = dict(measurement.not_judged.most_common())
    n_rows = len(measurement) + sum(not_judged.values()) if rows is None else rows
    pairs = [(_LABELS[a], _LABELS[b]) for a, b in zip(measurement.people, measurement.judge, strict=True)]
    confusion = Confusion.of(pairs, _LABELS)
    ranking = _rank(measurement, seed)
    supported = confusion.merged(Label.FULL)
    specificity, recall = supported.recall("rest"), supported.recall(Label.FULL)
    return JudgeCard(
        judge=judge,
        labels=source.name,
        labels_sha256=source.sha256,
        positive=source.positive,
        rows=n_rows,
        refused=refused or {},
        not_judged=not_judged,
        n=len(measurement),
        clusters=len(set(measurement.clusters)),
        classes={label: n for label, n in zip(_LABELS, confusion.said_by_people, strict=True) if n},
        score=ranking.score,
        auc=ranking.auc.value,
        auc_ci95=ranking.auc.ci95,
        balanced_accuracy=ranking.balanced.value,
        balanced_accuracy_ci95=ranking.balanced.ci95,
        thresholds=ranking.thresholds,
        interval=_describe(ranking.auc),
        accuracy=supported.accuracy,
        macro_f1=supported.macro_f1 if None not in (specificity, recall) else None,
        kappa=supported.kappa,
        mcc=supported.mcc,
        false_positive_rate=None if specificity is None else 1 - specificity,
        false_negative_rate=None if recall is None else 1 - recall,
        confusion={
            a: dict(zip(_LABELS, row, strict=True))
            for a, row in zip(_LABELS, confusion.counts, strict=True)
            if any(row)
        },
        notes=_notes(ranking, not_judged, sum((refused or {}).values()), n_rows),
        date=datetime.datetime.now(datetime.UTC).date(),
        versions={
            "citerefine": version("citerefine"),
            "python": platform.python_version(),
        },
    )


class _Ranking(NamedTuple):
    """How well the judge's score tells supported claims from the rest."""

    score: Literal["p_supported", "label"]
    auc: Estimate
    balanced: Estimate
    thresholds: tuple[float, float] | None


def _rank(measurement: Measurement, seed: int) -> _Ranking:
    scores_N = np.asarray(measurement.p_supported, dtype=np.float64)
    score: Literal["p_supported", "label"] = "p_supported"
    if not np.isfinite(scores_N).all():
        score, support_L = "label", np.array([SUPPORT[label] for label in _LABELS])
        scores_N = support_L[np.asarray(measurement.judge, dtype=np.int64)]
    clusters_N = np.asarray(measurement.clusters, dtype=np.uint64)
    supported_N = np.asarray(measurement.people) == _LABELS.index(Label.FULL)
    fitted = cross_fit(scores_N, supported_N, clusters_N, seed=seed)
    if fitted is None:
        n, n_clusters = len(measurement), len(set(measurement.clusters))
        balanced = Estimate(
            None, None, n, n_clusters, None, "a threshold needs both classes in each half of the claims"
        )
    else:
        balanced = decision_estimates(supported_N, fitted.positive_N, clusters_N, seed=seed)["balanced_accuracy"]
    return _Ranking(
        score,
        auc_estimate(scores_N, supported_N, clusters_N, seed=seed),
        balanced,
        None if fitted is None else fitted.thresholds,
    )


def _describe(auc: Estimate) -> str:
    return f"95 %, percentile bootstrap over {auc.clusters:,} clusters" if auc.ci95 else f"none: {auc.reason}"


def _notes(ranking: _Ranking, not_judged: Mapping[str, int], n_refused: int, n_rows: int) -> tuple[str, ...]:
    notes = [
        f"{name}: {estimate.reason}"
        for name, estimate in (("AUC", ranking.auc), ("balanced accuracy", ranking.balanced))
        if estimate.reason
    ]
    if missed := sum(not_judged.values()):
        notes.append(f"{missed:,} claims were not judged, and are in no figure")
    if n_refused > MANY_REFUSED * n_rows:
        notes.append(f"{n_refused:,} of {n_rows:,} rows were no labelled claims, and are in no figure")
    return tuple(notes)
