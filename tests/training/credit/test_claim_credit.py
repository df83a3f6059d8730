"""The credit of claims: inside one answer, on their own tokens, neither more nor less for many claims."""

from statistics import fmean, pstdev

import pytest
from tests.training.rewards.rewarding import ROW, WordRubricJudge, WordSupportJudge, answer

from citerefine.training.credit.claim_credit import CreditedClaim, claim_advantages
from citerefine.training.credit.spans import TokenSpans
from citerefine.training.rewards import RefinerReward, RewardSettings

SPANS = TokenSpans("abcdefghij", tuple(range(10)))


def test_supported_claims_gain_what_unsupported_ones_lose() -> None:
    got = claim_advantages(SPANS, [CreditedClaim(1, 4, 1.0), CreditedClaim(5, 8, 0.0)])
    assert got == (0.0, 1.0, 1.0, 1.0, 0.0, -1.0, -1.0, -1.0, 0.0, 0.0)


def test_the_credit_of_an_answer_sums_to_zero_with_a_spread_of_one() -> None:
    claims = [CreditedClaim(0, 2, 1.0), CreditedClaim(2, 3, 0.5), CreditedClaim(4, 9, 0.0)]
    got = claim_advantages(SPANS, claims)
    judged = [*got[0:3], *got[4:9]]
    assert fmean(judged) == pytest.approx(0)
    assert pstdev(judged) == pytest.approx(1)
    assert got[3] == got[9] == 0


@pytest.mark.parametrize(
    "claims",
    [
        [],
        [CreditedClaim(0, 5, 0.0), CreditedClaim(5, 10, 0.0)],
        [CreditedClaim(0, 5, None)],
        [CreditedClaim(0, 5, 1.0), CreditedClaim(5, 10, None)],
    ],
)
def test_claims_that_do_not_differ_carry_no_credit(claims: list[CreditedClaim]) -> None:
    assert claim_advantages(SPANS, claims) == (0.0,) * 10


def test_a_token_across_a_border_belongs_to_the_claim_of_its_first_byte() -> None:
    spans = TokenSpans("abcdef", (0, 2, 4))
    got = claim_advantages(spans, [CreditedClaim(0, 3, 1.0), CreditedClaim(3, 6, 0.0)])
    assert got[0] == got[1] > 0 > got[2]


def test_repeated_claims_are_told_apart_by_their_place() -> None:
    spans = TokenSpans("x x x", (0, 1, 2, 3, 4))
    got = claim_advantages(spans, [CreditedClaim(0, 1, 1.0), CreditedClaim(4, 5, 0.0)])
    assert got == (1.0, 0.0, 0.0, 0.0, -1.0)


def test_the_ids_of_a_claim_have_its_credit_and_the_answer_around_it_none() -> None:
    text = answer("perch", "lies")
    found = RefinerReward(RewardSettings(), judge=WordRubricJudge(), support=WordSupportJudge()).score(ROW, text)
    claims = [CreditedClaim(claim.start, claim.end, claim.support) for claim in found.claims]
    got = claim_advantages(TokenSpans(text, tuple(range(len(text)))), claims)  # a token for each letter
    good, bad = text.index("id=S1"), text.rindex("id=S1")
    assert got[good] == got[text.index("perch")] > 0 > got[text.index("trout")] == got[bad]
    assert {got[0], got[text.index("</answer>")]} == {0.0}
