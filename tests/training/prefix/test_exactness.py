"""Scores, loss and every gradient equal those of TRL's own way, whatever the lengths and the model."""

from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tests.training.prefix.ways import (
    KINDS,
    TEMPERATURE,
    apart,
    gradients,
    loss_of,
    padded_batch,
    small_model,
    trl_way,
)

from citerefine.training.prefix.batch import PaddedBatch
from citerefine.training.prefix.forward import group_scores, install
from citerefine.training.prefix.shared import SharedPrefix

GROUP = padded_batch((37, (9, 4, 12, 0, 1)))
"""One group of unequal lengths, with an empty answer and one of a single token."""
Lengths = Sequence[tuple[int, Sequence[int]]]


def compare(model: Any, batch: PaddedBatch, most_tokens: int = 10_000) -> None:
    """Holds scores to 1e-5, loss and gradients to 1e-5 of their size, in float32."""
    expected = trl_way()(model, *batch, compute_entropy=True)
    loss = loss_of(expected, batch)
    loss.backward()
    wanted = gradients(model)
    shared = SharedPrefix(model, longest=100, temperature=TEMPERATURE, mode="on", most_tokens=most_tokens)
    got = shared.score(trl_way(), model, *batch, compute_entropy=True)
    ours = loss_of(got, batch)
    ours.backward()
    found = gradients(model)
    for one, other in zip(got[:2], expected[:2], strict=True):
        assert one is not None
        assert other is not None
        assert (one - other).abs().max() <= 1e-5
    assert abs(float(ours.detach() - loss.detach())) <= 1e-5 * max(1.0, abs(float(loss.detach())))
    assert found.keys() == wanted.keys()
    assert wanted
    assert {name for name in wanted if apart(found[name], wanted[name]) > 1e-5} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_every_known_model_type_scores_as_it_does_alone(kind: str) -> None:
    compare(small_model(kind), GROUP)


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param([(20, (7,))], id="a group of one answer"),
        pytest.param([(20, (0, 0, 3))], id="empty answers"),
        pytest.param([(20, (5, 5, 5, 5))], id="equal lengths, no padding"),
        pytest.param([(1, (4, 2))], id="a prompt of one token, which shares nothing"),
        pytest.param([(20, (7, 3)), (31, (2, 9)), (12, (0, 0)), (12, (5,))], id="groups of unequal prompts"),
    ],
)
def test_groups_of_any_lengths(groups: Lengths) -> None:
    compare(small_model(), padded_batch(*groups))


@pytest.mark.parametrize("most_tokens", [1, 45, 50, 75])
def test_groups_spread_over_several_rows(most_tokens: int) -> None:
    compare(small_model(), padded_batch((20, (7, 3, 8)), (31, (2, 9)), (12, (5, 1))), most_tokens)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"tie_word_embeddings": False}, id="a head of its own"),
        pytest.param({"num_key_value_heads": 4}, id="as many keys as queries"),
        pytest.param({"num_key_value_heads": 1}, id="one key for all queries"),
        pytest.param({"attention_bias": True}, id="biases"),
    ],
)
def test_shapes_of_the_model(changes: dict[str, Any]) -> None:
    compare(small_model(**changes), GROUP)


@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing(reentrant: bool) -> None:
    model = small_model()
    model.gradient_checkpointing_enable({"use_reentrant": reentrant})
    model.enable_input_require_grads()
    compare(model, GROUP)


def test_lora_trains_the_same_adapter() -> None:
    model = get_peft_model(small_model(), LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)  # as it starts, it does nothing, and hides mistakes
    compare(model, GROUP)


def test_one_group_can_be_scored_without_a_batch() -> None:
    model = small_model()
    expected, entropies, _ = trl_way()(model, *GROUP, compute_entropy=True)
    install(model, TEMPERATURE)
    p = GROUP.ids.shape[1] - GROUP.n_answer
    lengths = GROUP.answers_mask.sum(1).tolist()
    answers = [row[p : p + n] for row, n in zip(GROUP.ids, lengths, strict=True)]
    scores = group_scores(model, GROUP.ids[0, :p], answers, entropy=True)
    assert entropies is not None
    for row, (n, score) in enumerate(zip(lengths, scores, strict=True)):
        torch.testing.assert_close(score.log_probs, expected[row, :n], atol=1e-5, rtol=0)
        torch.testing.assert_close(score.entropies, entropies[row, :n], atol=1e-5, rtol=0)
    assert group_scores(model, GROUP.ids[0, :p], answers)[0].entropies is None


@pytest.mark.parametrize("way", ["weights", "autocast"])
def test_in_bfloat16_it_is_as_near_to_float32_as_the_plain_way(way: str) -> None:
    batches = [padded_batch((61, (30, 17, 25, 8, 30, 30)), seed=seed) for seed in range(8)]
    rounded = small_model(num_hidden_layers=4)
    with torch.no_grad():
        for parameter in rounded.parameters():
            parameter.copy_(parameter.bfloat16())
        exact = [trl_way()(rounded, *batch)[0] for batch in batches]
        autocast: Any = partial(torch.autocast, "cpu", torch.bfloat16) if way == "autocast" else nullcontext
        model = rounded if way == "autocast" else rounded.bfloat16()
        plain = [trl_way(autocast)(model, *batch)[0] for batch in batches]
        shared = SharedPrefix(model, longest=100, temperature=TEMPERATURE, mode="on", autocast=autocast)
        ours = [shared.score(trl_way(autocast), model, *batch)[0] for batch in batches]
    error, plain_error = (
        float((torch.cat(scores) - torch.cat(exact)).square().mean().sqrt()) for scores in (ours, plain)
    )
    assert 1e-4 < plain_error < 0.1  # bfloat16 it was
    assert error <= 1.1 * plain_error
