"""Which adaptive criteria of a query are to be judged no more, and why.

In: the state of a query, the step, the settings. Out: content keys with reasons. A criterion that is young is left
alone: of a few groups nobody can tell. Not here: retiring them (rubric_buffer.py).
"""

from typing import NamedTuple

from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.buffer.state import Entry, QueryState, Standing


class Pruned(NamedTuple):
    """A criterion to be retired."""

    key: str
    reason: str


def to_retire(state: QueryState, step: int, settings: BufferSettings) -> tuple[Pruned, ...]:
    """The active adaptive criteria that are past their time, do not separate, or are too many; others stay."""
    active = [entry for entry in state.entries if entry.standing is Standing.ACTIVE]
    reasons = {entry.key: _reason(entry, step, settings) for entry in active}
    left = sorted((entry for entry in active if not reasons[entry.key]), key=lambda entry: -entry.contrast.mean)
    for entry in left[settings.most_active :]:
        if entry.exposures >= settings.min_exposures:
            reasons[entry.key] = f"too many: {settings.most_active} others separate more groups"
    return tuple(Pruned(key, reason) for key, reason in reasons.items() if reason)


def _reason(entry: Entry, step: int, settings: BufferSettings) -> str:
    """Why it goes; empty if it stays."""
    if step - entry.since >= settings.life_steps:
        return f"expired: it was admitted {step - entry.since} steps ago; it needs new evidence"
    if entry.exposures < settings.min_exposures:
        return ""
    sure = entry.contrast.below(settings.least_contrast)
    if sure < settings.confidence:
        return ""
    return (
        f"no contrast: in {entry.exposures} groups, it separates fewer than {settings.least_contrast:.0%} of them "
        f"with a probability of {sure:.2f}"
    )
