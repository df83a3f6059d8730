"""The figures of a batch of rewards, for logs.

In: judged answers by group, settings. Out: name → number; what is not known is left out, so that no log has to tell a
missing number from 0. Not here: figures over many batches, held-out evaluation (citerefine.training.watch).
"""

from collections.abc import Iterator, Sequence
from statistics import fmean

from citerefine.judges.rubric.signal import Term, term_signal
from citerefine.refiner.records import Usage
from citerefine.training.rewards.combining import Judged
from citerefine.training.rewards.settings import RewardSettings


def measure(groups: Sequence[Sequence[Judged]], usages: Sequence[Usage], settings: RewardSettings) -> dict[str, float]:
    """The figures of a batch.

    `reward/total` and `reward/<term>` are means over the answers that have them. `reward/missing_share` is the share
    of answers without a reward, `reward/gated_share` that of answers that say nothing or have no `<answer>` block,
    `reward/<term>/absent_share`, where there are any, that of answers to rows that the term does not apply to, and
    `reward/imputed_share` the share of criteria that were estimated. `signal/<term>/share` says
    what drives the update (citerefine.judges.rubric.signal). `copy_share` is the share of supported text that is
    copied, `citations/per_claim` how many ids a claim has, `heldout/rubric` the score by criteria that are not
    rewarded. `judge/calls` and `judge/cost` (US dollars) are of the rubric judge.

    Args:
        groups: the answers of each prompt.
        usages: what judging them consumed.
        settings: weights.
    """
    rows = [one for group in groups for one in group]
    means: dict[str, list[float | None]] = {
        "reward/total": [one.breakdown.total for one in rows],
        **{f"reward/{name}": [one.breakdown.value(name) for one in rows] for name in settings.weights},
        "reward/missing_share": [float(one.breakdown.total is None) for one in rows],
        "reward/gated_share": [float(bool(one.breakdown.gate)) for one in rows],
        "copy_share": [one.cited.copied_share for one in rows if one.cited is not None],
        "heldout/rubric": [one.held_out for one in rows],
    }
    known = {name: [value for value in values if value is not None] for name, values in means.items()}
    figures = {name: fmean(values) for name, values in known.items() if values}
    return figures | dict([*_shares(rows), *_signals(groups, settings), *_bill(usages)])


def _shares(rows: Sequence[Judged]) -> Iterator[tuple[str, float]]:
    rewarded = [one.breakdown for one in rows if one.breakdown.total is not None]
    if n_cells := sum(one.n_cells for one in rewarded):
        yield "reward/imputed_share", sum(one.n_imputed for one in rewarded) / n_cells
    for name in dict.fromkeys(term.name for one in rows for term in one.breakdown.terms if not term.weight):
        absent = [term.name == name and not term.weight for one in rows for term in one.breakdown.terms]
        yield f"reward/{name}/absent_share", sum(absent) / len(rows)
    units = [unit for one in rows if one.cited is not None for unit in one.cited.units if unit.citations]
    if units:
        yield "citations/per_claim", sum(len(unit.citations) for unit in units) / len(units)


def _signals(groups: Sequence[Sequence[Judged]], settings: RewardSettings) -> Iterator[tuple[str, float]]:
    tables = [
        {
            name: Term(weight, [one.breakdown.value(name) for one in group])
            for name, weight in settings.weights.items()
            if any(term.name == name and term.weight for term in group[0].breakdown.terms)
        }
        for group in groups
        if group
    ]
    for term in term_signal(tables).terms:
        if term.share is not None:
            yield f"signal/{term.name}/share", term.share


def _bill(usages: Sequence[Usage]) -> Iterator[tuple[str, float]]:
    yield "judge/calls", float(sum(usage.calls for usage in usages))
    costs = [usage.cost for usage in usages]
    if costs and None not in costs:
        yield "judge/cost", float(sum(cost for cost in costs if cost is not None))
