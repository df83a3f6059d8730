"""Adds to a row what a second judge says, so that a report can show where two disagree.

In: a score row, the score that it was made of, a judge that costs nothing. Out: the row with `second` in each unit
that the first judge was asked about. The figures are the first judge's alone. Not here: showing disagreement (report/).
"""

from citerefine.judges.citation_score import CitationScore, UnitScore
from citerefine.judges.judge import SupportJudge
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.judges.scoring import CitedAnswer
from citerefine.judges.statements import MAX_PREMISE
from citerefine.judges.verdict import SupportQuery
from citerefine.refiner.evidence import Evidence


async def with_second_opinion(
    row: ScoreRow, score: CitationScore, answer: CitedAnswer, second: SupportJudge
) -> ScoreRow:
    """The row with the labels of `second` on all cited snippets together, unit by unit."""
    if answer.evidence is None:
        return row
    queries = {
        number: _query(unit, answer.evidence, answer.question)
        for number, unit in enumerate(score.units)
        if unit.verdict is not None
    }
    if not queries:
        return row
    verdicts = await second.judge([*queries.values()])
    labels = {number: verdict.label for number, verdict in zip(queries, verdicts, strict=True)}
    units = (unit.model_copy(update={"second": labels.get(number)}) for number, unit in enumerate(row.units))
    return row.model_copy(update={"units": tuple(units)})


def _query(unit: UnitScore, evidence: Evidence, question: str) -> SupportQuery:
    """What the first judge was asked about the unit."""
    ids = [citation.snippet for citation in unit.citations if citation.snippet is not None]
    return SupportQuery(unit.text, tuple(evidence[id] for id in ids[:MAX_PREMISE]), question, unit.context)
