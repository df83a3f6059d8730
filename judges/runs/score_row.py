"""The row that `score --out` writes for one answer: everything that reports and comparisons need, and no more.

In: a `CitationScore` and its answer, or a row as it was written. Out: `ScoreRow`, frozen, JSON both ways; offsets count
code points of `text`. Rows are data: whoever reads them back trusts nothing in them. Not here: scoring, files.
"""

from typing import Final

from pydantic import ConfigDict, Field

from citerefine.judges.citation_score import CitationScore, Factors, Totals, UnitScore
from citerefine.judges.scoring import CitedAnswer
from citerefine.judges.verdict import Label, Verdict
from citerefine.refiner.records import Issue, Record, Text

MAX_QUOTE: Final = 600
"""Longest quotation of evidence in a row, in code points."""


class _Row(Record):
    """Written by us, perhaps by a later version: what it adds is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EvidenceRow(_Row):
    """The best evidence for a unit."""

    snippet: str
    start: int
    end: int
    text: Text
    """What stands there, cut to `MAX_QUOTE`."""


class UnitRow(_Row):
    """One unit of an answer."""

    text: Text
    start: int
    end: int
    ids: tuple[Text, ...]
    """As written, known or not."""
    invalid: tuple[Text, ...] = ()
    """Those of `ids` that no snippet has."""
    need: bool
    exempt: str | None = None
    weight: float = 1.0
    label: Label | None = None
    """What the judge said of all cited snippets together; None if nobody was asked, or it came to no verdict."""
    failure: str = ""
    """Code of why it came to none; empty if it did, or nobody was asked."""
    support: float | None
    p_supported: float | None = None
    verdicts: dict[str, Label | None] = Field(default_factory=dict)
    """Id as written → the judge's label for this snippet alone; missing if nobody was asked."""
    values: dict[str, float | None] = Field(default_factory=dict)
    """Id as written → what the citation is worth in precision."""
    evidence: EvidenceRow | None = None
    missing: tuple[Text, ...] = ()
    flags: tuple[str, ...] = ()
    explanation: Text = ""
    """In words: why the unit counts as it does."""
    second: Label | None = None
    """What another judge said, where two were asked."""


class RowError(_Row):
    """Why a row has no score."""

    code: str
    message: Text


class ScoreRow(_Row):
    """One answer with its score."""

    id: str | int | None
    line: int | None = None
    """Line of the run file, for rows without an id."""
    question: Text = ""
    text: Text = ""
    """The plain answer."""
    system: str | None = None
    """The model that answered, as the run row names it."""
    precision: float | None = Field(default=None, ge=0, le=1)
    recall: float | None = Field(default=None, ge=0, le=1)
    f1: float | None = Field(default=None, ge=0, le=1)
    score: float | None = Field(default=None, ge=0, le=1)
    reason: Text = ""
    n_claims: int = 0
    n_invalid: int | None = None
    n_uncited: int = 0
    n_failed: int = 0
    n_abstained: int = 0
    masked: bool = False
    format_errors: int = 0
    coverage: float | None = None
    copied_share: float | None = None
    factors: Factors | None = None
    totals: Totals | None = None
    units: tuple[UnitRow, ...] = ()
    issues: tuple[Issue, ...] = ()
    judge: str | None = None
    formula: str = "citerefine"
    form: str = "tags"
    """How the answer writes citations (imports/)."""
    error: RowError | None = None


def score_row(
    score: CitationScore,
    answer: CitedAnswer,
    id: str | int | None,
    *,
    line: int | None = None,
    system: str | None = None,
    formula: str = "citerefine",
    form: str = "tags",
) -> ScoreRow:
    """The row of an answer that was scored."""
    same = set(ScoreRow.model_fields) & set(CitationScore.model_fields) - {"units"}
    return ScoreRow(
        id=id,
        line=line,
        question=answer.question,
        text=answer.parse.text,
        system=system,
        units=tuple(_unit_row(unit, answer) for unit in score.units),
        formula=formula,
        form=form,
        **{name: getattr(score, name) for name in same},
    )


def _unit_row(unit: UnitScore, answer: CitedAnswer) -> UnitRow:
    verdict = unit.verdict
    invalid = tuple(citation.id for citation in unit.citations if citation.snippet is None)
    return UnitRow(
        text=unit.text,
        start=unit.start,
        end=unit.end,
        ids=tuple(citation.id for citation in unit.citations),
        invalid=invalid if answer.evidence is not None else (),
        need=unit.exempt is None,
        exempt=unit.exempt,
        weight=unit.weight,
        label=None if verdict is None else verdict.label,
        failure="" if verdict is None else failure_of(verdict),
        support=unit.support,
        p_supported=None if verdict is None else verdict.p_supported,
        verdicts={one.id: one.verdict.label for one in unit.citations if one.verdict is not None},
        values={citation.id: citation.value for citation in unit.citations},
        evidence=_evidence_row(verdict, answer),
        missing=() if verdict is None else verdict.missing,
        flags=() if verdict is None else verdict.flags,
        explanation=_explanation(unit, invalid, answer),
    )


def failure_of(verdict: Verdict) -> str:
    """Code of why there is no label; empty if there is one."""
    return "" if verdict.label is not None else verdict.reason.partition(":")[0]


def _evidence_row(verdict: Verdict | None, answer: CitedAnswer) -> EvidenceRow | None:
    span = verdict.span if verdict is not None else None
    if span is None or answer.evidence is None or span.snippet not in answer.evidence:
        return None
    quoted = answer.evidence[span.snippet].text[span.start : span.end]
    return EvidenceRow(snippet=span.snippet, start=span.start, end=span.end, text=quoted[:MAX_QUOTE])


_SAYS: Final = {
    Label.FULL: "supported",
    Label.PARTIAL: "supported in part",
    Label.NONE: "not supported",
    Label.CONTRADICTS: "contradicted",
}


def _explanation(unit: UnitScore, invalid: tuple[str, ...], answer: CitedAnswer) -> str:
    """Why the unit counts as it does, in words."""
    if unit.exempt is not None:
        return f"needs no citation: {unit.exempt}"
    if not unit.citations:
        return "needs a citation and has none"
    if answer.evidence is None:
        return "not judged: the row has no snippets"
    parts = [f"no snippet has the id {', '.join(id[:80] for id in invalid)}"] if invalid else []
    verdict = unit.verdict
    if verdict is not None:
        parts.insert(0, _SAYS[verdict.label] if verdict.label is not None else f"not judged ({verdict.reason})")
        if verdict.label is not None and verdict.reason:
            parts.append(verdict.reason)
        if verdict.missing:
            parts.append(f"not in the evidence: {', '.join(verdict.missing)}")
        if verdict.flags:
            parts.append(f"looks wrong: {', '.join(verdict.flags)}")
    needless = [one.id for one in unit.citations if one.snippet is not None and one.value == 0 and unit.support]
    if needless:
        parts.append(f"not needed: {', '.join(needless)}")
    return "; ".join(parts)
