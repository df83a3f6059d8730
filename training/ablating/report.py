"""What an ablation came to: figures by variant, over seeds, and how far each variant is from the first one.

In: an ablation, its runs. Out: `Report`, JSON both ways; the lines of a Markdown page. What failed is shown as failed,
and is in no mean. Not here: reading runs (outcome.py), intervals (estimates.py).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from citerefine.refiner.records import Line, Record, Text
from citerefine.training.ablating.ablation import FEWEST_SEEDS, Ablation
from citerefine.training.ablating.estimates import INTERVAL, SeedMean, paired_difference, seed_mean
from citerefine.training.ablating.grid import PlannedRun
from citerefine.training.ablating.outcome import IMPROVED, REWARD, Outcome, Status, read_outcome

_HEADS: Final = {
    "f1": "citation F1",
    "score": "citation score",
    REWARD: "reward of first answers",
    IMPROVED: "reward of improvements",
}
"""What figures are called that are not called by their name."""
_ORDER: Final = ("f1", "score", "precision", "recall", "accuracy", "verbatim", "exact", "rubric", "audit")
_REWARDS: Final = (REWARD, IMPROVED)
_NOT_DONE: Final[tuple[Status, ...]] = ("failed", "interrupted", "to do")


class VariantReport(Record):
    """One variant."""

    name: Text
    sets: tuple[Text, ...]
    samples: int
    """Answers that each run is trained on."""
    runs: tuple[Outcome, ...]
    """One a seed."""
    means: dict[str, SeedMean]
    """By figure, over the runs that are done."""
    differences: dict[str, SeedMean] | None
    """To the first variant, paired by seed; None of the first one."""


class Report(Record):
    """All variants."""

    about: Line = None
    seeds: tuple[int, ...]
    few_seeds: bool
    equal_samples: bool
    interval: Text = INTERVAL
    variants: tuple[VariantReport, ...]

    @property
    def failed(self) -> int:
        """Runs that failed."""
        return sum(run.status == "failed" for variant in self.variants for run in variant.runs)

    @property
    def done(self) -> bool:
        """Whether every run came to an end, be it a failure."""
        return all(run.status in ("done", "failed") for variant in self.variants for run in variant.runs)


def make_report(ablation: Ablation, runs: Sequence[PlannedRun]) -> Report:
    """The report of an ablation as far as its runs are there."""
    outcomes: dict[str, list[Outcome]] = {variant.name: [] for variant in ablation.variants}
    samples = dict[str, int]()
    for run in runs:
        outcomes[run.variant.name].append(read_outcome(run))
        samples[run.variant.name] = run.samples
    names = figure_names(outcome for of_one in outcomes.values() for outcome in of_one)
    columns = {name: {figure: _column(of_one, figure) for figure in names} for name, of_one in outcomes.items()}
    base = ablation.variants[0].name
    variants = (
        VariantReport(
            name=variant.name,
            sets=variant.sets,
            samples=samples[variant.name],
            runs=tuple(outcomes[variant.name]),
            means={figure: seed_mean(columns[variant.name][figure]) for figure in names},
            differences=None
            if variant.name == base
            else {figure: paired_difference(columns[base][figure], columns[variant.name][figure]) for figure in names},
        )
        for variant in ablation.variants
    )
    return Report(
        about=ablation.about,
        seeds=ablation.seeds,
        few_seeds=len(ablation.seeds) < FEWEST_SEEDS,
        equal_samples=len({*samples.values()}) == 1 and not any(run.recipe.train.refill for run in runs),
        variants=tuple(variants),
    )


def figure_names(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """The figures that any run has a value of: what is known first, then by name, rewards last."""
    found = {name for outcome in outcomes for name, value in outcome.figures.items() if value is not None}
    known = [name for name in _ORDER if name in found]
    return (*known, *sorted(found - {*known, *_REWARDS}), *(name for name in _REWARDS if name in found))


def _column(outcomes: Iterable[Outcome], figure: str) -> dict[int, float | None]:
    return {outcome.seed: outcome.figures.get(figure) for outcome in outcomes}


# --- as a page ------------------------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    """The page."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    names = [*report.variants[0].means]
    yield f"# {_cell(report.about or 'Ablation')}"
    yield ""
    yield f"Seeds {', '.join(map(str, report.seeds))}. {_what_is_shown(report)}"
    for warning in _warnings(report):
        yield ""
        yield f"**{warning}**"
    yield ""
    yield from _table(
        ["variant", "answers a run", "runs done", *map(_head, names)],
        [
            [_cell(one.name), f"{one.samples:,}", _done(one), *_means(one.means, names, report, signed=False)]
            for one in report.variants
        ],
    )
    if names and len(report.variants) > 1:
        base, *others = report.variants
        yield ""
        yield f"Differences to “{_cell(base.name)}”, paired by seed:"
        yield ""
        rows = [[_cell(one.name), *_means(one.differences or {}, names, report, signed=True)] for one in others]
        yield from _table(["variant", *map(_head, names)], rows)
    yield from _failures(report)


def _what_is_shown(report: Report) -> str:
    return (
        f"Means over seeds of what held-out rows say after the last step, with intervals ({report.interval}). "
        "Each interval is for itself: of many differences without any effect one in twenty leaves out 0. Rewards are "
        "those of training, late in the run; where variants are paid otherwise they cannot be compared."
    )


def _warnings(report: Report) -> Iterator[str]:
    if report.few_seeds:
        yield f"{len(report.seeds)} seeds are too few to tell an effect from chance."
    if not report.equal_samples:
        yield "Variants sample different numbers of answers, or nobody knows how many."
    if not report.done:
        yield "Not all runs are done."
    every = [mean for one in report.variants for means in (one.means, one.differences or {}) for mean in means.values()]
    if any(mean.ci95 is not None and mean.ci95[0] == mean.ci95[1] for mean in every):
        yield "An interval without width says that these seeds do not differ, and not how others would."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _done(variant: VariantReport) -> str:
    counts = Counter(run.status for run in variant.runs)
    others = [f"{counts[status]} {status}" for status in _NOT_DONE if counts[status]]
    return ", ".join([f"{counts['done']} of {len(variant.runs)}", *others])


def _means(means: Mapping[str, SeedMean], names: Iterable[str], report: Report, *, signed: bool) -> list[str]:
    return [_mean(means[name], len(report.seeds), signed=signed) for name in names]


def _mean(mean: SeedMean, seeds: int, *, signed: bool) -> str:
    if mean.mean is None:
        return f"– ({mean.reason})"
    sign = "+" if signed else ""
    if mean.ci95 is None:
        return f"{mean.mean:{sign}.3f} ({mean.reason})"
    low, high = mean.ci95
    fewer = "" if mean.n == seeds else f" ({mean.n} seeds)"
    return f"{mean.mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]{fewer}"


def _failures(report: Report) -> Iterator[str]:
    failed = [(one.name, run) for one in report.variants for run in one.runs if run.status == "failed"]
    if failed:
        yield ""
        yield "Failed:"
        yield ""
        yield from (f"- {_cell(name)}, seed {run.seed}: {_cell(run.reason)}" for name, run in failed)


def _head(name: str) -> str:
    return _cell(_HEADS.get(name, name))


def _cell(text: str) -> str:
    """Text on one line that is no markup."""
    for mark in "\\|`*_<>[]":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
