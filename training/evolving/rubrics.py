"""The rubrics of a run, as they grow: what answers are judged by, what is learnt of them, and where that is kept.

In: rows and judged groups, in the reward. Out: `Criteria` for the reward; at the end of a step, a buffer that is the
same in all processes. The first process keeps its events in a file, of which a checkpoint says how far it had come; the
others have theirs in memory. Calls of the reward only collect: nothing changes before all processes have told what
they saw. Needs no torch. Not here: what observations change (applying.py), the trainer's events (callback.py).
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from citerefine.judges.rubric.rubric_judge import RubricJudge
from citerefine.refiner.protocols import ChatModel
from citerefine.rubrics.buffer.divergence import divergence
from citerefine.rubrics.buffer.event_file import EventFile
from citerefine.rubrics.buffer.events import Event
from citerefine.rubrics.buffer.logs import NOTHING, Checkpoint, EventLog, MemoryLog
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.buffer.state import Standing
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.rubric import Rubric
from citerefine.training.data.row import TrainingRow
from citerefine.training.errors import StateError
from citerefine.training.evolving.applying import Applied, apply_packets, can_grow, is_known
from citerefine.training.evolving.observation import Observation, Packet, Values, query_of, values_of
from citerefine.training.evolving.proposing import Contrasted, Proposer
from citerefine.training.evolving.settings import EvolvingSettings
from citerefine.training.rewards.batch import Group
from citerefine.training.rewards.combining import Judged
from citerefine.training.rewards.criteria import Criteria, joined, withheld
from citerefine.training.rewards.parts import Missing
from citerefine.training.rewards.settings import RewardSettings

WINDOW: Final = 50
"""Steps at either end of a run between which the rise of what is rewarded and of what is held out is compared."""
_FILE: Final = "buffer.json"
_FORGOTTEN: Final = "events that were kept in memory ended with their process; give the first process a file of events"
_START: Final = Checkpoint(step=0, n_events=0, digest=NOTHING)
Gather = Callable[[list[Any]], list[Any]]
"""From what this process holds to what all hold, in the order of the processes; called by all at once."""


class EvolvingRubrics:
    """Criteria for a reward (`RubricSource`), and a part of the trainer's state (`StatePart`)."""

    name = "rubrics"

    def __init__(
        self,
        settings: EvolvingSettings,
        reward: RewardSettings,
        *,
        writer: ChatModel,
        admission: RubricJudge,
        events: Path | None = None,
        gather: Gather = list,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Opens the file of events.

        Args:
            settings: names and rules.
            reward: of the reward that asks for criteria.
            writer: the model of `settings.writer`.
            admission: the judge of `settings.admission`.
            events: the file, in the first process; its folder is made. None keeps events in memory.
            gather: tells all processes what each holds.
            tell: gets a line when a writer or its judge fails for a new reason.

        Raises:
            StateError: if the file cannot be used, or was made with other rules.
        """
        self.settings, self._reward = settings, reward
        self._rules = settings.buffer(reward)
        self._proposer = Proposer(settings, writer, admission)
        self._writer, self._admission, self._gather, self._tell = writer, admission, gather, tell
        self._is_kept = events is not None
        try:
            self._log: EventLog = MemoryLog() if events is None else _opened(events, self._rules)
            self._buffer = RubricBuffer(self._rules, self._log)
        except RubricError as error:
            raise StateError(str(error)) from error
        self._collected = list[Observation]()
        self._step = 0
        self._told = set[str]()

    @property
    def buffer(self) -> RubricBuffer:
        """As it was at the end of the last step."""
        return self._buffer

    # --- for the reward ---------------------------------------------------------------------------------------

    def criteria(self, row: TrainingRow, draw: str) -> Criteria | None:
        """What the answers to a row are judged by now; None if there is nothing. Raises RubricError as `criteria_of`
        does."""
        rubric = joined(row, self._reward)
        if rubric is None:
            return None
        query = query_of(row, rubric)
        view = self._holding(query, rubric).judge_view(query, row.question)
        if not view.rewarded.judged:
            return None
        held_out = view.held_out if view.held_out.judged else None
        return withheld(Criteria(view.judged, view.rewarded, held_out), self._reward.rubric_dropout, draw)

    async def observe(self, step: int, groups: Sequence[Group], judged: Sequence[Sequence[Judged]]) -> None:
        """Remembers what was seen of groups of answers; every so often, has criteria written of them.

        Args:
            step: the trainer's.
            groups: as they were judged.
            judged: what each answer is worth, by group.
        """
        seen = list[tuple[Observation, Contrasted | None]]()
        for group, answers in zip(groups, judged, strict=True):
            if not isinstance(group.row, Missing) and (values := values_of(answers)):
                seen.append(self._seen(group.row, group.texts, tuple(answers), values))
        if step % self.settings.every == 0:
            found = iter(await self._proposer.propose([group for _, group in seen if group is not None]))
            self._collected += [one if group is None else one._replace(proposed=next(found)) for one, group in seen]
        else:
            self._collected += [one for one, _ in seen]
        self._step = step

    def _seen(
        self, row: TrainingRow, texts: tuple[str, ...], judged: tuple[Judged, ...], values: Values
    ) -> tuple[Observation, Contrasted | None]:
        """What was seen of a group; and, if its rubric can grow, what criteria are to be written of."""
        rubric = joined(row, self._reward)
        assert rubric is not None  # there are values by its criteria
        query = query_of(row, rubric)
        observation, holding = Observation(query, rubric, values), self._holding(query, rubric)
        n_judged = sum(not one.breakdown.gate for one in judged)
        if n_judged < self._rules.least_rollouts or not can_grow(holding.query(query)):
            return observation, None
        return observation, Contrasted(row, holding.judge_view(query, row.question).judged, texts, judged)

    def _holding(self, query: str, rubric: Rubric) -> RubricBuffer:
        """The buffer, or one that holds this query alone as it will begin: the same criteria of it are held out."""
        if is_known(self._buffer.query(query)):
            return self._buffer
        alone = RubricBuffer(self._rules)
        alone.begin(query, rubric, step=0, time=0.0)
        return alone

    # --- for the trainer --------------------------------------------------------------------------------------

    def begin_anew(self) -> None:
        """Goes back to the start, for a run without a checkpoint: what a killed one left counts no more."""
        self._collected.clear()
        self._go_back(_START)

    def apply(self) -> dict[str, float]:
        """Has all processes take in what all have seen; called by each of them, once a step. Returns figures; none if
        nobody saw anything.

        `rubrics/added`, `rubrics/retired` and `rubrics/refused` count criteria, `rubrics/refused/<code>` says why,
        `rubrics/writer_failed` counts groups that nothing could be written of, `rubrics/active` is how many adaptive
        criteria there are. `gap/rewarded_heldout` is how much more what is rewarded has risen than what is held out,
        and `gap/rewarded_heldout_error` its standard error.

        Raises:
            RubricError: if the file of events cannot be written.
        """
        packet = Packet(self._step, time.time(), tuple(self._collected))
        self._collected.clear()
        packets: list[Packet] = self._gather([packet])
        if not any(packet.observations for packet in packets):
            return {}
        applied = apply_packets(self._buffer, packets, self.settings, self._reward.judge)
        self._tell_failures(applied)
        return self._figures(applied)

    def save(self, folder: Path) -> None:
        """Writes how far the file of events is."""
        checkpoint = self._buffer.checkpoint(self._buffer.state.step)
        (folder / _FILE).write_text(checkpoint.model_dump_json(), "utf-8")

    def load(self, folder: Path) -> None:
        """Goes back to where the file of events was; called by all processes. Raises StateError if it is not that of
        the checkpoint."""
        self._collected.clear()
        failure, events = _FORGOTTEN, list[Event]()
        if self._is_kept:
            try:
                self._go_back(Checkpoint.model_validate_json((folder / _FILE).read_text("utf-8")))
                failure, events = "", [*self._log.events()]
            except (OSError, ValidationError, StateError) as error:
                failure = f"{folder}: {error}"
        told: list[tuple[str, list[Event]]] = self._gather([(failure, events)])
        if told[0][0]:
            raise StateError(told[0][0])
        if not self._is_kept:
            self._log = MemoryLog()
            self._log.append(told[0][1])
            self._buffer = RubricBuffer(self._rules, self._log)

    def _go_back(self, checkpoint: Checkpoint) -> None:
        try:
            self._buffer.restore(checkpoint)
            self._buffer.rewind()
        except RubricError as error:
            raise StateError(str(error)) from error

    def _figures(self, applied: Applied) -> dict[str, float]:
        state = self._buffer.state
        active = sum(
            entry.standing is Standing.ACTIVE for query in state.queries.values() for entry in query.entries
        )
        figures: dict[str, float] = {
            "rubrics/added": applied.added,
            "rubrics/refused": applied.refused.total(),
            **{f"rubrics/refused/{code}": count for code, count in sorted(applied.refused.items())},
            "rubrics/retired": applied.retired,
            "rubrics/writer_failed": len(applied.failures),
            "rubrics/active": active,
        }
        apart = divergence(state, WINDOW)
        if apart is not None:
            figures |= {"gap/rewarded_heldout": apart.value, "gap/rewarded_heldout_error": apart.error}
        return {name: float(value) for name, value in figures.items()}

    def _tell_failures(self, applied: Applied) -> None:
        for failure in applied.failures:
            code = failure.partition(":")[0]
            if code not in self._told:
                self._told.add(code)
                self._tell(f"no criteria were written of a group of answers: {failure}")

    async def aclose(self) -> None:
        """Gives back models and the file; it cannot be used afterwards."""
        await self._writer.aclose()
        await self._admission.aclose()
        self._buffer.close()


def _opened(events: Path, rules: BufferSettings) -> EventFile:
    events.parent.mkdir(parents=True, exist_ok=True)
    return EventFile(events, rules)
