"""The stage `samples`: several answers of one model to a row, drawn as training draws them.

In: a row with its evidence. Out: the answers as the model wrote them, and the snippets that it was shown where these
are not all. Prompts are those of training; no grammar helps, and nothing is repaired, since neither is there while a
policy is trained. Not here: what an answer is worth (scoring.py).
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from pydantic import Field, model_validator

from citerefine.refiner.chat.call import ChatCall, ChatReply, Sampling
from citerefine.refiner.prompts.fit import estimate_messages
from citerefine.refiner.prompts.room import Room, room_for
from citerefine.refiner.protocols import ChatModel
from citerefine.refiner.records import Record
from citerefine.refiner.settings import RefinerSettings
from citerefine.training.data.building.stages import USED, Values
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.row_values import row_values
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import abuild

SHOWN: Final = "shown"
"""Field with the snippets that the model was shown; absent if these are all."""


class SampleSettings(Record):
    """How answers are drawn."""

    n: int = Field(default=8, ge=2, le=256)
    """Answers to a row."""
    temperature: float = Field(default=1.0, gt=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    seed: int = 0
    """Of the first answer; the next ones have the next seeds."""
    prompt_tokens: int = Field(default=6144, ge=128)
    answer_tokens: int = Field(default=1024, ge=16)
    total_tokens: int = Field(default=8192, ge=256)
    """Most tokens of prompt and reply together."""

    @property
    def refiner(self) -> RefinerSettings:
        """A refiner with the same lengths."""
        return RefinerSettings(
            prompt_tokens=self.prompt_tokens, answer_tokens=self.answer_tokens, total_tokens=self.total_tokens
        )

    @model_validator(mode="after")
    def _budgets_fit(self) -> Self:
        _ = self.refiner  # which complains of lengths that do not go together
        return self


class SampleAnswers:
    """Asks one model n times about each row."""

    name = "samples"

    def __init__(self, model: ChatModel, settings: SampleSettings) -> None:
        self._model, self._how = model, settings
        self.settings: Mapping[str, Any] = {"model": model.name, **settings.model_dump(mode="json")}

    async def make(self, row: Values) -> dict[str, Any]:
        """Answers to a row. Raises CallError: if one cannot be had, there are none, since all are to be compared."""
        asked = read_row(row)
        room = room_for(self._how.refiner, (await self._model.capabilities()).context_tokens)
        lengths = DataSettings(train="-", prompt_tokens=room.prompt, answer_tokens=room.answer, total_tokens=room.total)
        prompt = await abuild(asked, lengths, self._model.count_tokens)
        replies = await self._ask(prompt.call, room)
        made: dict[str, Any] = {
            "samples": [{"text": reply.text, "finish": reply.finish} for reply in replies],
            USED: _sum(replies),
        }
        return made | ({SHOWN: row_values(prompt.row)["snippets"]} if prompt.left_out or prompt.shortened else {})

    async def _ask(self, call: ChatCall, room: Room) -> list[ChatReply]:
        most = max(room.answer, room.total - estimate_messages(call.messages)) if call.thinking else room.answer
        how = self._how
        draws = [
            Sampling(max_tokens=most, temperature=how.temperature, top_p=how.top_p, seed=how.seed + number)
            for number in range(how.n)
        ]
        try:
            async with asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(self._model.complete(call.model_copy(update={"sampling": draw})))
                    for draw in draws
                ]
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in asked]


def _sum(replies: Sequence[ChatReply]) -> dict[str, Any]:
    usage = replies[0].usage
    for reply in replies[1:]:
        usage = usage + reply.usage
    return usage.model_dump(mode="json")


def shown_row(row: Values) -> TrainingRow:
    """The row as the model that was sampled saw it, so that S1…Sn of its answers mean the same."""
    return read_row({**row, "snippets": row[SHOWN]} if row.get(SHOWN) else row)


