"""A checkpoint of another run is told from one of this run, with what differs."""

from citerefine.training.grpo.identity import data_key, differences, flattened, texts_key


def test_the_same_run_differs_in_nothing() -> None:
    run = {"train": {"seed": 1, "lora": None}, "data": "ab"}
    assert differences(run, dict(run)) == []


def test_each_value_that_differs_has_a_line() -> None:
    saved = {"train": {"seed": 1, "beta": 0.0}, "data": "ab", "gone": 1}
    assert differences(saved, {"train": {"seed": 2, "beta": 0.0}, "data": "cd", "new": 2}) == [
        "train.seed: 1 → 2",
        "data: 'ab' → 'cd'",
        "gone: 1 → None",
        "new: None → 2",
    ]


def test_where_and_how_fast_a_run_goes_may_change() -> None:
    saved = {"train": {"save_steps": 1, "vllm_url": "http://a", "gradient_checkpointing": True}}
    now = {"train": {"save_steps": 9, "vllm_url": "http://b", "gradient_checkpointing": False}}
    assert differences(saved, now) == []


def test_a_run_may_be_made_longer_if_its_schedule_does_not_know_the_end() -> None:
    def run(steps: int, schedule: str) -> dict[str, object]:
        return {"train": {"steps": steps, "schedule": schedule}, "sft": {"steps": 5, "schedule": "cosine"}}

    assert differences(run(10, "constant_with_warmup"), run(20, "constant_with_warmup")) == []
    assert differences(run(10, "cosine"), run(20, "cosine")) == ["train.steps: 10 → 20"]


def test_empty_sections_count() -> None:
    assert flattened({"a": {}, "b": {"c": {"d": 1}}}) == {"a": {}, "b.c.d": 1}


def test_data_are_known_by_rows_and_order() -> None:
    assert texts_key(["a", "b"]) == texts_key(["a", "b"])
    assert len({texts_key(["a", "b"]), texts_key(["b", "a"]), texts_key(["ab"]), texts_key([])}) == 4


def test_data_are_known_by_what_their_answers_are_rewarded_by_too() -> None:
    one = {"id": ["q"], "prompt": ["Why?"], "row": ['{"gold": "1"}']}
    assert data_key(one) == data_key(one | {"more": ["x"]})
    assert len({data_key(one), data_key(one | {"row": ['{"gold": "2"}']}), data_key(one | {"id": ["p"]})}) == 3
