"""The phases of a run, rollout by rollout: `PhasedRollouts`, what the trainer asks and tells.

In: rows that a rollout is to sample for, and its answers when they are scored. Out: the rows that it does sample for,
figures, and the drafts that wait for their next phase, which checkpoints hold: a run that is stopped, killed or out of
judges between two phases goes on with the drafts that it had. Each process chooses for its own groups; all know all
drafts, since the first one alone saves. Not here: phases (phase.py), figures of what changed (transitions.py).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from citerefine.refiner.records import Record
from citerefine.training.errors import StateError
from citerefine.training.grpo.agreeing import of_all
from citerefine.training.grpo.phases import Row, Scored
from citerefine.training.phases.draft import Draft
from citerefine.training.phases.phase import Phase
from citerefine.training.phases.transitions import Change, change_between, transition_figures
from citerefine.training.rewards.breakdown import Breakdown

Gather = Callable[[list[Any]], list[Any]]
"""The items of all processes, in their order."""
GROUP: Final = "group"
"""Column of a row with the key of its group."""
PHASE: Final = "phase"
"""Column with the name of the phase that its answer is of."""
DRAFT: Final = "draft"
"""Column with the draft that its answer improves, as it was written; None of a first answer."""
_FILE: Final = "drafts.json"


class Waiting(Record):
    """What waits for its next phase."""

    rollout: int = -1
    """That the drafts are of; -1: none is there."""
    drafts: tuple[Draft, ...] = ()


class PhasedRollouts:
    """Has each batch of prompts go through all phases."""

    name = "drafts"

    def __init__(
        self, phases: Sequence[Phase], group_size: int, seed: int, gather: Gather = lambda values: values
    ) -> None:
        """With the phases in their order; `seed` decides, with rollout and row, which drafts are drawn."""
        self._phases, self._size, self._seed, self._gather = tuple(phases), group_size, seed, gather
        self._waiting = Waiting()

    @property
    def count(self) -> int:
        """Phases of a step."""
        return len(self._phases)

    def rows(self, rollout: int, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows of a rollout, each group with one prompt, rendered once.

        A question whose draft cannot be shown is asked anew, so that groups stay as they are; figures tell how many.

        Raises:
            StateError: if the drafts are not those of the rollout before.
        """
        phase, at = self._phase(rollout)
        if at and self._waiting.rollout != rollout - 1:
            raise of_all(
                StateError(
                    f"rollout {rollout} improves drafts of rollout {rollout - 1}, and those that are there are of "
                    f"{self._waiting.rollout}; go on from another checkpoint"
                )
            )
        drafts = {draft.id: draft for draft in self._waiting.drafts} if at else {}
        asked = list[Row]()
        for group in self._groups(rows):
            asked += [self._asked(phase, group[0], drafts.get(group[0]["id"]))] * len(group)
        return asked

    def _asked(self, phase: Phase, row: Row, draft: Draft | None) -> Row:
        made = phase.ask(row, draft)
        if made is None:
            made, phase, draft = row, self._phases[0], None
        shown = None if draft is None else draft.text
        return {**made, GROUP: phase.key(row["id"], draft), PHASE: phase.name, DRAFT: shown}

    def scored(self, rollout: int, answers: Sequence[Scored]) -> Mapping[str, float]:
        """Keeps the drafts for the next phase. Returns the figures of the rollout, over all processes."""
        phase, at = self._phase(rollout)
        asked = {draft.key for draft in self._waiting.drafts}  # an answer to a question asked anew improves nothing
        of_phase = [answer.reward for answer in answers if not at or answer.row[GROUP] in asked]
        known = self._gather([reward for reward in of_phase if reward is not None])
        figures = {f"reward/{phase.name}": fmean(known)} if known else {}
        if at:
            figures |= self._changes(answers)
        chosen = self._chosen(rollout, phase, answers)
        self._waiting = Waiting(rollout=rollout, drafts=tuple(chosen)) if phase.select else Waiting()
        return figures

    def _chosen(self, rollout: int, phase: Phase, answers: Sequence[Scored]) -> list[Draft]:
        if phase.select is None:
            return []
        mine = list[Draft]()
        for group in self._groups(answers):
            drafts = [_draft(answer) for answer in group]
            mine.append(phase.select(drafts, f"{self._seed}/{rollout}/{drafts[0].id}"))
        return self._gather(mine)

    def _changes(self, answers: Sequence[Scored]) -> dict[str, float]:
        """What became of drafts; answers to questions that were asked anew improve none."""
        drafts = {draft.key: draft for draft in self._waiting.drafts}
        changes = list[Change | None]()
        for answer in answers:
            draft = drafts.get(answer.row[GROUP])
            changes.append(None if draft is None else change_between(draft, _draft(answer)))
        everywhere = self._gather(changes)
        figures = transition_figures([change for change in everywhere if change is not None])
        return {**figures, "transitions/asked_anew": everywhere.count(None) / len(everywhere)}

    def _phase(self, rollout: int) -> tuple[Phase, int]:
        at = rollout % len(self._phases)
        return self._phases[at], at

    def _groups(self, rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
        return (rows[start : start + self._size] for start in range(0, len(rows), self._size))

    def save(self, folder: Path) -> None:
        """Writes the drafts that wait."""
        (folder / _FILE).write_text(self._waiting.model_dump_json(), "utf-8")

    def load(self, folder: Path) -> None:
        """Takes the drafts that `save` wrote. Raises StateError if they cannot be read."""
        try:
            self._waiting = TypeAdapter(Waiting).validate_json((folder / _FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise StateError(f"{folder / _FILE} holds no drafts: {error}; use another checkpoint") from error


def _draft(answer: Scored) -> Draft:
    breakdown = answer.breakdown if isinstance(answer.breakdown, Breakdown) else None
    return Draft(
        id=answer.row["id"], text=answer.completion, reward=answer.reward, cut=answer.cut, breakdown=breakdown
    )
