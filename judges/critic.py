"""Tells the author of a draft which claims its citations do not support, so that a second pass can mend them.

In: an `Answer`. Out: `Critique`: one sentence a fault, and F1 as the score. For `Refiner(critic=CitationCritic())` with
`passes=2`. Not here: asking for the second draft (refiner/drafting.py), which of the two is better (refiner/choice.py).
"""

from typing import Final

from citerefine.judges.citation_score import UnitScore
from citerefine.judges.judge import SupportJudge
from citerefine.judges.scoring import ascore_citations
from citerefine.judges.verdict import Label
from citerefine.refiner.answer import Answer
from citerefine.refiner.protocols import Critique

MAX_FINDINGS: Final = 12
"""Most faults that are told: a prompt has bounds."""
MAX_QUOTED: Final = 160
"""Longest part of a claim that is repeated, in code points."""

_SAYS: Final = {
    Label.PARTIAL: "is supported in part only by what it cites",
    Label.NONE: "is not supported by what it cites",
    Label.CONTRADICTS: "is contradicted by what it cites",
}


class CitationCritic:
    """Judges drafts by their citations (protocols.Critic)."""

    def __init__(self, judge: SupportJudge | None = None) -> None:
        """Takes a judge; by default the lexical one."""
        self._judge = judge

    async def critique(self, answer: Answer) -> Critique:
        """What is wrong with the citations of an answer. Raises CallError as the judge does."""
        score = await ascore_citations(answer, self._judge)
        found = [finding for unit in score.units if (finding := _finding(unit)) is not None]
        return Critique(findings=tuple(found[:MAX_FINDINGS]), score=score.f1)


def _finding(unit: UnitScore) -> str | None:
    claim = f"The claim “{unit.text[:MAX_QUOTED]}{'…' if len(unit.text) > MAX_QUOTED else ''}”"
    if not unit.citations:
        return None if unit.exempt is not None else f"{claim} needs a citation and has none."
    verdict = unit.verdict
    if verdict is not None and verdict.label in _SAYS:
        missing = f" Not in the snippets: {', '.join(verdict.missing)}." if verdict.missing else ""
        return f"{claim} {_SAYS[verdict.label]}.{missing}"
    needless = [citation.id for citation in unit.citations if citation.value == 0]
    return f"{claim} does not need {', '.join(needless)}." if needless else None
