"""Prompts that are computed once give the answers that TRL samples, token by token."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.grpo.tiny_runs import Scripted, prompts, trainer
from tests.training.prefix.ways import KINDS, small_model
from transformers import GenerationConfig
from trl import GRPOTrainer

from citerefine.training.grpo.generating import Listener, distinct, generate_shared, until_end
from citerefine.training.grpo.settings import LoraSettings

CPU = torch.device("cpu")
LENGTHS = (7, 3, 1, 12)
END = 5


def rows(group: int = 4) -> list[list[int]]:
    """Groups of random prompts of different lengths, one of them a single token."""
    chance = torch.Generator().manual_seed(3)
    drawn = [torch.randint(6, 300, (n,), generator=chance).tolist() for n in LENGTHS]
    return [prompt for prompt in drawn for _ in range(group)]


def config(*, sample: bool) -> GenerationConfig:
    chosen = {"do_sample": True, "temperature": 1.3} if sample else {"do_sample": False}
    return GenerationConfig(max_new_tokens=24, pad_token_id=0, eos_token_id=END, disable_compile=True, **chosen)


def generated(call: Callable[[], torch.Tensor]) -> torch.Tensor:
    torch.manual_seed(1)
    with torch.no_grad():
        return call()


@pytest.mark.parametrize("sample", [False, True], ids=["greedy", "sampled"])
@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_prompts_computed_for_each_answer(kind: str, sample: bool) -> None:
    model, given = small_model(kind).eval(), distinct(rows(), 0, CPU)
    ids, mask = given.ids[given.owner_B], given.mask[given.owner_B]
    chosen = config(sample=sample)
    plain = generated(lambda: model.generate(input_ids=ids, attention_mask=mask, generation_config=chosen))
    assert torch.equal(generated(lambda: generate_shared(model, rows(), chosen, 0, CPU)), plain[:, ids.size(1) :])


@pytest.mark.parametrize(
    ("prompts_B", "widths"),
    [(rows(), [(4, 11), (16, 1)]), (rows(1), [(4, 12)]), ([[7]] * 4, [(4, 1)])],
    ids=["groups", "each its own", "a single token"],
)
def test_each_prompt_goes_through_the_model_once(prompts_B: list[list[int]], widths: list[tuple[int, int]]) -> None:
    model = small_model().eval()
    seen: list[tuple[int, ...]] = []
    model.model.embed_tokens.register_forward_hook(lambda module, args, output: seen.append(tuple(args[0].shape)))
    generated(lambda: generate_shared(model, prompts_B, config(sample=True), 0, CPU))
    assert seen[: len(widths)] == widths
    assert {shape[1] for shape in seen[len(widths) :]} == {1}


def test_only_what_repeats_the_row_before_is_left_out() -> None:
    given = distinct([[8], [8], [7, 9], [8]], 0, CPU)
    assert given.ids.tolist() == [[0, 8], [7, 9], [0, 8]]
    assert given.mask.tolist() == [[0, 1], [1, 1], [0, 1]]
    assert given.owner_B.tolist() == [0, 0, 1, 2]


def test_an_answer_ends_with_the_first_token_that_ends_it() -> None:
    assert until_end(torch.tensor([[1, 5, 5], [5, 1, 1], [1, 2, 3]]), [END, 6]) == [[1, 5], [5], [1, 2, 3]]


@pytest.mark.parametrize(
    "changes",
    [{}, {"lora": LoraSettings(rank=2)}, {"gradient_checkpointing": True}, {"micro_rows": 2}],
    ids=["all weights", "lora", "checkpointing", "part of a group a pass"],
)
def test_the_trainer_samples_what_trl_samples(tiny_qwen3: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    made = trainer(tiny_qwen3, tmp_path, prompts_per_step=3, **changes)
    if "lora" in changes:
        _move_adapters(made)
    texts = [prompt for prompt in prompts()["prompt"][:3] for _ in range(4)]
    ids = made._tokenize_prompts(texts)[0]
    made.model.train()

    def sampled(turn: Callable[..., Any]) -> Any:
        torch.manual_seed(1)
        return turn(ids, None, {}, 4)

    ours = sampled(made._generate_single_turn)
    assert ours == sampled(lambda *given: GRPOTrainer._generate_single_turn(made, *given))
    assert made.model.training
    assert len({tuple(row) for row in ours[0]}) > 1


def _move_adapters(made: Scripted) -> None:
    """LoRA begins as no change at all."""
    torch.manual_seed(0)
    for name, parameter in made.model.named_parameters():
        if "lora_B" in name:
            parameter.data.normal_()


@pytest.mark.parametrize("why", ["off", "unfit"])
def test_where_prompts_cannot_be_shared_each_row_computes_its_own(tiny_qwen3: Path, tmp_path: Path, why: str) -> None:
    made = trainer(tiny_qwen3, tmp_path, shared_prefix="off" if why == "off" else "auto")
    if why == "unfit":
        made.model.config.attention_dropout = 0.5
    made.model.train()
    widths: list[tuple[int, ...]] = []
    made.model.model.embed_tokens.register_forward_hook(lambda _, args, __: widths.append(tuple(args[0].shape)))
    ids = made._tokenize_prompts([prompt for prompt in prompts()["prompt"][:2] for _ in range(4)])[0]

    def sampled(turn: Callable[..., Any]) -> Any:
        torch.manual_seed(1)
        return turn(ids, None, {}, 4)

    ours = sampled(made._generate_single_turn)
    assert widths[0] == (8, max(map(len, ids)))
    assert ours == sampled(lambda *given: GRPOTrainer._generate_single_turn(made, *given))


def test_a_listener_hears_of_each_group_that_ends_and_changes_no_answer() -> None:
    model, chosen, ends = small_model().eval(), config(sample=True), {END, *range(6, 60)}
    chosen.eos_token_id = [*ends]
    plain = generated(lambda: generate_shared(model, rows(2), chosen, 0, CPU))
    told = dict[int, list[list[int]]]()

    def tell(first: int, ids: list[list[int]]) -> None:
        assert first not in told
        told[first] = ids

    heard = generated(lambda: generate_shared(model, rows(2), chosen, 0, CPU, listener=Listener(2, ends, tell)))
    assert torch.equal(heard, plain)
    whole = until_end(plain, ends)
    ended = [first for first in range(0, 8, 2) if all(ids[-1] in ends for ids in whole[first : first + 2])]
    assert ended
    assert told == {first: whole[first : first + 2] for first in ended}
