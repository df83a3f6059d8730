"""How far a support judge agrees with people, and what it falls for.

    python -m benchmarks.support_agreement DATA_FOLDER [--judge NAME] [--sample N] [--json]

DATA_FOLDER holds the sets of support_sets.py. Prints Markdown tables: for each set AUC (supported in full against all
else), balanced accuracy at a threshold that was found on the sets of the other groups (leave one group out), and that
of the judge's own labels, beside two measures of rapidfuzz and coverage weighted by idf; the share of edited claims
that pass (support_probes.py); how well it explains itself. Intervals are 95 %, resampled by source claim, document or
question. What a judge could not judge is left out and counted. `--judge` takes what `citerefine score --judge` does;
`--sample` limits the claims of each set, for judges that cost something.
"""

import argparse
import json
import math
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from benchmarks.support_explanations import measure_explanations
from benchmarks.support_probes import Probe, make_probes
from benchmarks.support_sets import SEED, LabelledClaim, SupportSet, read_sets
from rapidfuzz import fuzz

from citerefine.judges.judge import SupportJudge
from citerefine.judges.loading import load_support_judge
from citerefine.judges.statistics.decisions import decision_estimates
from citerefine.judges.statistics.estimate import Estimate
from citerefine.judges.statistics.ranking import auc_estimate
from citerefine.judges.verdict import Label, SupportQuery, Verdict
from citerefine.refiner.background import run
from citerefine.refiner.language.words import content_stems

MAX_SUPPORTED: Final = 1_500
MAX_UNSUPPORTED: Final = 1_000
PROBED: Final = ("wice", "factcheck", "begin")
"""Groups that probes are made of: their claims are natural, and people labelled them."""
NEAR_CHANCE: Final = ("scifact", "fool_me_twice", "summedits")
"""Groups whose unsupported claims were written to have the words of the evidence; no threshold is found there."""

Measure = Callable[[SupportQuery], float]


class Scored(NamedTuple):
    """One set under one measure."""

    scores: list[float]
    full: list[bool] | None
    """Whether the judge's label is `full`; None for a measure without labels."""
    kept: list[LabelledClaim]
    """Without what was not judged."""

    @property
    def truth(self) -> list[bool]:
        """Whether people say `full`."""
        return [claim.label is Label.FULL for claim in self.kept]

    @property
    def clusters(self) -> list[str]:
        """What is drawn together."""
        return [claim.cluster for claim in self.kept]


# --- measures ---------------------------------------------------------------------------------------------------------


def joined(query: SupportQuery) -> str:
    """Title and text of all snippets."""
    return " ".join(part for snippet in query.snippets for part in (snippet.title, snippet.text) if part)


def idf_coverage(sets: Sequence[SupportSet]) -> Measure:
    """Share of the claim's content stems that the evidence has, weighted by rarity among the evidence of all sets."""
    bags = [frozenset(content_stems(text)) for text in {joined(one.query) for each in sets for one in each.claims}]
    seen: dict[str, int] = {}
    for bag in bags:
        for stem in bag:
            seen[stem] = seen.get(stem, 0) + 1

    def measure(query: SupportQuery) -> float:
        stems, known = content_stems(query.claim), set(content_stems(joined(query)))
        weights = [math.log((1 + len(bags)) / (1 + seen.get(stem, 0))) for stem in stems]
        found = sum(weight for weight, stem in zip(weights, stems, strict=True) if stem in known)
        return found / sum(weights) if sum(weights) else 0.0

    return measure


def measures(sets: Sequence[SupportSet]) -> dict[str, Measure]:
    """What the judge is compared with."""
    return {
        "partial_ratio": lambda query: fuzz.partial_ratio(query.claim.lower(), joined(query).lower()) / 100,
        "token_set_ratio": lambda query: fuzz.token_set_ratio(query.claim.lower(), joined(query).lower()) / 100,
        "idf coverage": idf_coverage(sets),
    }


def ask(judge: SupportJudge, queries: Sequence[SupportQuery]) -> list[Verdict]:
    """The judge's verdicts, each query asked for on its own."""

    async def all_of_them() -> list[Verdict]:
        return [verdict for query in queries for verdict in await judge.judge([query])]

    return run(all_of_them())


def score_of(verdict: Verdict) -> float | None:
    """The judge's continuous score, or what its label counts; None if it was not judged."""
    return verdict.support if verdict.p_supported is None or verdict.label is None else verdict.p_supported


def judged(judge: SupportJudge, one: SupportSet) -> Scored:
    """A set under the judge."""
    verdicts = ask(judge, [claim.query for claim in one.claims])
    kept = [(claim, verdict) for claim, verdict in zip(one.claims, verdicts, strict=True) if verdict.label is not None]
    scores = [score_of(verdict) or 0.0 for _, verdict in kept]
    return Scored(scores, [verdict.label is Label.FULL for _, verdict in kept], [claim for claim, _ in kept])


# --- agreement --------------------------------------------------------------------------------------------------------


def threshold_without(group: str, sets: Sequence[SupportSet], scored: Sequence[Scored]) -> float:
    """Where the mean balanced accuracy of the sets of other groups is highest."""
    others = [
        one for each, one in zip(sets, scored, strict=True) if each.group not in (group, "quotesum", *NEAR_CHANCE)
    ]
    places = np.unique(np.round(np.concatenate([one.scores for one in others]), 3))
    gains = np.zeros(len(places))
    for one in others:
        truth, scores = np.array(one.truth), np.array(one.scores)
        for of_class in (truth, ~truth):
            ranked = np.sort(scores[of_class])
            below = np.searchsorted(ranked, places) / len(ranked)
            gains += (1 - below if of_class is truth else below) / len(others)
    return float(places[int(np.argmax(gains))])


def agreement(sets: Sequence[SupportSet], scored: Sequence[Scored]) -> list[dict[str, Any]]:
    """Figures of all sets, and their mean."""
    rows = list[dict[str, Any]]()
    for each, one in zip(sets, scored, strict=True):
        cut = threshold_without(each.group, sets, scored)
        transferred = decision_estimates(one.truth, [score >= cut for score in one.scores], one.clusters)
        row: dict[str, Any] = {
            "set": each.name,
            "n": len(one.kept),
            "not judged": len(each.claims) - len(one.kept),
            "auc": _figure(auc_estimate(one.scores, one.truth, one.clusters)),
            "threshold": cut,
            "balanced accuracy": _figure(transferred["balanced_accuracy"]),
        }
        if one.full is not None:
            own = decision_estimates(one.truth, one.full, one.clusters)
            row["of its labels"] = _figure(own["balanced_accuracy"])
        rows.append(row)
    return [*rows, _mean(rows, "mean of all")]


def _figure(estimate: Estimate) -> list[float] | None:
    """Value, lower end, upper end."""
    if estimate.value is None:
        return None
    return [estimate.value, *(estimate.ci95 or (math.nan, math.nan))]


def _mean(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """Means over sets, which are independent: half widths of intervals add up by squares."""
    mean: dict[str, Any] = {"set": name, "n": sum(row["n"] for row in rows)}
    for key in ("auc", "balanced accuracy", "of its labels"):
        figures = [row[key] for row in rows if row.get(key) is not None]
        if figures:
            value = sum(figure[0] for figure in figures) / len(figures)
            half = math.sqrt(sum(((high - low) / 2) ** 2 for _, low, high in figures)) / len(figures)
            mean[key] = [value, value - half, value + half]
    return mean


# --- probes -----------------------------------------------------------------------------------------------------------


def probes_of(sets: Sequence[SupportSet]) -> list[Probe]:
    """The probes, made of the natural claims."""
    chance = random.Random(SEED)
    natural = [(claim, each.name) for each in sets if each.group in PROBED for claim in each.claims]
    supported = [one for one in natural if one[0].label is Label.FULL]
    unsupported = [one for one in natural if one[0].label is Label.NONE]
    return make_probes(
        chance.sample(supported, min(MAX_SUPPORTED, len(supported))),
        chance.sample(unsupported, min(MAX_UNSUPPORTED, len(unsupported))),
    )


def pass_rates(
    probes: Sequence[Probe], judge: SupportJudge, others: dict[str, Measure], cuts: dict[str, dict[str, float]]
) -> list[dict[str, Any]]:
    """For each probe the share of claims above the transferred threshold, and the share that the judge calls `full`."""
    rows = list[dict[str, Any]]()
    for probe in probes:
        verdicts = ask(judge, [query for query, _ in probe.queries])
        pairs = [
            (verdict, of) for verdict, (_, of) in zip(verdicts, probe.queries, strict=True) if verdict.label is not None
        ]
        row: dict[str, Any] = {"probe": probe.name, "supported": probe.supported, "n": len(pairs)}
        for name, measure in others.items():
            row[name] = _share([measure(query) >= cuts[name][of] for query, of in probe.queries])
        row["judge, score"] = _share([(score_of(verdict) or 0) >= cuts["judge"][of] for verdict, of in pairs])
        row["judge, full"] = _share([verdict.label is Label.FULL for verdict, _ in pairs])
        row["judge, full or partial"] = _share([bool(verdict.support) for verdict, _ in pairs])
        rows.append(row)
    return rows


def _share(passed: Sequence[bool]) -> float | None:
    return sum(passed) / len(passed) if passed else None


# --- output -----------------------------------------------------------------------------------------------------------


def measure_all(folder: Path, judge: SupportJudge, sample: int | None) -> dict[str, Any]:
    """All figures, by table."""
    sets = [_sampled(each, sample) for each in read_sets(folder)]
    others = measures(sets)
    scored = {"judge": [judged(judge, each) for each in sets]}
    for name, measure in others.items():
        scored[name] = [Scored([measure(claim.query) for claim in each.claims], None, [*each.claims]) for each in sets]
    cuts = {
        name: {each.name: threshold_without(each.group, sets, of_sets) for each in sets}
        for name, of_sets in scored.items()
    }
    return {
        "judge": judge.name,
        "agreement": {name: agreement(sets, of_sets) for name, of_sets in scored.items()},
        "probes": pass_rates(probes_of(sets), judge, others, cuts),
        "explanations": measure_explanations(folder, lambda queries: ask(judge, queries), sample),
    }


def _sampled(each: SupportSet, sample: int | None) -> SupportSet:
    if sample is None or sample >= len(each.claims):
        return each
    return each._replace(claims=tuple(random.Random(SEED).sample(each.claims, sample)))


def show(measured: dict[str, Any]) -> None:
    """Prints the tables."""
    print(f"Judge: {measured['judge']}. AUC [95 %] / balanced accuracy at a transferred threshold [95 %]\n")
    names = list(measured["agreement"])
    print("| set | n |", *(f"{name} |" for name in names), "the judge's labels |")
    print("|---|---:|" + "---|" * (len(names) + 1))
    for rows in zip(*measured["agreement"].values(), strict=True):
        cells = (f"{_shown(row['auc'])} / {_shown(row['balanced accuracy'])}" for row in rows)
        print(f"| {rows[0]['set']} | {rows[0]['n']} |", *(f"{cell} |" for cell in cells), end=" ")
        print(f"{_shown(rows[0].get('of its labels'))} |")
    print("\nShare of claims that pass\n")
    columns = [name for name in measured["probes"][0] if name not in ("probe", "supported", "n")]
    print("| probe | n |", *(f"{name} |" for name in columns))
    print("|---|---:|" + "---:|" * len(columns))
    for row in measured["probes"]:
        cells = ("–" if row[name] is None else f"{row[name]:.3f}" for name in columns)
        print(f"| {row['probe']} | {row['n']} |", *(f"{cell} |" for cell in cells))
    print("\n| explanation | value |\n|---|---:|")
    for name, value in measured["explanations"].items():
        print(f"| {name} | {value:g} |")


def _shown(figure: list[float] | None) -> str:
    return "–" if figure is None else f"{figure[0]:.3f} [{figure[1]:.2f}, {figure[2]:.2f}]"


def main() -> int:
    """Runs the measurement; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("--judge", default="lexical", help="as in citerefine score; default: lexical")
    parser.add_argument("--sample", type=int, metavar="N", help="most claims of each set; default: all")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if not read_sets(options.folder):
        parser.error(f"{options.folder} holds none of the labelled sets")
    measured = measure_all(options.folder, load_support_judge(options.judge), options.sample)
    if options.json:
        print(json.dumps(measured, indent=1))
    else:
        show(measured)
    return 0


if __name__ == "__main__":
    sys.exit(main())
