"""Prompts for improving drafts, from rows of a dataset: `Improving`.

In: a row as prompts were made of it (training/data/prompted.py), a draft. Out: the row with the prompt that an agent
sends when it has its answer improved (refiner/prompts/second_look.py): the first messages as they were, the draft as
the turn that it was, without special tokens, so that a turn has one end; the instruction. Nothing says how good the
draft is. Not here: which draft (selection.py).
"""

from collections.abc import Sequence
from typing import Any

from citerefine.refiner.errors import CallError
from citerefine.refiner.in_process.prompting import prompt_text
from citerefine.training.data.prompted import row_of
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import again, build
from citerefine.training.grpo.phases import Row
from citerefine.training.phases.draft import Draft


class Improving:
    """Makes prompts for one tokenizer and one set of lengths: those that the dataset was made with."""

    def __init__(self, tokenizer: Any, settings: DataSettings) -> None:
        self._tokenizer, self._settings = tokenizer, settings

    def __call__(self, row: Row, draft: Draft) -> Row | None:
        """The row with the prompt that shows the draft.

        None if prompt and improvement do not fit `total_tokens` together, or if the row's own prompt is not what its
        task asks: then nobody knows which messages the draft answers.
        """
        try:
            asked = build(row_of(row["row"]), self._settings, self._counted)
        except CallError:
            return None
        if prompt_text(self._tokenizer, asked.call) != row["prompt"]:
            return None
        prompt = prompt_text(self._tokenizer, again(asked, draft.text, self._settings))
        n_tokens = self._count(prompt)
        if n_tokens + self._settings.answer_tokens > self._settings.total_tokens:
            return None
        return {**row, "prompt": prompt, "n_prompt_tokens": n_tokens}

    async def _counted(self, texts: Sequence[str]) -> list[int]:
        return [*map(self._count, texts)]

    def _count(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False))
