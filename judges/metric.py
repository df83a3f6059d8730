"""Works out the citation score of one answer from its statements and what a judge said of them.

In: statements, their `Support`, what the parser found. Out: `CitationScore`. Pure: no model, no file, no randomness.
Formulas, sources and limits: docs/metric.md. Not here: asking a judge (support.py), averages over answers
(statistics/), formulas of other projects (formulas/).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from citerefine.judges import factors as factor
from citerefine.judges.citation_score import CitationScore, CitationValue, Factors, Totals, UnitScore
from citerefine.judges.claim_words import count_words
from citerefine.judges.copying import copied_share
from citerefine.judges.need import GAP
from citerefine.judges.statements import Citation, Statement
from citerefine.judges.support import Support
from citerefine.judges.verdict import Label
from citerefine.judges.weights import WEIGHT_CAP, claim_weights, training_weights
from citerefine.refiner.records import Issue

MASK_SHARE: Final = 0.1
"""With more than this share of the needed weight not judged, an answer is not trained on."""

NO_EVIDENCE: Final = "no_evidence: the row has no snippets, so that support cannot be judged"
ABSTAINED: Final = "abstained: the answer says that the evidence does not tell, and no label says whether it does"
NOT_JUDGED: Final = "not_judged: the judge came to no verdict on any cited unit"
NO_VALUES: Final = "not_judged: the judge did not say which of the cited snippets are needed"
MASKED: Final = "masked: the judge came to no verdict on more than a tenth of what needs support"


class Facts(NamedTuple):
    """What the score needs to know beside units and support."""

    n_format_errors: int
    code_words: int
    """Words in code blocks."""
    has_evidence: bool
    abstains: bool
    answerable: bool | None
    """Whether the evidence answers the question; None if nobody says."""
    snippets: Mapping[str, str]
    """Text of each cited snippet."""
    expected_claims: float = factor.EXPECTED_CLAIMS
    issues: tuple[Issue, ...] = ()
    judge: str | None = None


class _Judged(NamedTuple):
    """A statement, its support, and the values of its citations."""

    statement: Statement
    support: Support
    s: float | None
    values: tuple[float | None, ...]

    @property
    def counts(self) -> bool:
        """Whether it needs support, and it is known how much it has."""
        return self.statement.exempt is None and self.s is not None

    @property
    def is_supported(self) -> bool:
        return bool(self.s) and self.statement.is_cited


def score_statements(statements: Sequence[Statement], supports: Sequence[Support], facts: Facts) -> CitationScore:
    """The citation score of an answer.

    Args:
        statements: of the answer, merged.
        supports: one for each statement.
        facts: of the answer and its row.
    """
    if facts.abstains:
        return _abstention(facts)
    judged = [_judge(statement, support) for statement, support in zip(statements, supports, strict=True)]
    counts = _counts(judged, facts)
    if not facts.has_evidence:
        return CitationScore(
            precision=None, recall=None, f1=None, score=None, reason=NO_EVIDENCE, **{**counts, "n_invalid": None}
        )
    failed = [one for one in judged if one.s is None]
    if failed and all(one.s is None for one in judged if one.statement.is_cited and one.statement.premise):
        return CitationScore(
            precision=None, recall=None, f1=None, score=None, reason=NOT_JUDGED, masked=True, **counts
        )
    totals = _totals(judged)
    recall = totals.supported / totals.needed if totals.needed else 0.0
    if not totals.citations and any(one.values for one in judged if one.s is not None):
        return CitationScore(
            precision=None, recall=recall, f1=None, score=None, reason=NO_VALUES, masked=True, totals=totals, **counts
        )
    precision = totals.value / totals.citations if totals.citations else 0.0
    failed_weight = sum(one.statement.weight for one in failed)
    masked = failed_weight > MASK_SHARE * _needed_weight(judged) + 1e-9  # sums of equal weights differ by a little
    factors = _factors(judged, facts)
    return CitationScore(
        precision=precision,
        recall=recall,
        f1=harmonic_mean(precision, recall),
        score=None if masked else factor.product(factors),
        reason=MASKED if masked else "",
        factors=factors,
        masked=masked,
        totals=totals,
        **counts,
    )


def harmonic_mean(precision: float, recall: float) -> float:
    """F = 2PR / (P + R); 0 if both are."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _abstention(facts: Facts) -> CitationScore:
    """1 where the evidence does not tell, 0 where it does, None where nobody says which or there is no evidence."""
    known = facts.has_evidence and facts.answerable is not None
    value = float(not facts.answerable) if known else None
    return CitationScore(
        precision=value,
        recall=value,
        f1=value,
        score=None if value is None else value * factor.form(facts.n_format_errors),
        reason="" if known else ABSTAINED if facts.has_evidence else NO_EVIDENCE,
        n_abstained=1,
        n_invalid=0 if facts.has_evidence else None,
        format_errors=facts.n_format_errors,
        issues=facts.issues,
    )


# --- one statement ----------------------------------------------------------------------------------------------------


def _judge(statement: Statement, support: Support) -> _Judged:
    if support.joint is None:  # uncited, or no id is known: nobody needs to be asked
        return _Judged(statement, support, 0.0, (0.0,) * len(statement.citations))
    s = support.joint.support
    if s is None:
        return _Judged(statement, support, None, (None,) * len(statement.citations))
    values = [_value(citation, statement, support, s) for citation in statement.citations]
    if s and not any(value != 0 for value in values) and (best := _rescued(statement, support)) is not None:
        values[best] = 0.5
    return _Judged(statement, support, s, tuple(values))


def _value(citation: Citation, statement: Statement, support: Support, s: float) -> float | None:
    """What one citation is worth, by leaving it out; None if the verdicts that decide it are missing."""
    id, premise = citation.snippet, statement.premise
    if id is None or id not in premise or s == 0:
        return 0.0
    single = support.joint if len(premise) == 1 else support.singles.get(id)
    alone = single.support if single is not None else None
    if single is not None and single.label is Label.CONTRADICTS:
        return 0.0
    if alone == 1:
        return 1.0
    verdict = None if len(premise) == 1 else support.rests.get(id)
    rest = 0.0 if len(premise) == 1 else verdict.support if verdict is not None else None
    if rest is not None and rest < s:
        return 1.0 if s == 1 else 0.5
    return None if rest is None or alone is None else 0.0


def _rescued(statement: Statement, support: Support) -> int | None:
    """Which citation earns 1/2 where the snippets support a claim and each can be left out; none that contradicts."""
    best, highest = None, -1.0
    for number, citation in enumerate(statement.citations):
        verdict = None if citation.snippet is None else support.singles.get(citation.snippet)
        if verdict is not None and verdict.label is not Label.CONTRADICTS and (verdict.support or 0.0) > highest:
            best, highest = number, verdict.support or 0.0
    return best


# --- all statements ---------------------------------------------------------------------------------------------------


def _totals(judged: Sequence[_Judged]) -> Totals:
    values = [sum(some) / len(some) for some in _values_by_citation(judged)]
    counting = [one for one in judged if one.counts]
    return Totals(
        value=sum(values),
        citations=len(values),
        supported=sum(one.statement.weight * (one.s or 0.0) for one in counting),
        needed=sum(one.statement.weight for one in counting),
    )


def _values_by_citation(judged: Sequence[_Judged]) -> Iterable[list[float]]:
    """The values of each citation: one that several pieces of a sentence carry is one citation."""
    found: dict[tuple[int, str | None, str], list[float]] = {}
    for one in judged:
        for citation, value in zip(one.statement.citations, one.values, strict=True):
            if one.s is not None and value is not None:
                written = citation.written if citation.snippet is None else ""
                found.setdefault((one.statement.extent.sentence, citation.snippet, written), []).append(value)
    return found.values()


def _needed_weight(judged: Sequence[_Judged]) -> float:
    return sum(one.statement.weight for one in judged if one.statement.exempt is None)


def _factors(judged: Sequence[_Judged], facts: Facts) -> Factors:
    supported = [one for one in judged if one.is_supported]
    exempt_words = sum(count_words(one.statement.text) for one in judged if one.statement.exempt not in (None, GAP))
    return Factors(
        f1=_training_f1([one for one in judged if one.counts]),
        coverage=factor.coverage(_claims(supported), facts.expected_claims),
        substance=factor.substance(
            exempt_words + facts.code_words, sum(count_words(one.statement.text) for one in supported)
        ),
        validity=factor.validity(sum(len(_known(one.statement)) for one in supported), _n_invalid(judged)),
        form=factor.form(facts.n_format_errors),
        originality=factor.originality(_copied(supported, facts)),
    )


def _training_f1(counting: Sequence[_Judged]) -> float:
    """F1 in which statements of one set of ids weigh by their words, in precision as in recall, and what is not
    supported weighs without an upper bound."""
    cited = [one for one in counting if one.statement.is_cited]
    weights = training_weights([one.statement.extent for one in cited])
    needed = sum(one.statement.uncapped_weight for one in counting if not one.statement.is_cited)
    supported = value = citations = 0.0
    for weight, one in zip(weights, cited, strict=True):
        capped = min(WEIGHT_CAP, weight) if one.s else weight
        needed, supported = needed + capped, supported + capped * (one.s or 0.0)
        known = [each for each in one.values if each is not None]
        value, citations = value + weight * sum(known), citations + weight * len(known)
    return harmonic_mean(value / citations if citations else 0.0, supported / needed if needed else 0.0)


def _claims(supported: Sequence[_Judged]) -> float:
    """How many claims the supported statements make, by weight and support."""
    weights = claim_weights([one.statement.extent for one in supported])
    return sum(weight * (one.s or 0.0) for weight, one in zip(weights, supported, strict=True))


def _known(statement: Statement) -> list[str]:
    return [citation.snippet for citation in statement.citations if citation.snippet is not None]


def _n_invalid(judged: Sequence[_Judged]) -> int:
    return sum(citation.snippet is None for one in judged for citation in one.statement.citations)


def _copied(supported: Sequence[_Judged], facts: Facts) -> float | None:
    """Of the fully supported units only: half-true claims of one's own words must not make up for quotations."""
    full = [one.statement for one in supported if one.s == 1]
    cited = dict.fromkeys(id for statement in full for id in statement.premise)
    return copied_share((statement.text for statement in full), (facts.snippets[id] for id in cited))


def _counts(judged: Sequence[_Judged], facts: Facts) -> dict[str, Any]:
    """The fields of a score that do not depend on whether it could be worked out."""
    cited = [one for one in judged if one.statement.is_cited]
    needed = _needed_weight(judged)
    words = sum(count_words(one.statement.text) for one in judged) + facts.code_words
    supported = [one for one in cited if one.is_supported]
    spans = {one.support.joint.span for one in supported if one.support.joint and one.support.joint.span}
    return {
        "n_claims": len(cited),
        "n_invalid": _n_invalid(judged),
        "n_uncited": sum(not one.statement.is_cited and one.statement.exempt is None for one in judged),
        "n_failed": sum(one.s is None for one in judged),
        "format_errors": facts.n_format_errors,
        "coverage": sum(one.statement.weight for one in cited) / needed if needed else None,
        "cited_share": sum(count_words(one.statement.text) for one in cited) / words if words else None,
        "copied_share": _copied(supported, facts),
        "distinct_evidence": len(spans) / len(supported) if spans else None,
        "units": tuple(_unit_score(one, facts.has_evidence) for one in judged),
        "issues": facts.issues,
        "judge": facts.judge,
    }


def _unit_score(one: _Judged, has_evidence: bool) -> UnitScore:
    statement = one.statement
    singles = one.support.singles
    alone = one.support.joint if len(statement.premise) == 1 else None
    return UnitScore(
        text=statement.text,
        start=statement.start,
        end=statement.end,
        citations=tuple(
            CitationValue(
                id=citation.written,
                snippet=citation.snippet,
                value=value if has_evidence else None,
                verdict=None if citation.snippet is None else singles.get(citation.snippet, alone),
            )
            for citation, value in zip(statement.citations, one.values, strict=True)
        ),
        exempt=statement.exempt,
        weight=statement.weight,
        support=one.s if has_evidence and (statement.is_cited or statement.exempt is None) else None,
        verdict=one.support.joint,
        context=statement.context,
    )
