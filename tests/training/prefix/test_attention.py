"""The attention of a packed row is that of each answer behind its prompt; without a plan nothing has changed."""

from pathlib import Path

import pytest
import torch
from tests.training.prefix.ways import VOCABULARY, apart, small_model
from transformers import AutoModelForCausalLM

from citerefine.training.prefix.attention import _split_attention, packed_attention
from citerefine.training.prefix.forward import install
from citerefine.training.prefix.plan import PrefixPlan

PLANS = [
    PrefixPlan((37,), ((5, 0, 17, 1),)),
    PrefixPlan((9, 0, 30), ((4, 3), (6,), ())),
    PrefixPlan((11,), ((),)),
    PrefixPlan((0,), ((1,),)),
]


def row_of(plan: PrefixPlan) -> list[torch.Tensor]:
    """q, k, v as transformers hands them on, and a gradient."""
    torch.manual_seed(0)
    n = plan.n_tokens
    heads = [torch.randn(1, n, h, 8, dtype=torch.float64).transpose(1, 2) for h in (4, 2, 2)]
    return [*heads, torch.randn(1, n, 4, 8, dtype=torch.float64)]


@pytest.mark.parametrize("plan", PLANS)
def test_both_forms_give_each_answer_what_it_sees_behind_its_prompt(plan: PrefixPlan) -> None:
    q, k, v, grad = row_of(plan)
    seen = torch.zeros(plan.n_tokens, plan.n_tokens).bool()
    start, behind = 0, plan.n_shared
    for p, answers in zip(plan.shared, plan.answers, strict=True):
        seen[start : start + p, start : start + p] = torch.ones(p, p).tril().bool()
        for n in answers:
            seen[behind : behind + n, start : start + p] = True
            seen[behind : behind + n, behind : behind + n] = torch.ones(n, n).tril().bool()
            behind += n
        start += p
    leaves = [x.detach().requires_grad_() for x in (q, k, v)]
    keys, values = (x.repeat_interleave(2, dim=1) for x in leaves[1:])
    expected = torch.nn.functional.scaled_dot_product_attention(leaves[0], keys, values, attn_mask=seen, scale=0.25)
    expected = expected.transpose(1, 2)
    wanted = torch.autograd.grad(expected, leaves, grad)
    for form in (packed_attention, _split_attention):
        leaves = [x.detach().requires_grad_() for x in (q, k, v)]
        got = form(*leaves, plan, 0.25)  # type: ignore[call-arg]
        torch.testing.assert_close(got, expected)
        for one, other in zip(torch.autograd.grad(got, leaves, grad), wanted, strict=True):
            torch.testing.assert_close(one, other)


def test_a_row_that_does_not_fit_its_plan_is_refused() -> None:
    q, k, v, _ = row_of(PLANS[0])
    with pytest.raises(ValueError, match=r"packed row of 47 tokens, but queries of shape"):
        packed_attention(q, k, v, PLANS[1]._replace(shared=(4, 0, 30)), 0.25)


def test_generation_and_padded_forwards_stay_as_they_were() -> None:
    ids = torch.randint(1, VOCABULARY, (2, 12), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    plain, ours = small_model().eval(), small_model().eval()
    install(ours)
    for model in (plain, ours):
        model.generation_config.pad_token_id = 0
    how = {"attention_mask": mask, "max_new_tokens": 8, "do_sample": False}
    assert ours.generate(ids, **how).tolist() == plain.generate(ids, **how).tolist()
    with torch.no_grad():
        assert torch.equal(ours(ids, attention_mask=mask).logits, plain(ids, attention_mask=mask).logits)


def test_a_saved_model_knows_nothing_of_it(tmp_path: Path) -> None:
    model = small_model()
    install(model)
    model.save_pretrained(tmp_path)
    assert "prefix" not in (tmp_path / "config.json").read_text("utf-8")
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.config._attn_implementation == "sdpa"
    assert apart(again.lm_head.weight, model.lm_head.weight) == 0
