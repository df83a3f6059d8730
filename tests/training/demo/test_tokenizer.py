"""The tokenizer of the demonstration: short prompts, and any text."""

import pytest

from citerefine.refiner.chat.call import ChatCall, Message
from citerefine.refiner.in_process.prompting import prompt_text
from citerefine.training.data.prompted import PromptedRow, prompt_rows
from citerefine.training.data.settings import DataSettings
from citerefine.training.demo.names import SYLLABLES
from citerefine.training.demo.task import make_rows
from citerefine.training.demo.tokenizer import END, make_tokenizer

_SETTINGS = DataSettings(train="rows.jsonl", prompt_tokens=256, answer_tokens=24, total_tokens=280)


def prompted() -> PromptedRow:
    (row,) = prompt_rows(make_rows(1, 0, "train"), make_tokenizer(), _SETTINGS).rows
    return row


def test_the_refiners_own_prompt_has_few_tokens() -> None:
    row = prompted()
    assert "You answer research questions from evidence." in row.prompt
    assert len(row.prompt) > 1500
    assert row.n_prompt_tokens < 80


def test_all_prompts_of_as_many_snippets_have_the_same_length() -> None:
    rows = prompt_rows(make_rows(50, 0, "test"), make_tokenizer(), _SETTINGS).rows
    assert len(rows) == 50
    assert len({row.n_prompt_tokens for row in rows}) == 1


def test_a_name_is_two_tokens_at_every_place() -> None:
    tokenizer = make_tokenizer()
    for syllable in SYLLABLES:
        first = f" {syllable.capitalize()}"
        ids = tokenizer.encode(f"{first}lo", add_special_tokens=False)
        assert [tokenizer.decode([id]) for id in ids] == [first, "lo"]


def test_opening_tags_are_the_same_token_in_prompt_and_answer() -> None:
    (id,) = encoded("<snippet id=S2>")
    assert id in encoded(prompted().prompt)
    assert id in encoded("<answer><snippet id=S2>Near Kalo")


def test_only_control_tokens_are_added_ones() -> None:
    """A grammar that an answer is kept to does not offer added tokens that have a blank in them."""
    added = make_tokenizer().added_tokens_decoder.values()
    assert [token.content for token in added] == ["<|endoftext|>", "<|im_start|>", END]
    assert all(token.special for token in added)


def test_the_end_of_a_turn_is_a_control_token_and_a_tag_is_none() -> None:
    tokenizer = make_tokenizer()
    (end,) = encoded(END)
    assert end == tokenizer.eos_token_id
    ids = [*encoded("<answer>Near Kalo</answer>"), end]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "<answer>Near Kalo</answer>"


@pytest.mark.parametrize("text", ["", " ", "Kalo", "naïve — 東京 🎣", "<answer", "a\n\nb", "<snippet id=S99>", "xxx"])
def test_any_text_comes_back(text: str) -> None:
    assert make_tokenizer().decode(encoded(text)) == text


def test_a_prompt_comes_back() -> None:
    row = prompted()
    assert make_tokenizer().decode(encoded(row.prompt)) == row.prompt


def test_the_template_writes_an_empty_thinking_block_only_where_nothing_is_to_be_thought() -> None:
    messages = (Message(role="user", content="Hello"),)
    answering = prompt_text(make_tokenizer(), ChatCall(messages=messages, thinking=False))
    thinking = prompt_text(make_tokenizer(), ChatCall(messages=messages, thinking=True))
    assert answering == f"<|im_start|>user\nHello{END}\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    assert thinking == f"<|im_start|>user\nHello{END}\n<|im_start|>assistant\n"


def encoded(text: str) -> list[int]:
    ids: list[int] = make_tokenizer().encode(text, add_special_tokens=False)
    return ids
