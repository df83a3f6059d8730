"""The evolving rubrics of a training run: each query's criteria, and everything that ever changed them.

In: criteria, judges' values of groups of rollouts, steps and times. Out: a frozen state, the events that led to it,
checkpoints. Not here: what an event changes (folding.py), rubrics for judges (views.py), writing criteria
(citerefine.rubrics.generation), judging.
"""

import os
from collections.abc import Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from pydantic import ValidationError

from citerefine.rubrics.aggregation import default_formula
from citerefine.rubrics.buffer.event_file import EventFile
from citerefine.rubrics.buffer.events import Add, Begin, Event, Evidence, Retire, Revive, Score
from citerefine.rubrics.buffer.folding import refusal_of
from citerefine.rubrics.buffer.logs import Checkpoint, EventLog, MemoryLog
from citerefine.rubrics.buffer.own_rubric import split
from citerefine.rubrics.buffer.pruning import to_retire
from citerefine.rubrics.buffer.refusals import Refusal
from citerefine.rubrics.buffer.replaying import Replay
from citerefine.rubrics.buffer.resemblance import unwanted
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.buffer.state import BufferState, QueryState
from citerefine.rubrics.buffer.views import JudgeView, PolicyView, judge_view
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric

_AT_ONCE: Final = 1000
"""So many events are copied at once."""
E = TypeVar("E", Begin, Add, Score, Retire, Revive)


class RubricBuffer:
    """Criteria of many queries; also a context manager. One task at a time may change it."""

    def __init__(self, settings: BufferSettings, log: EventLog | None = None) -> None:
        """What the log holds already is taken up; without one, the buffer ends with the process.

        Raises:
            RubricError: if an event of the log breaks a rule.
        """
        self.settings = settings
        self._log = MemoryLog() if log is None else log
        self._now = Replay(settings).take(self._log.events())
        self._behind = 0
        """Events of the log that come after this view, since it was restored to an earlier one."""

    @classmethod
    def open(cls, path: str | os.PathLike[str], settings: BufferSettings | None = None) -> Self:
        """The buffer of a file of events; a new file needs settings.

        Raises:
            RubricError: if the file cannot be used (event_file.py), or an event of it breaks a rule.
        """
        log = EventFile(path, settings)
        try:
            return cls(log.settings, log)
        except BaseException:
            log.close()
            raise

    @property
    def state(self) -> BufferState:
        """All queries as they are now; what comes later does not change it."""
        return self._now.state

    def query(self, query: str) -> QueryState:
        """The criteria of one query; none if it is not known."""
        return self._now.query(query)

    def judge_view(self, query: str, question: str = "") -> JudgeView:
        """What of a query's criteria judges see, and what is rewarded; `question` is its text, for the rubrics."""
        return judge_view(self.query(query), question)

    def policy_view(self, query: str) -> PolicyView:
        """What of a query's criteria a prompt to the policy may hold: none, ever."""
        return PolicyView()

    def begin(self, query: str, rubric: Rubric, *, step: int, time: float) -> tuple[Refusal, ...]:
        """Takes a query's own rubric in, once: fixed criteria as they are, adaptive ones as retired.

        Groups, weights, vetoes and the formula stay, so that a score by what `judge_view` shows is that of the rubric.
        Fixed criteria that resemble each other are the rubric's own affair (`citerefine.rubrics.lint` finds them). For
        criteria that are adaptive in a buffer of another system, nobody independent has vouched: they wait for
        evidence (`revive`).

        Returns:
            Why some were not taken; all others were.

        Raises:
            RubricError: if the rubric names a formula that there is not.
        """
        default_formula(rubric)
        fixed, adaptive, cannot = split(rubric)
        refused: list[Refusal | None] = [*cannot]
        reason = "of the query's own rubric"
        begin = _checked(Begin, query=query, key=fixed.key, rubric=fixed, step=step, time=time, reason=reason)
        if late := self._try(begin):
            return (late,)
        for criterion in adaptive:
            refusal = unwanted(criterion, self.query(query).entries)
            refused.append(refusal or self._add(query, criterion, step=step, time=time, reason=reason))
        return tuple(refusal for refusal in refused if refusal is not None)

    def add(
        self,
        query: str,
        criterion: Criterion,
        *,
        writer: str,
        evidence: Evidence,
        step: int,
        time: float,
        reason: str = "written for the query",
    ) -> Refusal | None:
        """Takes an adaptive criterion in, or says why not.

        Args:
            query: whose it becomes.
            criterion: whatever its origin and id, it becomes an adaptive one with an id of its own.
            writer: the model that wrote it; empty if that was a person.
            evidence: what a judge that is neither rewarded nor the writer says about one group's rollouts.
            step: the trainer's.
            time: seconds since 1970.
            reason: to be read by people.
        """
        adaptive = criterion.model_copy(update={"origin": "adaptive", "state": "active", "id": f"a-{criterion.key}"})
        refusal = unwanted(adaptive, self.query(query).entries)
        return refusal or self._add(query, adaptive, writer, evidence, step=step, time=time, reason=reason)

    def score(
        self,
        query: str,
        values: Mapping[str, Sequence[float | None]],
        *,
        judge: str,
        step: int,
        time: float,
        reason: str = "judged",
    ) -> None:
        """Takes in what a judge said about one group of rollouts.

        Args:
            query: what was asked.
            values: content key of a criterion → its value for each rollout; None where it is not known.
            judge: its name.
            step: the trainer's.
            time: seconds since 1970.
            reason: to be read by people.

        Raises:
            RubricError: if the query has no such criterion, or a value lies outside [0, 1].
        """
        found = {"judge": judge, "step": step, "time": time, "reason": reason, "query": query}
        events = [_checked(Score, key=key, values=tuple(one), **found) for key, one in values.items()]
        self._record(events)

    def retire(self, query: str, key: str, *, step: int, time: float, reason: str) -> Refusal | None:
        """Has an adaptive criterion judged no more, or says why that cannot be."""
        return self._try(_checked(Retire, query=query, key=key, step=step, time=time, reason=reason))

    def revive(
        self, query: str, key: str, *, evidence: Evidence, step: int, time: float, reason: str = "separates again"
    ) -> Refusal | None:
        """Has a retired criterion judged again, on new evidence, or says why not."""
        state = self.query(query)
        judged = [entry for entry in state.entries if entry.is_judged]
        if key in state.by_key and (refusal := unwanted(state.by_key[key].criterion, judged)):
            return refusal
        found = {"query": query, "key": key, "step": step, "time": time, "reason": reason}
        return self._try(_checked(Revive, evidence=evidence, **found))

    def prune(self, query: str, *, step: int, time: float) -> tuple[Retire, ...]:
        """Retires what is past its time, does not separate, or is one too many; returns what was retired, and why."""
        chosen = to_retire(self.query(query), step, self.settings)
        found = {"query": query, "step": step, "time": time}
        events = [_checked(Retire, key=key, reason=reason, **found) for key, reason in chosen]
        self._record(events)
        return tuple(events)

    def checkpoint(self, step: int) -> Checkpoint:
        """Where the log is now; to be kept with the trainer's checkpoint of this step. All before it is on disk then.

        Raises:
            RubricError: if an event of a later step is in the log.
        """
        if step < self._now.step:
            raise RubricError(f"the buffer is at step {self._now.step}; a checkpoint of step {step} would hold more")
        self._log.sync()
        return Checkpoint(step=step, n_events=self._now.n_events, digest=self._now.digest)

    def restore(self, to: Checkpoint | int) -> None:
        """Goes back to a checkpoint, or to the end of a step; the log keeps what came later.

        Nothing can be added then until `rewind` or `fork` says what becomes of that.

        Raises:
            RubricError: if the log is not the one of the checkpoint; the buffer stays as it is.
        """
        n_events = to.n_events if isinstance(to, Checkpoint) else sum(event.step <= to for event in self._log.events())
        earlier = Replay(self.settings).take(islice(self._log.events(), n_events))
        if isinstance(to, Checkpoint) and (earlier.n_events, earlier.digest) != (to.n_events, to.digest):
            raise RubricError(
                f"the log does not begin with the {to.n_events} events of the checkpoint of step {to.step}; restore "
                "the file that belongs to it"
            )
        self._behind += self._now.n_events - earlier.n_events
        self._now = earlier

    def rewind(self) -> int:
        """Goes on from here in the same log: what came later counts no more (a file keeps it). Returns how many."""
        dropped = self._behind
        if dropped:
            self._log.rewind(self._now.n_events)
            self._behind = 0
        return dropped

    def fork(self, path: str | os.PathLike[str]) -> "RubricBuffer":
        """A buffer that goes on from here in a new file; this one stays as it is.

        Raises:
            RubricError: if the file holds events, or cannot be written.
        """
        fork = type(self).open(path, self.settings)
        if fork.state.n_events:
            fork.close()
            raise RubricError(f"{path} holds events already; name a new file")
        events = islice(self._log.events(), self._now.n_events)
        while some := [*islice(events, _AT_ONCE)]:
            fork._record(some)
        return fork

    def close(self) -> None:
        """Closes the log."""
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add(
        self,
        query: str,
        criterion: Criterion,
        writer: str = "",
        evidence: Evidence | None = None,
        *,
        step: int,
        time: float,
        reason: str,
    ) -> Refusal | None:
        found = {"query": query, "key": criterion.key, "step": step, "time": time, "reason": reason}
        return self._try(_checked(Add, criterion=criterion, writer=writer, evidence=evidence, **found))

    def _try(self, event: Event) -> Refusal | None:
        refusal = refusal_of(self.query(event.query), event, self.settings)
        if refusal is None:
            self._record([event])
        return refusal

    def _record(self, events: Sequence[Event]) -> None:
        """Folds the events, then writes them: what breaks a rule is never written."""
        if self._behind:
            raise RubricError(
                f"the log holds {self._behind} events after the one that was restored; call rewind() to go on without "
                "them, or fork() to go on in another log"
            )
        tried = self._now.tried(events)
        self._log.append(events)
        self._now.adopt(tried)


def _checked(kind: type[E], **values: Any) -> E:
    """An event. Raises RubricError, as pydantic's error is not one."""
    try:
        return kind(**values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RubricError(f"{place}: {first['msg']}, got {str(first['input'])[:60]!r}") from None
