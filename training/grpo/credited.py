"""From breakdowns of rewards to what the advantages need of them: the terms for `gdpo`, and the credit of claims.

In: rows as they were sampled, with the breakdown of each reward. Out: plain lists, and the advantage of each token.
Not here: the arithmetic (advantages.py, credit/).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from citerefine.training.credit.claim_credit import CreditedClaim, claim_advantages
from citerefine.training.credit.spans import ByteTokens
from citerefine.training.grpo.missing import TermMatrix
from citerefine.training.grpo.rollout import Rollout
from citerefine.training.rewards.combining import UNSUPPORTED
from citerefine.training.rewards.parts import code_of


class Terms(NamedTuple):
    """What one reward is made of."""

    values: Mapping[str, tuple[float | None, float]]
    """Name → value and weight."""
    held_down: bool
    """Whether it earns at most 0 whatever these are, since nothing is supported."""


def terms_of(breakdown: Any) -> Terms:
    """The terms of a `Breakdown`; of none, none."""
    if breakdown is None:
        return Terms({}, False)
    values = {term.name: (term.value, term.weight) for term in breakdown.terms}
    return Terms(values, code_of(breakdown.reason) == code_of(UNSUPPORTED))


def term_matrix(terms_B: Sequence[Terms]) -> TermMatrix:
    """The values of all terms that count somewhere, row by row, and their weights.

    A term that does not apply to a row has the weight 0 there, and no value.
    """
    weights: dict[str, float] = {}
    for terms in terms_B:
        for name, (_, weight) in terms.values.items():
            weights[name] = max(weight, weights.get(name, 0.0))
    names = sorted(name for name, weight in weights.items() if weight)
    none = (None, 0.0)
    values = [[value if weight else None for value, weight in (t.values.get(n, none) for n in names)] for t in terms_B]
    return TermMatrix(values, [weights[name] for name in names], [terms.held_down for terms in terms_B])


def untold(rewards_B: Sequence[float | None], breakdowns_B: Sequence[Any]) -> bool:
    """Whether there is a reward of which nobody knows the terms."""
    rows = zip(rewards_B, breakdowns_B, strict=True)
    return any(reward is not None and breakdown is None for reward, breakdown in rows)


def with_claim_credit(rollout: Rollout, used_B: Sequence[bool], share: float, tokens: ByteTokens) -> torch.Tensor:
    """Advantages of each token, (B, T): those of the rows, plus `share` times the credit of the claims.

    A row that is not used has 0, and so have all tokens behind an answer's last. An answer whose text is not what its
    tokens spell has no credit of claims: their offsets would be wrong.
    """
    advantages = rollout.tensors["advantages"]
    credit = torch.zeros(rollout.tensors["completion_ids"].shape, device=advantages.device, dtype=advantages.dtype)
    for row, (ids, breakdown) in enumerate(zip(rollout.ids_B, rollout.breakdowns_B, strict=True)):
        if used_B[row] and breakdown is not None:
            spans = tokens.spans(ids)
            claims = [CreditedClaim(claim.start, claim.end, claim.support) for claim in breakdown.claims]
            if spans.text == rollout.completions_B[row]:
                credit[row, : len(ids)] = credit.new_tensor(claim_advantages(spans, claims))
    return advantages[:, None] * rollout.tensors["completion_mask"] + share * credit
