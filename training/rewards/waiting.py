"""Waits for judges that do not answer, and says when that has lasted long enough.

In: what a batch is known to be worth. Out: pauses, or JudgeOutage. Below this, a model client sends a request again,
opens a breaker and probes its server (citerefine.refiner.chat); what is waited for here are outages of minutes. A batch
goes on once enough of it has a reward, or can have none: answers that lack one are not trained on. Not here: asking.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Final

from citerefine.training.errors import JudgeOutage
from citerefine.training.rewards.combining import Judged

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
_MOST_CODES: Final = 5


class Patience:
    """How long judges are asked again: with pauses that double, each shortened by up to a half by chance."""

    def __init__(self, seconds: float) -> None:
        """The time begins with the first pause."""
        self._seconds = seconds
        self._until: float | None = None
        self._pauses = 0

    async def pause(self) -> bool:
        """Waits; False at once if the time is over."""
        now = asyncio.get_running_loop().time()
        if self._until is None:
            self._until = now + self._seconds
        left = self._until - now
        if left <= 0:
            return False
        length = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._pauses) * random.uniform(0.5, 1.0)
        self._pauses += 1
        await asyncio.sleep(min(length, left))
        return True


def lacks_judges(judged: Sequence[Judged], least_valid: float) -> bool:
    """Whether so many answers of a batch wait for a judge that too small a share of the others has a reward.

    Answers that no asking helps do not count: of some nobody can say what they are worth, as of an abstention without
    a label, and on some every judge fails again, as on one that is too long for it. Else one such row would end a run
    again and again.
    """
    waiting = sum(one.again for one in judged)
    known = sum(one.breakdown.total is not None for one in judged)
    return known < least_valid * (known + waiting) - 1e-9


def outage(judged: Sequence[Judged], seconds: float) -> JudgeOutage:
    """What is raised where judges are waited for no longer."""
    failed = [one for one in judged if one.again]
    counts = Counter(code for one in failed for part in one.missing for code in part.codes)
    codes = ", ".join(f"{code} {n}x" for code, n in counts.most_common(_MOST_CODES))
    reason = failed[-1].breakdown.reason
    return JudgeOutage(
        f"of {len(judged)} answers, {len(failed)} could not be judged within {seconds:g} s of asking again "
        f"({codes}); the last reason was {reason}; "
        "see that the judges' servers answer, then go on with --resume; or raise patience, or lower least_valid"
    )
