"""Draws answers, one at a time: each is a row of its own, so that each is kept as soon as it is there.

In: a chat model, settings; a problem, the number of an answer, and for a refinement the draft. Out: the stages
`drafts` and `refinements` (training/data/building/stages.py). Prompts are those of training. Every answer has a seed
that is stated. A draft that was cut off is refined as it stands. Not here: what answers are worth (grading.py), files.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from citerefine.refiner.chat.call import ChatCall, Sampling
from citerefine.refiner.chat.identity import identity
from citerefine.refiner.prompts.fit import estimate_messages
from citerefine.refiner.prompts.room import Room, room_for
from citerefine.refiner.protocols import ChatModel
from citerefine.training.data.building.stages import USED, StageError, Values
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.row_values import row_values
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import abuild, again
from citerefine.training.data.tasks.prompt import TaskPrompt
from citerefine.training.passk.settings import PasskSettings

_KEPT_PROMPTS: Final = 64
"""Answers to one problem are drawn one after the other; so many problems at once have their prompts kept."""

LENGTHS: Final = {"ids", "prompt_tokens", "answer_tokens", "total_tokens"}
"""What of the settings of data decides an answer."""


def seed_of(seed: int, id: str, number: int, part: str) -> int:
    """The seed of one answer: 31 bits of a SHA-256, counted up, so that no two answers to a problem have the same.

    Args:
        seed: of the run.
        id: of the problem.
        number: of the answer, from 0.
        part: `drafts` or `refinements`.
    """
    digest = hashlib.sha256(f"{seed}/{part}/{id}".encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:4]) + number & 0x7FFFFFFF


def sample_values(row: TrainingRow, number: int) -> dict[str, Any]:
    """The row of one answer to a problem."""
    bare = row.model_copy(update={"rubric": None, "answer": None})
    return {"id": f"{row.id}#{number}", "number": number, "problem": row_values(bare)}


class _Asking:
    """Asks one model for single answers."""

    def __init__(self, model: ChatModel, settings: PasskSettings) -> None:
        self.model, self._how = model, settings
        self._prompts = dict[str, TaskPrompt]()
        lengths = settings.lengths.model_dump(mode="json", include=LENGTHS)
        how = settings.model_dump(mode="json", include={"temperature", "top_p", "seed"})
        self.settings: Mapping[str, Any] = {"model": identity(model.name), **how, **lengths}

    async def _room(self) -> tuple[Room, DataSettings]:
        room = room_for(self._how.lengths.refiner, (await self.model.capabilities()).context_tokens)
        lengths = {"prompt_tokens": room.prompt, "answer_tokens": room.answer, "total_tokens": room.total}
        return room, self._how.lengths.model_copy(update=lengths)

    async def _prompt(self, row: TrainingRow, lengths: DataSettings) -> TaskPrompt:
        found = self._prompts.get(row.id)
        if found is None:
            found = await abuild(row, lengths, self.model.count_tokens)
            while len(self._prompts) >= _KEPT_PROMPTS:
                del self._prompts[next(iter(self._prompts))]
            self._prompts[row.id] = found
        return found

    async def _answer(self, call: ChatCall, room: Room, seed: int) -> dict[str, Any]:
        most = max(room.answer, room.total - estimate_messages(call.messages)) if call.thinking else room.answer
        how = self._how
        sampling = Sampling(max_tokens=most, temperature=how.temperature, top_p=how.top_p, seed=seed)
        reply = await self.model.complete(call.model_copy(update={"sampling": sampling}))
        return {
            "text": reply.text,
            "finish": reply.finish,
            "seed": seed,
            USED: reply.usage.model_dump(mode="json"),
        }


class DrawDraft(_Asking):
    """The stage `drafts`: an answer to a problem."""

    name = "drafts"

    async def make(self, values: Values) -> dict[str, Any]:
        """`text`, `finish`, `seed` of an answer; `shown`, the row as the model saw it, where that is not all."""
        row = read_row(values["problem"])
        room, lengths = await self._room()
        asked = await self._prompt(row, lengths)
        made = await self._answer(asked.call, room, seed_of(self._how.seed, row.id, values["number"], self.name))
        return made | ({"shown": row_values(asked.row)} if asked.trimmed else {})


class DrawRefinement(_Asking):
    """The stage `refinements`: a model's second look at a draft, its own or another model's."""

    name = "refinements"

    async def make(self, values: Values) -> dict[str, Any]:
        """`text`, `finish`, `seed` of the refinement of `draft`.

        Raises StageError `trimmed` if the model cannot be shown the evidence that the draft cites by its names.
        """
        row = read_row(values["problem"])
        room, lengths = await self._room()
        asked = await self._prompt(row, lengths)
        if asked.left_out or asked.shortened:
            raise StageError("trimmed", "its evidence fits the prompt of the model that drafted, and not this one's")
        call = again(asked, values["draft"], lengths)
        return await self._answer(call, room, seed_of(self._how.seed, row.id, values["number"], self.name))
