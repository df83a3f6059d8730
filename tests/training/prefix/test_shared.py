"""The trainer's seam checks itself, says why it does not run, and hands over to TRL's way where it does not fit."""

import warnings
from typing import Any

import pytest
import torch
from peft import LoraConfig, PromptTuningConfig, get_peft_model
from tests.training.prefix.ways import TEMPERATURE, padded_batch, small_model, trl_way
from transformers import GPT2Config, GPT2LMHeadModel

from citerefine.training.errors import TrainingError
from citerefine.training.prefix import attention
from citerefine.training.prefix.plan import PrefixPlan
from citerefine.training.prefix.self_check import FULL, HALF, Agreement, agreement
from citerefine.training.prefix.shared import Mode, SharedPrefix, SharedPrefixWarning
from citerefine.training.prefix.support import refusal

BATCH = padded_batch((20, (3, 8, 5)), (15, (2, 2)))


class Counted:
    """TRL's way, and how many rows it was asked for."""

    def __init__(self) -> None:
        self.rows: list[int] = []

    def __call__(self, model: Any, ids: Any, *args: Any, **kwargs: Any) -> Any:
        self.rows.append(len(ids))
        return trl_way()(model, ids, *args, **kwargs)


def seam(model: Any, mode: Mode = "auto", **how: Any) -> SharedPrefix:
    return SharedPrefix(model, **({"longest": 100, "temperature": TEMPERATURE, "mode": mode} | how))


def sees_the_whole_row(q: Any, k: Any, v: Any, plan: PrefixPlan, scale: float) -> torch.Tensor:
    """A wrong attention: each answer sees the ones before it."""
    return _packed(q, k, v, PrefixPlan(plan.shared, ((sum(map(sum, plan.answers)),),)), scale)


_packed = attention.packed_attention


def test_the_first_batch_is_compared_on_two_answers_and_later_ones_are_not() -> None:
    model, plain = small_model(), Counted()
    shared = seam(model)
    for _ in range(2):
        shared.score(plain, model, *BATCH)
    assert plain.rows == [2]
    assert shared.off is None
    assert shared.agreement is not None
    assert shared.agreement.holds
    assert shared.agreement.n_tokens == 8 + 5


def test_wrong_scores_turn_it_off_and_a_warning_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "packed_attention", sees_the_whole_row)
    model, plain = small_model(), Counted()
    shared = seam(model)
    with pytest.warns(SharedPrefixWarning, match=r"not give the model's own scores: over 13 tokens, .* differ by"):
        got, *_ = shared.score(plain, model, *BATCH)
    assert torch.equal(got, trl_way()(model, *BATCH)[0])
    assert plain.rows == [2, 5]
    assert shared.off is not None
    shared.score(plain, model, *BATCH)  # and no second warning
    assert plain.rows == [2, 5, 5]


def test_wrong_scores_are_an_error_where_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "packed_attention", sees_the_whole_row)
    model = small_model()
    with pytest.raises(TrainingError, match=r'differ by .* Set shared_prefix to "off"'):
        seam(model, "on").score(trl_way(), model, *BATCH)


def test_a_batch_without_any_answer_checks_nothing() -> None:
    model, plain = small_model(), Counted()
    shared = seam(model)
    empty = padded_batch((20, (0, 0)))
    scores, *_ = shared.score(plain, model, *empty)
    scores.sum().backward()  # a rank without answers still has a backward
    assert scores.abs().max() == 0
    assert shared.agreement is None
    assert model.lm_head.weight.grad.abs().max() == 0
    shared.score(plain, model, *BATCH)
    assert shared.agreement is not None


def test_off_leaves_the_model_alone() -> None:
    model, plain = small_model(), Counted()
    shared = seam(model, "off")
    shared.score(plain, model, *BATCH)
    assert plain.rows == [5]
    assert model.config._attn_implementation == "sdpa"
    assert shared.off == "it was turned off"


def test_a_model_that_nobody_prepared_is_scored_the_plain_way() -> None:
    model, other, plain = small_model(), small_model(), Counted()
    shared = seam(model)
    shared.score(plain, other, *BATCH)
    assert plain.rows == [5]
    shared.prepare(other)
    shared.score(plain, other, *BATCH)
    assert plain.rows == [5, 2]


def test_each_model_is_compared_at_its_own_first_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference model comes first, and says nothing of the policy."""
    policy, reference, plain = small_model(), small_model(), Counted()
    shared = seam(policy)
    shared.prepare(reference)
    shared.score(plain, reference, *BATCH)
    assert shared.agreement is None
    monkeypatch.setattr(attention, "packed_attention", sees_the_whole_row)
    with pytest.warns(SharedPrefixWarning, match="not give the model's own scores"):
        shared.score(plain, policy, *BATCH)
    assert plain.rows == [2, 2, 5]


@pytest.mark.parametrize("more", [{"compute_aux_loss": True}, {"pixel_values": torch.zeros(1)}])
def test_what_packed_rows_do_not_have_is_left_to_the_plain_way(more: dict[str, Any]) -> None:
    model = small_model()
    asked: list[dict[str, Any]] = []

    def plain(*args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs)
        return trl_way()(model, *BATCH)

    seam(model).score(plain, model, *BATCH, batch_size=2, **more)
    assert asked[0].items() >= ({"batch_size": 2} | more).items()


def test_a_mask_with_holes_is_scored_the_plain_way() -> None:
    model, plain = small_model(), Counted()
    holes = BATCH._replace(mask=BATCH.mask.clone())
    holes.mask[0, -BATCH.n_answer] = 0
    seam(model).score(plain, model, *holes)
    assert plain.rows == [5]


def test_models_that_do_not_fit_are_refused_with_the_reason() -> None:
    assert refusal(small_model(), 100) is None
    gpt2 = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=50))
    assert "type 'gpt2' are not known" in str(refusal(gpt2, 100))
    eager = small_model()
    eager.config._attn_implementation = "eager"
    assert "attention 'eager'" in str(refusal(eager, 100))
    assert "dropout is 0.1" in str(refusal(small_model(attention_dropout=0.1), 100))
    lora = get_peft_model(small_model(), LoraConfig(r=2, lora_dropout=0.2, target_modules=["q_proj"]))
    assert "dropout is 0.2" in str(refusal(lora, 100))
    tokens = get_peft_model(small_model(), PromptTuningConfig(num_virtual_tokens=2, task_type="CAUSAL_LM"))
    assert "tokens of its own" in str(refusal(tokens, 100))


def test_a_sliding_window_must_hold_a_prompt_and_its_answer() -> None:
    model = small_model("mistral", sliding_window=64)
    assert refusal(model, 64) is None
    assert "window of 64 tokens is shorter" in str(refusal(model, 65))
    half = small_model("qwen3", use_sliding_window=True, sliding_window=64, max_window_layers=1)
    assert "window of 64" in str(refusal(half, 65))
    unused = small_model("qwen3", use_sliding_window=False, sliding_window=64)
    assert refusal(unused, 65) is None


def test_a_refusal_is_a_warning_or_an_error() -> None:
    with pytest.warns(SharedPrefixWarning, match=r"slower: dropout is 0\.1"):
        shared = seam(small_model(attention_dropout=0.1))
    assert "dropout" in str(shared.off)
    with pytest.raises(TrainingError, match=r"cannot be computed once: dropout is 0\.1"):
        seam(small_model(attention_dropout=0.1), "on")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seam(small_model(attention_dropout=0.1), "off")


def test_preparing_a_model_twice_changes_nothing() -> None:
    model = small_model()
    seam(model)
    forward, name = model.forward, model.config._attn_implementation
    shared = seam(model)
    assert (model.forward, model.config._attn_implementation) == (forward, name)
    assert shared.off is None


def test_agreement_knows_rounding_from_mistakes() -> None:
    mask = torch.ones(1, 4).bool()
    plain = torch.full((1, 4), -2.0)
    near, far = plain + 5e-5, plain + torch.tensor([0.0, 0.0, 0.0, 1.5])
    assert agreement(near, plain, mask, torch.float32).holds
    assert not agreement(far, plain, mask, torch.float32).holds
    assert agreement(plain + 0.03, plain, mask, torch.bfloat16).holds
    assert not agreement(far, plain, mask, torch.bfloat16).holds  # one token of four is off by more than rounding
    assert not agreement(plain * float("nan"), plain, mask, torch.bfloat16).holds
    assert agreement(far, plain, torch.tensor([[True, True, True, False]]), torch.float32).mean == 0
    assert Agreement(0.0, 0.0, 0, FULL).tolerance != HALF
