"""Keeps the better of two drafts, by a stated rule.

In: two drafts of one answer, the later one written to mend or improve the earlier. Out: the one to keep. The first of
these that differs decides: (1) one cites something, the other nothing; (2) fewer findings; (3) the critic's higher
score, where both have one; (4) the larger share of the answer's text that stands in cited claims. If none differs,
the later one is kept. Not here: what findings and scores are.
"""

from dataclasses import dataclass

from citerefine.refiner.answer import Answer
from citerefine.refiner.chat.call import Finish
from citerefine.refiner.validation import Finding


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer as the model wrote it, and what is wrong with it."""

    answer: Answer
    finish: Finish
    findings: tuple[Finding, ...]
    score: float | None = None
    """What a critic gave; None if there was none, or it could not judge."""
    remarks: tuple[str, ...] = ()
    """What a critic said."""


def better(earlier: Draft, later: Draft) -> Draft:
    """The draft to keep."""
    judged = earlier.score is not None and later.score is not None
    return max((later, earlier), key=lambda draft: _quality(draft, judged))  # max keeps the first of equals


def _quality(draft: Draft, judged: bool) -> tuple[bool, int, float, float]:
    score = draft.score if judged and draft.score is not None else 0.0
    return draft.answer.answered, -len(draft.findings), score, cited_share(draft.answer)


def cited_share(answer: Answer) -> float:
    """Share of the answer's code points that stand in claims with a known source, in [0, 1]."""
    cited = sum(claim.end - claim.start for claim in answer.claims if claim.citations)
    return cited / len(answer.text) if answer.text else 0.0
