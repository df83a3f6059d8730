"""Builds the `CitationScore` of a formula that knows neither weights nor factors.

In: precision and recall, what each sentence got. Out: `CitationScore` with `score` None. A verdict that is missing
makes both figures None: these formulas say nothing of failures, and a figure without them would be another figure.
Not here: any formula.
"""

from collections.abc import Sequence

from citerefine.judges.citation_score import CitationScore, UnitScore
from citerefine.judges.metric import NO_EVIDENCE, harmonic_mean
from citerefine.judges.scoring import CitedAnswer

FAILED = "not_judged: the judge came to no verdict on a citation that the formula needs"


def without_evidence(answer: CitedAnswer) -> CitationScore:
    """The score of an answer whose ids lead nowhere because there is no evidence."""
    return CitationScore(precision=None, recall=None, f1=None, score=None, reason=NO_EVIDENCE, n_invalid=None)


def skipped(reason: str, judge: str) -> CitationScore:
    """The score of an answer that the formula leaves out of its mean."""
    return CitationScore(precision=None, recall=None, f1=None, score=None, reason=reason, judge=judge)


def formula_score(
    precision: float, recall: float, units: Sequence[UnitScore], *, n_failed: int, judge: str
) -> CitationScore:
    """The score of an answer.

    Args:
        precision: ignored if anything failed.
        recall: ignored if anything failed.
        units: what each sentence got.
        n_failed: verdicts that are missing.
        judge: name of the judge.
    """
    cited = [unit for unit in units if unit.citations]
    known = n_failed == 0
    return CitationScore(
        precision=precision if known else None,
        recall=recall if known else None,
        f1=harmonic_mean(precision, recall) if known else None,
        score=None,
        reason="" if known else FAILED,
        n_claims=len(cited),
        n_invalid=sum(citation.snippet is None for unit in cited for citation in unit.citations),
        n_uncited=sum(not unit.citations and unit.exempt is None for unit in units),
        n_failed=n_failed,
        masked=not known,
        units=tuple(units),
        judge=judge,
    )
