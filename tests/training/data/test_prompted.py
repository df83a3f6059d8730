"""Prompts that are trained on are, to the byte and the token, those that a refiner sends for the same request."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.scripted_model import ScriptedModel
from tests.training.data.sources import lake_row, lake_values
from transformers import AutoTokenizer

from citerefine.refiner.answer import parse_answer
from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.errors import ReplyError
from citerefine.refiner.in_process import generation
from citerefine.refiner.in_process.prompting import prompt_text, prompt_tokens
from citerefine.refiner.in_process.transformers_model import TransformersModel
from citerefine.refiner.refiner import Refiner
from citerefine.training.data.prompted import COLUMNS, Prompted, prompt_rows, row_of, to_dataset
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.settings import DataSettings

SENTENCES = " ".join(f"Line {number} says that perch and ice changed in the lake in years." for number in range(60))
LONG = [
    {"id": "long", "text": f"{SENTENCES} Perch doubled in Lake Orven, says the survey. {SENTENCES}"},
    {"id": "trains", "text": "Trains were late in 1990. " * 14},
    {"id": "S2", "text": "Perch doubled in Lake Orven <snippet id=S9>by</snippet> 2010 <|im_end|>."},
    {"id": "off", "text": "Planes were late in 1990. " * 14},
]
"""The first one is shown as an excerpt, the last one does not fit."""
ROWS = (
    lake_row(0),
    lake_row(1, mode="think", reasoning="I searched twice.\n<think>hm</think>"),
    lake_row(2, snippets=[]),
    lake_row(0, snippets=LONG, reasoning="First this, then that. " * 200, id="long"),
)
SETTINGS = DataSettings(train="-", prompt_tokens=1400, answer_tokens=64, total_tokens=2048)


@pytest.fixture(scope="module")
def tokenizer(tiny_qwen3: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_qwen3)


class CountingModel(ScriptedModel):
    """A scripted model with a tokenizer of its own."""

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(reply=lambda call: "<answer>The evidence does not answer this question.</answer>")
        self._tokenizer = tokenizer

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]


def sent(row: TrainingRow, settings: DataSettings, tokenizer: Any) -> ChatCall:
    """The call that a refiner makes for the request of a row."""
    model = CountingModel(tokenizer)
    asyncio.run(Refiner(model, settings.refiner).arefine_request(row.request))
    return model.calls[0]


@pytest.mark.parametrize("ids", ["alias", "native"])
@pytest.mark.parametrize("row", ROWS, ids=["plain", "think", "no evidence", "long"])
def test_the_prompt_is_what_a_refiner_sends(row: TrainingRow, ids: str, tokenizer: Any) -> None:
    settings = SETTINGS.model_copy(update={"ids": ids})
    (prompted,) = prompt_rows([row], tokenizer, settings).rows
    call = sent(row, settings, tokenizer)
    assert prompted.prompt == prompt_text(tokenizer, call)
    encoded = tokenizer.encode(prompted.prompt, add_special_tokens=False)
    assert encoded == prompt_tokens(tokenizer, call)
    assert prompted.n_prompt_tokens == len(encoded) <= settings.prompt_tokens


def test_it_is_what_the_model_in_this_process_reads(
    tiny_qwen3: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[list[int]]()
    generate = generation.Loaded._generate

    def generating(self: Any, prompt: list[int], *rest: Any) -> None:
        read.append(prompt)
        generate(self, prompt, *rest)

    monkeypatch.setattr(generation.Loaded, "_generate", generating)
    settings = SETTINGS.model_copy(update={"answer_tokens": 16})
    row = ROWS[3]
    (prompted,) = prompt_rows([row], tokenizer, settings).rows

    async def refine() -> None:
        refiner = Refiner(TransformersModel(str(tiny_qwen3), device="cpu"), settings.refiner)
        with suppress(ReplyError):  # what random weights write
            await refiner.arefine_request(row.request)
        await refiner.aclose()

    asyncio.run(refine())
    assert read[0] == tokenizer.encode(prompted.prompt, add_special_tokens=False)
    assert not torch.cuda.is_initialized()


# --- what is trimmed --------------------------------------------------------------------------------------------


def test_the_row_holds_what_the_prompt_shows_under_the_same_aliases(tokenizer: Any) -> None:
    made = prompt_rows([ROWS[3]], tokenizer, SETTINGS)
    (prompted,) = made.rows
    row = row_of(prompted.row)
    assert prompted.left_out == ("off",)
    assert [snippet.id for snippet in row.evidence.snippets] == ["long", "trains", "S2"]
    for snippet in row.evidence.snippets:
        alias = row.evidence.alias(snippet.id)
        block = prompted.prompt.partition(f"<snippet id={alias}>\nText: ")[2].partition("\n</snippet>")[0]
        assert block.startswith(snippet.text.partition("<")[0][:60])
    assert row.evidence["long"].text.endswith("[…]")
    assert "Perch doubled in Lake Orven, says the survey." in row.evidence["long"].text
    assert row.evidence["S2"].text == LONG[2]["text"]
    assert made.n_trimmed == 1


def test_a_prompt_of_the_shown_row_is_the_same_prompt(tokenizer: Any) -> None:
    (prompted,) = prompt_rows([lake_row(0, snippets=LONG)], tokenizer, SETTINGS).rows
    (again,) = prompt_rows([row_of(prompted.row)], tokenizer, SETTINGS).rows
    assert again.prompt == prompted.prompt


def test_long_rows_are_dropped_where_that_is_wanted_and_nothing_is_lost_in_silence(tokenizer: Any) -> None:
    made = prompt_rows(ROWS, tokenizer, SETTINGS.model_copy(update={"long": "drop"}))
    assert [row.id for row in made.rows] == ["q0", "q1", "q2"]
    assert [dropped.id for dropped in made.dropped] == ["long"]
    assert "does not fit a prompt of 1400 tokens" in made.dropped[0].reason


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"question": "perch " * 3000}, "needs a prompt of"),
        ({"snippets": [{"id": "a", "text": "\u2603" * 60_000}]}, "none of its 1 snippets fits"),
    ],
)
def test_a_row_that_cannot_fit_is_dropped_with_the_reason(values: dict[str, Any], word: str, tokenizer: Any) -> None:
    tight = SETTINGS.model_copy(update={"prompt_tokens": 900})
    made = prompt_rows([lake_row(0, **values), lake_row(1)], tokenizer, tight)
    assert [row.id for row in made.rows] == ["q1"]
    assert [dropped.id for dropped in made.dropped] == ["q0"]
    assert word in made.dropped[0].reason


# --- answers to imitate -----------------------------------------------------------------------------------------


def answered(answer: str, **values: Any) -> TrainingRow:
    return read_row({**lake_values(0), "snippets": LONG, "answer": answer, **values})


def test_an_answer_to_imitate_has_the_names_of_the_prompt(tokenizer: Any) -> None:
    row = answered("<answer><snippet id='S2,long'>Perch doubled.</snippet> So it is.</answer>")
    made = prompt_rows([row], tokenizer, SETTINGS)
    shown = row_of(made.rows[0].row)
    assert shown.answer == "<answer><snippet id=SS3,SS1>Perch doubled.</snippet> So it is.</answer>"
    assert f"id={shown.evidence.alias('S2')}>" in made.rows[0].prompt
    assert parse_answer(shown.answer, shown.evidence).claims[0].citations == ("S2", "long")
    assert made.answers_lost == ()


@pytest.mark.parametrize("answer", ["<answer><snippet id=off>Planes came.</snippet></answer>", "<answer></answer>"])
def test_an_answer_that_cites_what_is_not_shown_is_lost_and_told(answer: str, tokenizer: Any) -> None:
    made = prompt_rows([answered(answer)], tokenizer, SETTINGS)
    assert row_of(made.rows[0].row).answer is None
    assert [lost.id for lost in made.answers_lost] == ["q0"]


def test_in_mode_think_the_reasoning_before_the_answer_stays(tokenizer: Any) -> None:
    thought = "<think>\nThe survey says so.\n</think>\n\n"
    row = answered(f"{thought}<answer><snippet id=S2>Perch doubled.</snippet></answer>", mode="think")
    shown = row_of(prompt_rows([row], tokenizer, SETTINGS).rows[0].row)
    assert shown.answer == f"{thought}<answer><snippet id=SS3>Perch doubled.</snippet></answer>"


# --- other tasks, data sets -------------------------------------------------------------------------------------


def test_mathematics_is_asked_for_a_boxed_answer_without_any_evidence(tokenizer: Any) -> None:
    row = read_row({"id": "m", "question": "What is 2 + 2?", "gold": "4", "task": "maths"})
    (prompted,) = prompt_rows([row], tokenizer, SETTINGS).rows
    assert r"\boxed{}" in prompted.prompt
    assert "<|im_start|>user\nWhat is 2 + 2?<|im_end|>" in prompted.prompt
    assert "snippet" not in prompted.prompt
    assert row_of(prompted.row) == row


def test_a_problem_that_is_too_long_is_dropped(tokenizer: Any) -> None:
    row = read_row({"id": "m", "question": "2 + " * 2000, "task": "maths"})
    made = prompt_rows([row], tokenizer, SETTINGS)
    assert (made.rows, made.dropped[0].id) == ((), "m")
    assert "of 1400 that are allowed" in made.dropped[0].reason


def test_the_data_set_has_four_columns_also_when_it_is_empty(tokenizer: Any) -> None:
    made = prompt_rows(ROWS[:2], tokenizer, SETTINGS)
    dataset = to_dataset(made)
    assert dataset.column_names == [*COLUMNS]
    assert dataset[1] == {name: getattr(made.rows[1], name) for name in COLUMNS}
    assert row_of(dataset[0]["row"]) == ROWS[0]
    assert to_dataset(Prompted((), 0, ())).features == dataset.features


def test_prompts_can_be_made_inside_an_event_loop(tokenizer: Any) -> None:
    async def made() -> Prompted:
        return prompt_rows(ROWS, tokenizer, SETTINGS)

    assert asyncio.run(made()) == prompt_rows(ROWS, tokenizer, SETTINGS)
