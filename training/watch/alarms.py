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
ALL: Final = 0.99
"""Share from which on all are meant."""
MOST_UNSCORED: Final = 0.2
"""Share of held-out answers that may lack a score."""
FALL: Final = 0.05
"""So far must a held-out score fall below its best while the reward rises."""
HARM: Final = 0.05
"""So much larger may the share be that improvements make worse than the one that they make better."""
FLAT_STEPS: Final = 3
"""So many steps at least in which all groups are flat."""
MOST_ANEW: Final = 0.1
"""Share of improvements that may be of no draft."""


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
        _falls(training, heldout, "heldout/f1", "citation F1") or _falls(training, heldout, *_ACCURACY),
        _unscored(heldout),
        _above(training, "copy_share", settings.copy_alarm, "copied", _COPIED),
        _above(training, "reward/missing_share", settings.missing_alarm, "missing", _MISSING),
        _cut(training),
        _flat(training),
        _length(training),
        _rewarded_alone(training),
        _harms(training, "answers", "right_wrong", "wrong_right", _ANSWERS),
        _harms(training, "claims", "claims_damaged", "claims_fixed", _CLAIMS),
        _above(training, "transitions/asked_anew", MOST_ANEW, "asked_anew", _ANEW),
    )
    return [alarm for alarm in found if alarm is not None]


_ACCURACY: Final = ("heldout/accuracy", "accuracy")
_COPIED: Final = "words are copied from snippets; give synthesis more weight in the rubrics, and citations less"
_ANSWERS: Final = "{:.0%} of all improvements turn a right answer into a wrong one, and {:.0%} a wrong into a right one"
_CLAIMS: Final = "of all claims that are kept, {:.0%} lose their support by being improved, and {:.0%} gain it"
_ANEW: Final = "second prompts show no draft, as they would be too long with it; raise data.total_tokens"
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


def _falls(training: Sequence[StepRow], heldout: Sequence[StepRow], name: str, word: str) -> Alarm | None:
    """Whether a held-out figure falls while the reward rises."""
    scored = [(row.step, value) for row in heldout if (value := _value(row, name)) is not None]
    if len(scored) < 2:
        return None
    best_step, best = max(scored, key=lambda pair: pair[1])
    step, last = scored[-1]
    # Of two phases, the first one answers as held-out answers are made.
    reward = "reward/draft" if any(_value(row, "reward/draft") is not None for row in training) else "reward/total"
    before, now = _mean_until(training, reward, best_step), _recent(training, reward)
    if best - last <= FALL or before is None or now is None or now <= before:
        return None
    return Alarm(
        step,
        "heldout_falls",
        f"held-out {word} is {last:.2f}, after {best:.2f} at step {best_step}, while the reward rises: the policy "
        "learns the reward and not the task; stop at the better checkpoint, or change the reward",
    )


def _above(training: Sequence[StepRow], name: str, bound: float, code: str, what: str) -> Alarm | None:
    now = _recent(training, name)
    if now is None or now <= bound:
        return None
    return Alarm(training[-1].step, code, f"{now:.0%} of {what}")


def _unscored(heldout: Sequence[StepRow]) -> Alarm | None:
    """Whether the last held-out figures are those of some answers alone."""
    if not heldout:
        return None
    n, unscored = _value(heldout[-1], "heldout/n"), _value(heldout[-1], "heldout/unscored")
    if not n or unscored is None or unscored / n <= MOST_UNSCORED:
        return None
    return Alarm(
        heldout[-1].step,
        "heldout_unscored",
        f"{unscored:.0f} of {n:.0f} held-out answers lack a score, and the held-out figures leave them out: judges "
        "failed, or nobody knows what to abstain is worth; see what the run says of it, and label rows' `answerable`",
    )


def _cut(training: Sequence[StepRow]) -> Alarm | None:
    """Whether answers are cut off. Where such answers are trained on all the same, no group is dropped for them."""
    now, dropped = _recent(training, "truncated_share"), _recent(training, "groups/dropped")
    if now is None or now <= MOST_CUT:
        return None
    seen = f"{now:.0%} of answers are cut off at the token limit, and teach nothing"
    if now >= ALL and dropped != 0:
        seen = "all answers are cut off at the token limit, so that nothing is learned"
    return Alarm(training[-1].step, "truncated", f"{seen}; raise data.answer_tokens, or learn more slowly")


def _flat(training: Sequence[StepRow]) -> Alarm | None:
    """Whether no answer moves anything, since those to each prompt all earn the same."""
    rows = [row for row in training if _value(row, "groups/flat_share") is not None]
    flat = _recent(rows, "groups/flat_share")
    if len(rows) < FLAT_STEPS or flat is None or flat < ALL:
        return None
    return Alarm(
        rows[-1].step,
        "flat",
        "the answers to each prompt all earn the same, so that nothing is learned; take rows that the model sometimes "
        "answers well, raise train.group_size, or imitate answers first ([sft])",
    )


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


def _harms(training: Sequence[StepRow], what: str, worse: str, better: str, told: str) -> Alarm | None:
    """Whether the second phase makes more worse than better."""
    rows = [row for row in training if _value(row, f"transitions/{worse}") is not None]
    if len(rows) < WINDOW:
        return None
    harmed, mended = _recent(rows, f"transitions/{worse}"), _recent(rows, f"transitions/{better}")
    if harmed is None or mended is None or harmed - mended <= HARM:
        return None
    return Alarm(
        rows[-1].step,
        f"harm_{what}",
        f"{told.format(harmed, mended)}: read the samples; train with phases = 'one' before, or "
        "improve worse drafts (second.select = 'below_median')",
    )


def _recent(rows: Sequence[StepRow], name: str) -> float | None:
    return _mean(rows[-WINDOW:], name)


def _mean_until(rows: Sequence[StepRow], name: str, step: int) -> float | None:
    return _recent([row for row in rows if row.step <= max(step, rows[0].step)], name) if rows else None


def _mean(rows: Sequence[StepRow], name: str) -> float | None:
    known = [value for row in rows if (value := _value(row, name)) is not None]
    return fmean(known) if known else None


def _value(row: StepRow, name: str) -> float | None:
    return row.values.get(name)
