"""What one process of a job may still spend on the rubric judge.

In: the bounds of a run, its journal of calls. Out: a `Budget` of this process. What earlier starts of the run spent
stands in the journal and is charged; what is left is shared out equally over the processes of the job, which cannot see
each other's requests before these are made. So all starts and processes together keep to the bounds. Not here: what a
budget counts (citerefine.refiner.chat.budget).
"""

import os
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from citerefine.refiner.chat.budget import Budget
from citerefine.refiner.chat.endpoint import Prices
from citerefine.refiner.chat.journal_events import Totals
from citerefine.refiner.chat.journal_file import JournalFile
from citerefine.refiner.errors import InputError
from citerefine.refiner.records import Usage
from citerefine.training.rewards.settings import RewardSettings


class _Spent(NamedTuple):
    """What the requests of a journal used; where nobody knows, at most."""

    calls: int = 0
    dollars: float = 0.0


def processes() -> int:
    """How many processes the job has, as torchrun and accelerate tell each of them; 1 if nobody says."""
    return max(1, int(os.environ.get("WORLD_SIZE", "1")))


def budget_left(settings: RewardSettings, journal: Path | None) -> Budget | None:
    """The share of this process in what is left of the run's bounds; None if there are none.

    Without a journal nobody knows what earlier starts spent, and each has the whole.

    Raises:
        InputError: if dollars are bounded, and there are no prices, or the journal does not say what it cost; or if
            it cannot be read.
    """
    if settings.max_calls is None and settings.max_dollars is None:
        return None
    prices, n = Prices.read(), processes()
    spent = _spent(journal, prices, needs_dollars=settings.max_dollars is not None)
    return Budget(
        calls=None if settings.max_calls is None else max(0, settings.max_calls - spent.calls) // n,
        dollars=None if settings.max_dollars is None else max(0.0, settings.max_dollars - spent.dollars) / n,
        prices=prices,
    )


def _spent(journal: Path | None, prices: Prices | None, *, needs_dollars: bool) -> _Spent:
    if journal is None or not journal.exists():
        return _Spent()
    with closing(JournalFile(journal)) as file:
        totals = file.totals()
    return _Spent(totals.requests, _dollars(journal, totals, prices) if needs_dollars else 0.0)


def _dollars(journal: Path, totals: Totals, prices: Prices | None) -> float:
    parts = [_cost(totals.known, prices), _cost(totals.most, prices)]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        raise InputError(
            f"{journal} does not say what its {totals.requests:,} requests cost, so that max_dollars cannot be kept; "
            "set CITEREFINE_PRICES, as in 0.15,0.60, or bound max_calls instead"
        )
    return sum(known)


def _cost(usage: Usage, prices: Prices | None) -> float | None:
    if usage.cost is not None or not usage.calls:
        return usage.cost or 0.0
    return None if prices is None else prices.cost(usage)
