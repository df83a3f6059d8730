"""The figures of a batch of rewards, for logs.

In: breakdowns by group, what judges consumed, settings. Out: name → number; what is not known is left out, so that no
log has to tell a missing number from 0. Not here: figures over many batches, held-out evaluation
(citerefine.training.watch).
"""

from collections.abc import Iterator, Sequence
from statistics import fmean

from citerefine.judges.rubric.signal import Term, term_signal
from citerefine.refiner.records import Usage
from citerefine.training.rewards.breakdown import Breakdown
from citerefine.training.rewards.settings import RewardSettings


def measure(groups: Sequence[Sequence[Breakdown]], settings: RewardSettings) -> dict[str, float]:
    """The figures of a batch: each is a mean or a share over all its answers, so give the whole of it.

    `reward/total` and `reward/<term>` are means over the answers that have them. `reward/missing_share` is the share
    of answers without a reward, `reward/gated_share` that of answers that say nothing or have no `<answer>` block,
    `reward/<term>/absent_share`, where there are any, that of answers to rows that the term does not apply to, and
    `reward/imputed_share` the share of criteria that were estimated. `signal/<term>/share` says
    what drives the update (citerefine.judges.rubric.signal). `copy_share` is the share of supported text that is
    copied, `citations/per_claim` how many ids a claim has, `criteria/held_out` the score by criteria that are not
    rewarded.

    Args:
        groups: the answers of each prompt.
        settings: weights.
    """
    rows = [one for group in groups for one in group]
    means: dict[str, list[float | None]] = {
        "reward/total": [one.total for one in rows],
        **{f"reward/{name}": [one.value(name) for one in rows] for name in settings.weights},
        "reward/missing_share": [float(one.total is None) for one in rows],
        "reward/gated_share": [float(bool(one.gate)) for one in rows],
        "copy_share": [one.copied_share for one in rows],
        "criteria/held_out": [one.held_out_score for one in rows],
    }
    known = {name: [value for value in values if value is not None] for name, values in means.items()}
    figures = {name: fmean(values) for name, values in known.items() if values}
    return figures | dict([*_shares(rows), *_signals(groups, settings)])


def bill(usages: Sequence[Usage]) -> dict[str, float]:
    """What the rubric judge consumed: `judge/calls`, and `judge/cost` in US dollars if all of it is known."""
    figures = {"judge/calls": float(sum(usage.calls for usage in usages))}
    costs = [usage.cost for usage in usages if usage.cost is not None]
    return figures | ({"judge/cost": sum(costs)} if costs and len(costs) == len(usages) else {})


def _shares(rows: Sequence[Breakdown]) -> Iterator[tuple[str, float]]:
    rewarded = [one for one in rows if one.total is not None]
    if n_cells := sum(one.n_cells for one in rewarded):
        yield "reward/imputed_share", sum(one.n_imputed for one in rewarded) / n_cells
    for name in dict.fromkeys(term.name for one in rows for term in one.terms if not term.weight):
        absent = [term.name == name and not term.weight for one in rows for term in one.terms]
        yield f"reward/{name}/absent_share", sum(absent) / len(rows)
    if n_citing := sum(one.n_citing for one in rows):
        yield "citations/per_claim", sum(one.n_citations for one in rows) / n_citing


def _signals(groups: Sequence[Sequence[Breakdown]], settings: RewardSettings) -> Iterator[tuple[str, float]]:
    tables = [
        {
            name: Term(weight, [one.value(name) for one in group])
            for name, weight in settings.weights.items()
            if any(term.name == name and term.weight for term in group[0].terms)
        }
        for group in groups
        if group
    ]
    for term in term_signal(tables).terms:
        if term.share is not None:
            yield f"signal/{term.name}/share", term.share
