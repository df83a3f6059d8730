"""The sums of the demonstration: what is asked, and what is held out."""

from citerefine.training.data.prompted import prompt_rows
from citerefine.training.data.row_reading import read_row
from citerefine.training.data.row_values import row_values
from citerefine.training.data.settings import DataSettings
from citerefine.training.demo.arithmetic import make_sums, side_of_sum
from citerefine.training.demo.tokenizer import make_tokenizer
from citerefine.training.rewards.maths_worker import compare


def numbers(question: str) -> tuple[int, int]:
    first, second = question.removeprefix("What is ").removesuffix("?").split(" + ")
    return int(first), int(second)


def test_every_sum_has_its_result_and_an_answer_that_is_right() -> None:
    for row in make_sums(300, 0, "train"):
        assert sum(numbers(row.question)) == int(row.gold or "")
        assert row.answer == f"\\boxed{{{row.gold}}}"
    assert read_row(row_values(row)) == row
    assert compare(row.gold or "", row.answer or "") == {"correct": True}


def test_no_sum_is_both_trained_on_and_tested() -> None:
    sides = {side: {numbers(row.question) for row in make_sums(2000, 3, side)} for side in ("train", "test")}
    assert not sides["train"] & sides["test"]
    assert len(sides["train"] | sides["test"]) == 1000
    assert 150 < len(sides["test"]) < 250
    assert all(side_of_sum(*pair) == "test" for pair in sides["test"])


def test_rows_are_the_same_for_the_same_seed_and_come_again_only_when_all_were_there() -> None:
    assert make_sums(50, 1, "train") == make_sums(50, 1, "train")
    assert make_sums(50, 1, "train") != make_sums(50, 2, "train")
    questions = [row.question for row in make_sums(800, 1, "train")]
    assert len({*questions[:780]}) == 780


def test_prompt_and_answer_are_short() -> None:
    settings = DataSettings(train="rows.jsonl", prompt_tokens=128, answer_tokens=16, total_tokens=432)
    tokenizer = make_tokenizer()
    prompted = prompt_rows(make_sums(20, 0, "train"), tokenizer, settings)
    assert max(row.n_prompt_tokens for row in prompted.rows) < 25
    assert len(tokenizer.encode("\\boxed{105}", add_special_tokens=False)) == 5
