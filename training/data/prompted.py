"""Rows as a policy is asked them: the rendered prompt, and the row that its completions are judged by.

In: training rows, the policy's tokenizer, lengths. Out: `Prompted`; a `datasets.Dataset` of it with the columns `id`,
`prompt`, `row` (the row as JSON) and `n_prompt_tokens`. Prompts are the text that `hf:` models are given for the same
request, so that training, evaluation and use see the same tokens. Not here: which prompt a task has (tasks/), splits.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from citerefine.refiner.errors import CallError
from citerefine.refiner.in_process.prompting import prompt_text
from citerefine.refiner.prompts.fit import Count
from citerefine.refiner.records import Record
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import build
from citerefine.training.data.tasks.prompt import TaskPrompt

COLUMNS: Final = ("id", "prompt", "row", "n_prompt_tokens")


class PromptedRow(Record):
    """A row with its prompt."""

    id: str
    prompt: str
    """In the model's chat format, its control tokens as text; to be encoded without adding any."""
    n_prompt_tokens: int
    """By the tokenizer, exactly."""
    row: str
    """JSON of the `TrainingRow` whose evidence is what the prompt shows; see `row_of`."""
    left_out: tuple[str, ...] = ()
    """Ids of snippets that the prompt does not show."""


class Dropped(NamedTuple):
    """A row, or an answer, that is not trained on."""

    id: str
    reason: str


class Prompted(NamedTuple):
    """What became of rows."""

    rows: tuple[PromptedRow, ...]
    n_trimmed: int
    """Rows whose prompt shows less than all."""
    dropped: tuple[Dropped, ...]
    """Rows without a prompt."""
    answers_lost: tuple[Dropped, ...] = ()
    """Rows that kept their prompt and lost the answer to imitate, since it is empty or cites what is not shown."""


def prompt_rows(rows: Iterable[TrainingRow], tokenizer: Any, settings: DataSettings) -> Prompted:
    """The rows with their prompts, in their order.

    Args:
        rows: any.
        tokenizer: of the policy, with a chat template.
        settings: lengths, names of snippets, what becomes of long rows.

    Raises:
        CallError: `bad_request`, if the tokenizer has no chat template.
    """

    async def count(texts: Sequence[str]) -> list[int]:
        return [_count(tokenizer, text) for text in texts]

    prompted, dropped, lost, n_trimmed = list[PromptedRow](), list[Dropped](), list[Dropped](), 0
    for row in rows:
        made = _make(row, tokenizer, settings, count)
        if isinstance(made, Dropped):
            dropped.append(made)
            continue
        asked, made_row = made
        prompted.append(made_row)
        n_trimmed += asked.trimmed
        if row.answer is not None and asked.row.answer is None:
            lost.append(Dropped(row.id, "its answer is empty, or cites snippets that the prompt does not show"))
    return Prompted(tuple(prompted), n_trimmed, tuple(dropped), tuple(lost))


def _make(
    row: TrainingRow, tokenizer: Any, settings: DataSettings, count: Count
) -> Dropped | tuple[TaskPrompt, PromptedRow]:
    try:
        asked = build(row, settings, count)
    except CallError as error:
        return Dropped(row.id, str(error))
    if asked.trimmed and settings.long == "drop":
        return Dropped(row.id, f"its evidence or reasoning does not fit a prompt of {settings.prompt_tokens} tokens")
    prompt = prompt_text(tokenizer, asked.call)
    n_tokens = _count(tokenizer, prompt)
    if n_tokens > settings.prompt_tokens:
        return Dropped(row.id, f"its prompt has {n_tokens} tokens, of {settings.prompt_tokens} that are allowed")
    return asked, PromptedRow(
        id=row.id,
        prompt=prompt,
        n_prompt_tokens=n_tokens,
        row=asked.row.model_dump_json(),
        left_out=asked.left_out,
    )


def _count(tokenizer: Any, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False))


def to_dataset(prompted: Prompted) -> Any:
    """The rows as a `datasets.Dataset` with the columns `COLUMNS`."""
    from datasets import Dataset, Features, Value

    # `large_string`: the offsets of `string` end at 2 GB a column.
    kinds = {"id": "string", "prompt": "large_string", "row": "large_string", "n_prompt_tokens": "int64"}
    columns = {name: [getattr(row, name) for row in prompted.rows] for name in COLUMNS}
    return Dataset.from_dict(columns, features=Features({name: Value(kinds[name]) for name in COLUMNS}))


@lru_cache(maxsize=256)
def row_of(json: str) -> TrainingRow:
    """The row of a data set's column `row`. Raises pydantic's ValidationError for any other text."""
    return TrainingRow.model_validate_json(json)
