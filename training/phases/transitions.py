"""What became of drafts when they were improved: figures of a rollout.

In: a draft and an improvement of it, both rewarded. Out: `Change`; of many, figures by name. Where rows have a
reference answer that is paid for, an answer is right or wrong; where citations are paid for, claims are compared
(claims.py). What is not known of both is left out of its shares, and counted. Not here: pictures
(citerefine.training.watch).
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from citerefine.training.phases.claims import ClaimChanges, compare_claims
from citerefine.training.phases.draft import Draft
from citerefine.training.rewards.breakdown import Breakdown

ANSWERS: Final[Mapping[tuple[bool, bool], str]] = {
    (True, True): "right_right",
    (False, True): "wrong_right",
    (True, False): "right_wrong",
    (False, False): "wrong_wrong",
}
"""Whether the draft and the improvement are right → name of the share, behind `transitions/`."""
CLAIMS: Final = ("kept", "fixed", "damaged", "unfixed")
"""What claims of both answers are counted as; figures are called `transitions/claims_kept` and so on."""
COUNTS: Final = ("claims_added", "claims_dropped", "citations_gained", "citations_lost")
"""Means per improvement, behind `transitions/`."""


class Change(NamedTuple):
    """From one draft to one improvement."""

    right: tuple[bool, bool] | None = None
    """Whether they agree with the reference answer; None if that is not known of both."""
    claims: ClaimChanges | None = None
    """None if citations of one of them are not computed, or their judge failed."""


def change_between(draft: Draft, improved: Draft) -> Change:
    """What changed; both need a breakdown for anything to be known."""
    before, after = draft.breakdown, improved.breakdown
    if before is None or after is None:
        return Change()
    right = None if draft.right is None or improved.right is None else (draft.right >= 1, improved.right >= 1)
    claims = None
    if _has_citations(before) and _has_citations(after):
        claims = compare_claims(draft.text, before, improved.text, after)
    return Change(right, claims)


def _has_citations(breakdown: Breakdown) -> bool:
    return any(term.name == "citation" and term.weight and term.value is not None for term in breakdown.terms)


def transition_figures(changes: Sequence[Change]) -> dict[str, float]:
    """Shares and means over improvements; what is not known of any is left out.

    `transitions/right_right`, `…/wrong_right`, `…/right_wrong`, `…/wrong_wrong`: shares of the improvements of which it
    is known, together 1. `transitions/claims_kept`, `…_fixed`, `…_damaged`, `…_unfixed`: shares of the claims that
    draft and improvement both make and that were judged in both, together 1. `transitions/claims_added`,
    `…/claims_dropped`, `…/citations_gained`, `…/citations_lost`: means per improvement whose citations were judged.
    `transitions/unknown_share`: improvements of which neither is known.
    """
    if not changes:
        return {}
    verified = [change.right for change in changes if change.right is not None]
    figures = {
        f"transitions/{name}": verified.count(key) / len(verified) for key, name in ANSWERS.items() if verified
    }
    figures |= _claim_figures([change.claims for change in changes if change.claims is not None])
    unknown = sum(change == Change() for change in changes)
    return figures | {"transitions/unknown_share": unknown / len(changes)}


def _claim_figures(compared: Sequence[ClaimChanges]) -> dict[str, float]:
    if not compared:
        return {}
    totals = dict(zip(ClaimChanges._fields, map(sum, zip(*compared, strict=True)), strict=True))
    judged = sum(totals[name] for name in CLAIMS)
    return {
        **{f"transitions/claims_{name}": totals[name] / judged for name in CLAIMS if judged},
        **{f"transitions/{name}": totals[name.partition("_")[2]] / len(compared) for name in COUNTS},
    }
