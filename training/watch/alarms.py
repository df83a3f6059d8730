"""Finds signs that a policy learns its reward rather than its task.

In: the steps of a run. Out: `Alarm`s. Each compares figures of the run with its own beginning, or with a bound of the
settings; none stops a run. Signs and sources: copying and short answers pay under many rewards (2601.06021), a reward
that rises while a judge of another family sees nothing is hacked (2605.12474, 2606.04923). Not here: measuring.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Final, NamedTuple

from citerefine.rubrics.buffer.divergence import Divergence
from citerefine.training.watch.run_journal import StepRow
from citerefine.training.watch.settings import WatchSettings

WINDOW: Final = 5
"""Steps that a figure is averaged over, so that one odd batch raises no alarm."""
LENGTH_FACTOR: Final = 2.0
"""So many times longer, or shorter, than at the beginning are answers when an alarm is raised."""
MOST_CUT: Final = 0.3
"""Share of answers that may be cut off."""
FALL: Final = 0.05
"""So far must a held-out score fall below its best while the reward rises."""


class Alarm(NamedTuple):
    """Something that people should look at."""

    step: int
    code: str
    message: str
    """What was seen, and what to do."""


def find_alarms(steps: Sequence[StepRow], settings: WatchSettings) -> list[Alarm]:
    """What is wrong as of the last step; one alarm for each sign at most."""
    training = [row for row in steps if row.phase == "train"]
    heldout = [row for row in steps if row.phase == "heldout"]
    found = (
        _gap(heldout, settings.gap_alarm),
        _falls(training, heldout),
        _above(training, "copy_share", settings.copy_alarm, "copied", _COPIED),
        _above(training, "reward/missing_share", settings.missing_alarm, "missing", _MISSING),
        _above(training, "truncated_share", MOST_CUT, "truncated", _CUT),
        _length(training),
        _rewarded_alone(training),
    )
    return [alarm for alarm in found if alarm is not None]


_CUT: Final = "answers are cut off at the token limit, and teach nothing; raise data.answer_tokens, or learn more slowly"
_COPIED: Final = "words are copied from snippets; give synthesis more weight in the rubrics, and citations less"
_MISSING: Final = "answers get no reward; see transcripts.jsonl for the judge's failures"


def _gap(heldout: Sequence[StepRow], bound: float) -> Alarm | None:
    """Whether the rewarded judge has seen more gain since the start than the audit judge."""
    both = [
        (row.step, rubric, audit)
        for row in heldout
        if (rubric := _value(row, "heldout/rubric")) is not None and (audit := _value(row, "heldout/audit")) is not None
    ]
    if len(both) < 2:
        return None
    (_, rubric_then, audit_then), (step, rubric_now, audit_now) = both[0], both[-1]
    gained, audited = rubric_now - rubric_then, audit_now - audit_then
    if gained - audited <= bound:
        return None
    return Alarm(
        step,
        "judge_gap",
        f"the rewarded judge sees {gained:+.2f} since the start, the audit judge {audited:+.2f}: read the samples, and "
        "train with another judge or more criteria",
    )


def _falls(training: Sequence[StepRow], heldout: Sequence[StepRow]) -> Alarm | None:
    """Whether held-out citation F1 falls while the reward rises."""
    scored = [(row.step, f1) for row in heldout if (f1 := _value(row, "heldout/f1")) is not None]
    if len(scored) < 2:
        return None
    best_step, best = max(scored, key=lambda pair: pair[1])
    step, last = scored[-1]
    before, now = _mean_until(training, "reward/total", best_step), _recent(training, "reward/total")
    if best - last <= FALL or before is None or now is None or now <= before:
        return None
    return Alarm(
        step,
        "heldout_falls",
        f"held-out citation F1 is {last:.2f}, after {best:.2f} at step {best_step}, while the reward rises: the policy "
        "learns the reward and not the task; stop at the better checkpoint, or change the reward",
    )


def _above(training: Sequence[StepRow], name: str, bound: float, code: str, what: str) -> Alarm | None:
    now = _recent(training, name)
    if now is None or now <= bound:
        return None
    return Alarm(training[-1].step, code, f"{now:.0%} of {what}")


def _length(training: Sequence[StepRow]) -> Alarm | None:
    first, now = _mean(training[:WINDOW], "length/mean"), _recent(training, "length/mean")
    if len(training) < 2 * WINDOW or not first or not now or 1 / LENGTH_FACTOR < now / first < LENGTH_FACTOR:
        return None
    return Alarm(
        training[-1].step,
        "length",
        f"answers have {now:.0f} tokens, and had {first:.0f} at first: check that the reward does not pay for "
        f"{'length' if now > first else 'saying little'}",
    )


def _rewarded_alone(training: Sequence[StepRow]) -> Alarm | None:
    """Whether answers get better by the criteria that are rewarded, and not by those that are held out."""
    for row in reversed(training):
        gap, error = (_value(row, name) for name in ("gap/rewarded_heldout", "gap/rewarded_heldout_error"))
        if gap is None or error is None:
            continue
        if not Divergence(gap, error, 0, 0).is_alarming:
            return None
        return Alarm(
            row.step,
            "rubric_gap",
            f"what is rewarded has risen by {gap:.2f} ± {error:.2f} more than what is held out: the policy learns the "
            "criteria's wording, or their judge; read the samples, and train with another judge",
        )
    return None


def _recent(rows: Sequence[StepRow], name: str) -> float | None:
    return _mean(rows[-WINDOW:], name)


def _mean_until(rows: Sequence[StepRow], name: str, step: int) -> float | None:
    return _recent([row for row in rows if row.step <= max(step, rows[0].step)], name) if rows else None


def _mean(rows: Sequence[StepRow], name: str) -> float | None:
    known = [value for row in rows if (value := _value(row, name)) is not None]
    return fmean(known) if known else None


def _value(row: StepRow, name: str) -> float | None:
    return row.values.get(name)
