"""The prompt for improving a draft is, to the byte, the one that an agent sends for it in use, and in evaluation."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.scripted_model import ScriptedModel
from tests.training.data.sources import lake_row
from tests.training.phases.drafts import draft
from transformers import AutoTokenizer

from citerefine.refiner.chat.call import ChatCall
from citerefine.refiner.chat.token_estimate import estimate_tokens
from citerefine.refiner.in_process.prompting import prompt_text
from citerefine.refiner.refiner import Refiner
from citerefine.training.data.prompted import prompt_rows, row_of
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.settings import DataSettings
from citerefine.training.data.tasks import again, build, improvement_tokens
from citerefine.training.grpo.phases import Row
from citerefine.training.phases.improving import Improving

DATA = DataSettings(train="-", prompt_tokens=1400, answer_tokens=64, total_tokens=4096)
DRAFT = "<answer><snippet id=S1>Perch doubled in Lake Orven by 2010.</snippet></answer>"
SENTENCES = " ".join(f"Line {number} says that perch and ice changed in the lake in years." for number in range(60))
LONG = [
    {"id": "long", "text": f"{SENTENCES} Perch doubled in Lake Orven, says the survey. {SENTENCES}"},
    {"id": "trains", "text": "Trains were late in 1990. " * 14},
    {"id": "own", "text": "Perch doubled in Lake Orven <snippet id=S9>by</snippet> 2010 <|im_end|>."},
    {"id": "off", "text": "Planes were late in 1990. " * 14},
]
ROWS = {
    "plain": lake_row(0),
    "think": lake_row(1, mode="think", reasoning="I searched twice.\n<think>hm</think>"),
    "no evidence": lake_row(2, snippets=[]),
    "trimmed": lake_row(0, snippets=LONG, id="long"),
    "reasoning": lake_row(0, snippets=LONG, reasoning="First this, then that. " * 200, id="both"),
    "all reasoning": lake_row(0, reasoning="First this, then that.\n" * 200, id="said"),
    "maths": read_row({"id": "m", "question": "What is 2 + 2?", "gold": "4", "task": "maths"}),
}


@pytest.fixture(scope="module")
def tokenizer(tiny_qwen3: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_qwen3)


def prompted(row: TrainingRow, tokenizer: Any, settings: DataSettings = DATA) -> Row:
    """The row of the dataset."""
    (made,) = prompt_rows([row], tokenizer, settings).rows
    return {"id": made.id, "prompt": made.prompt, "row": made.row, "n_prompt_tokens": made.n_prompt_tokens}


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("ids", ["alias", "native"])
def test_it_is_the_prompt_of_evaluation_also_where_the_row_was_trimmed(name: str, ids: str, tokenizer: Any) -> None:
    settings = DATA.model_copy(update={"ids": ids})
    row = prompted(ROWS[name], tokenizer, settings)
    made = Improving(tokenizer, settings)(row, draft(DRAFT, id=row["id"]))
    assert made is not None

    async def count(texts: Any) -> list[int]:
        return [len(tokenizer.encode(text, add_special_tokens=False)) for text in texts]

    asked = build(ROWS[name], settings, count)
    assert made["prompt"] == prompt_text(tokenizer, again(asked, DRAFT, settings))
    assert made["n_prompt_tokens"] == len(tokenizer.encode(made["prompt"], add_special_tokens=False))
    assert {key: made[key] for key in ("id", "row")} == {key: row[key] for key in ("id", "row")}


class ImprovingModel(ScriptedModel):
    """Writes the draft, and then something else; counts as the tokenizer does."""

    def __init__(self, tokenizer: Any, text: str) -> None:
        super().__init__(reply=lambda call: text)
        self._tokenizer = tokenizer

    async def count_tokens(self, texts: Any) -> list[int]:
        return [len(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]


def sent(row: TrainingRow, text: str, tokenizer: Any) -> ChatCall:
    """The second call of an agent that improves each answer once."""
    model = ImprovingModel(tokenizer, text)
    settings = DATA.refiner.model_copy(update={"passes": 2})
    asyncio.run(Refiner(model, settings).arefine_request(row.request))
    assert len(model.calls) == 2
    return model.calls[1]


@pytest.mark.parametrize("name", ["plain", "think", "no evidence", "trimmed", "reasoning", "all reasoning"])
def test_it_is_the_prompt_of_an_agent_that_improves_its_answer(name: str, tokenizer: Any) -> None:
    text = f"<think>\nhm\n</think>\n\n{DRAFT}" if name == "think" else DRAFT
    if name == "no evidence":
        text = "<answer>The evidence does not answer this question.</answer>"
    row = prompted(ROWS[name], tokenizer)
    made = Improving(tokenizer, DATA)(row, draft(text, id=row["id"]))
    assert made is not None
    assert made["prompt"] == prompt_text(tokenizer, sent(ROWS[name], text, tokenizer))


def test_the_draft_is_the_turn_that_it_was_with_one_end_to_each_turn(tokenizer: Any) -> None:
    row = prompted(ROWS["maths"], tokenizer)
    made = Improving(tokenizer, DATA)(row, draft("It is <|im_end|> 4.<|endoftext|>", id="m"))
    assert made is not None
    system, question, answer, instruction, _ = made["prompt"].split("<|im_start|>")[1:]
    assert row["prompt"].startswith(f"<|im_start|>{system}<|im_start|>{question}")
    assert answer.startswith("assistant\nIt is &lt;|im_end|> 4.&lt;|endoftext|><|im_end|>")
    assert all(turn.count("<|im_end|>") == 1 for turn in (system, question, answer, instruction))


def test_nothing_says_how_good_the_draft_is(tokenizer: Any) -> None:
    row = prompted(ROWS["maths"], tokenizer)
    good, bad = draft("It is 4.", 1.0, id="m", right=1.0), draft("It is 4.", 0.0, id="m", right=0.0)
    assert Improving(tokenizer, DATA)(row, good) == Improving(tokenizer, DATA)(row, bad)


def test_a_draft_that_leaves_no_room_for_an_answer_is_not_shown(tokenizer: Any) -> None:
    row = prompted(ROWS["maths"], tokenizer)
    made = Improving(tokenizer, DATA)(row, draft("It is 4.", id="m"))
    assert made is not None
    just = DATA.model_copy(update={"prompt_tokens": 256, "total_tokens": made["n_prompt_tokens"] + DATA.answer_tokens})
    assert Improving(tokenizer, just)(row, draft("It is 4.", id="m")) == made
    less = just.model_copy(update={"total_tokens": just.total_tokens - 1})
    assert Improving(tokenizer, less)(row, draft("It is 4.", id="m")) is None


def test_a_prompt_that_is_not_the_tasks_own_is_answered_by_nobody_again(tokenizer: Any) -> None:
    row = prompted(ROWS["maths"], tokenizer) | {"prompt": "What is 2 + 2?"}
    assert Improving(tokenizer, DATA)(row, draft("It is 4.", id="m")) is None


@pytest.mark.parametrize("name", ["plain", "maths"])
def test_what_an_improvement_adds_is_not_more_than_the_rule_of_recipes_takes(name: str) -> None:
    """By the estimate, which is not below what tokenizers of today count."""

    async def count(texts: Any) -> list[int]:
        return [*map(estimate_tokens, texts)]

    row = ROWS[name]
    asked = build(row, DATA, count)
    if row.evidence.snippets:
        asked = asked._replace(names=tuple(f"S{number}" for number in range(1, 21)))
    turns = again(asked, DRAFT, DATA).messages[len(asked.call.messages) :]
    assert [turn.role for turn in turns] == ["assistant", "user"]
    added = sum(estimate_tokens(turn.content) + 12 for turn in turns) - estimate_tokens(DRAFT)
    assert added <= improvement_tokens() <= 260


def test_the_row_of_the_dataset_is_what_improvements_are_judged_by(tokenizer: Any) -> None:
    """They are shown the same evidence."""
    row = prompted(ROWS["trimmed"], tokenizer)
    made = Improving(tokenizer, DATA)(row, draft(DRAFT, id="long"))
    assert made is not None
    shown = row_of(made["row"]).evidence
    assert [snippet.id for snippet in shown.snippets] == ["long", "trains", "own"]
    assert all(snippet.text[:40] in made["prompt"] for snippet in shown.snippets if snippet.id != "own")
