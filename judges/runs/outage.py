"""Ends a run whose judge cannot be asked from the start, before hours go by without a figure.

In: a judge that is a model. Out: the same judge, which raises once nothing of the first answers could be judged because
its server fails. One verdict, or another failure such as a reply that cannot be read, shows that the server is there,
and then nothing is ended. Not here: what fails for every row for good, which judges raise themselves.
"""

from collections.abc import Sequence
from typing import Final

from citerefine.judges.judge import SupportJudge
from citerefine.judges.runs.score_row import failure_of
from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.errors import CallError

ANSWERS: Final = 20
"""So many answers without any verdict end a run."""
FAILURES: Final = ("unreachable", "server_error", "deadline", "rate_limited")
"""Codes of what may be an outage."""


class OutageGuard:
    """A support judge that gives up where another one is never reached."""

    def __init__(self, judge: SupportJudge, most: int = ANSWERS) -> None:
        """`most` calls are made in vain before it gives up; a call is about one answer."""
        self._judge = judge
        self._most = most
        self._failed = 0
        self._is_there = False

    @property
    def name(self) -> str:
        """Of the judge that is asked."""
        return self._judge.name

    @property
    def asks_at_once(self) -> bool:
        """As the judge that is asked."""
        return self._judge.asks_at_once

    async def judge(self, queries: Sequence[SupportQuery]) -> Sequence[Verdict]:
        """Its verdicts. Raises CallError as it does, and where nothing was judged so far."""
        verdicts = await self._judge.judge(queries)
        if verdicts and not self._is_there:
            self._look_at(verdicts)
        return verdicts

    def _look_at(self, verdicts: Sequence[Verdict]) -> None:
        last = verdicts[-1]
        if any(failure_of(verdict) not in FAILURES for verdict in verdicts):
            self._is_there = True
            return
        self._failed += 1
        if self._failed >= self._most:
            raise CallError(
                f"nothing of the first {ANSWERS} answers could be judged; the last reason was {last.reason}; see that "
                "the judge's server answers, then give the same command again",
                failure_of(last),
                retryable=True,
            )

    async def aclose(self) -> None:
        """Closes the judge that is asked."""
        await self._judge.aclose()
