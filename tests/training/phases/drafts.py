"""Drafts for the tests of phases."""

from citerefine.training.phases.draft import Draft
from citerefine.training.rewards.breakdown import Breakdown, ClaimValue, Term


def draft(
    text: str = "It is 4.",
    reward: float | None = 0.0,
    *,
    id: str = "q",
    cut: bool = False,
    right: float | None = None,
    citation: float | None = None,
    claims: tuple[ClaimValue, ...] = (),
    missing: bool = False,
) -> Draft:
    """A draft with the terms that are given; `missing`: citations are paid for, and are not known."""
    terms = []
    if citation is not None or missing:
        reason = "deadline: late" if citation is None else ""
        terms.append(Term(name="citation", value=citation, weight=1.0, reason=reason))
    if right is not None:
        terms.append(Term(name="verification", value=right, weight=1.0))
    breakdown = Breakdown(
        id=id, total=reward, reason="" if reward is not None else "no: none", terms=tuple(terms), claims=claims
    )
    return Draft(id=id, text=text, reward=reward, cut=cut, breakdown=breakdown)


def cited(*claims: tuple[str, str, float | None], citation: float | None = 1.0) -> Draft:
    """An answer in tags: of each claim its ids, its text, its support."""
    text, values = "<answer>", list[ClaimValue]()
    for ids, words, support in claims:
        start = len(text)
        text += f"<snippet id={ids}>{words}</snippet> "
        values.append(ClaimValue(start=start, end=len(text) - 1, support=support))
    return draft(f"{text}</answer>", citation, citation=citation, claims=tuple(values), missing=True)
