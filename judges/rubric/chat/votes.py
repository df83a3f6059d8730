"""Makes a cell of what was said to a criterion, once or several times.

In: outcomes of one criterion, the first one first. Out: `Cell`, and whether further votes are worth their price. The
value is the mean of the votes; where met and unmet tie, the policy gets the worse of it: a wanted thing is unmet, a
fault is there. Votes that failed are left out, and said; where all failed, so did the cell. Not here: asking.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial
from math import fsum
from typing import Final

from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.chat.answer_lines import AnswerLine
from citerefine.judges.rubric.chat.asked import CANNOT_ASSESS, MET, UNMET, Asked
from citerefine.judges.strips.examiner import NoVerdict, Outcome, Verdict

UNSURE: Final = (0.3, 0.7)
"""Between these a probability of being met, or of not being told, is no verdict; on a graded scale, a best step below
the second is none."""


def is_unsure(asked: Asked, outcome: Outcome, *, without_odds: bool) -> bool:
    """Whether a first vote calls for more.

    Args:
        asked: the criterion.
        outcome: the first vote; one that failed was tried again already and calls for none.
        without_odds: what is said where it is not known how sure the model was.
    """
    if isinstance(outcome, NoVerdict):
        return False
    if outcome.odds is None:
        return without_odds
    if UNSURE[0] < outcome.odds.get(CANNOT_ASSESS, 0.0) < UNSURE[1]:
        return True
    if asked.is_graded:
        return max(outcome.odds.values()) < UNSURE[1]
    p = asked.expected(outcome.odds)
    return p is not None and UNSURE[0] < p < UNSURE[1]


def count_votes(asked: Asked, outcomes: Sequence[Outcome], lines: Sequence[AnswerLine], *, soft: bool) -> Cell:
    """The cell of a criterion.

    Args:
        asked: the criterion.
        outcomes: at least one.
        lines: the sentences of the answer, to which verdicts point.
        soft: whether a vote counts by its probability where that is known, else by its word.
    """
    votes = [outcome for outcome in outcomes if isinstance(outcome, Verdict)]
    failed = [outcome for outcome in outcomes if isinstance(outcome, NoVerdict)]
    cell = partial(
        Cell,
        criterion=asked.criterion.id,
        key=asked.criterion.key,
        weight=asked.criterion.weight,
        reason=_reason(votes, failed),
    )
    if not votes:
        return cell(status=Status.FAILED)
    cell = partial(
        cell,
        p_met=_mean([p for p in (_p_met(asked, vote) for vote in votes) if p is not None]),
        votes=tuple(asked.steps[vote.word].verdict for vote in votes) if len(outcomes) > 1 else (),
    )
    if 2 * sum(vote.word == CANNOT_ASSESS for vote in votes) > len(votes):
        return cell(status=Status.ABSTAIN, verdict=CANNOT_ASSESS, value=asked.steps[CANNOT_ASSESS].value)
    verdict = _verdict(asked, votes)
    shown = _evidence(votes, lines) if verdict == MET else None
    return cell(status=Status.OK, verdict=verdict, value=_value(asked, votes, soft=soft), evidence=shown)


def _value(asked: Asked, votes: Sequence[Verdict], *, soft: bool) -> float:
    values = list[float]()
    for vote in votes:
        p = _p_met(asked, vote) if soft else None
        value = asked.steps[vote.word].value if p is None else p
        values += [] if value is None else [value]
    mean = _mean(values)
    assert mean is not None  # at least half of the votes are no CANNOT_ASSESS
    if not asked.is_graded and not soft and mean == 0.5:
        return 1.0 if asked.criterion.is_negative else 0.0
    return mean


def _verdict(asked: Asked, votes: Sequence[Verdict]) -> str:
    """The word that the votes come to, whatever counts as value."""
    values = [value for value in (asked.steps[vote.word].value for vote in votes) if value is not None]
    mean = sum(map(Fraction, values)) / len(values)
    is_fault = asked.criterion.is_negative
    if not asked.is_graded:
        met = mean > Fraction(1, 2) or (is_fault and mean == Fraction(1, 2))
        return MET if met else UNMET
    steps = [step for step in asked.steps.values() if step.word != CANNOT_ASSESS]
    # At equal distance the lower step of a wanted thing, the higher one of a fault.
    nearest = min(steps, key=lambda step: (abs(Fraction(step.value or 0) - mean), (step.value or 0) * (-1) ** is_fault))
    return nearest.verdict


def _p_met(asked: Asked, vote: Verdict) -> float | None:
    return None if vote.odds is None else asked.expected(vote.odds)


def _mean(values: Sequence[float]) -> float | None:
    return min(1.0, fsum(values) / len(values)) if values else None


def _evidence(votes: Sequence[Verdict], lines: Sequence[AnswerLine]) -> str | None:
    """The sentence that the first vote for MET points to; None if that is the answer as a whole."""
    pointer = next((vote.pointer for vote in votes if vote.word == MET), None)
    return lines[pointer - 1].text if pointer else None


def _reason(votes: Sequence[Verdict], failed: Sequence[NoVerdict]) -> str:
    parts = [f"by the backup model {name}" for name in dict.fromkeys(vote.backup for vote in votes if vote.backup)]
    if failed and not votes:
        return f"{failed[0].code}: {failed[0].what}"
    if failed:
        parts.append(f"{len(failed)} of {len(votes) + len(failed)} votes failed, {failed[0].code}: {failed[0].what}")
    return "; ".join(parts)
