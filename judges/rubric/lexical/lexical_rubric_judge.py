"""A rubric judge that compares words. It needs no model; a cell takes well under a millisecond.

In: queries. Out: cells. A criterion is met where the statements of the answer have its words, numbers and names close
together and deny none of them; a fault is present likewise. It is a weak judge: it cannot tell paraphrase from silence,
nor a criterion half met by its words from one met in its meaning; where a criterion is about form it says
CANNOT_ASSESS. It serves as a floor to compare judges with, and where no model is at hand. A policy trained against it
learns to repeat the words of criteria. Not here: models (chat/), what it earns under attack (docs/adversary.md).
"""

from typing import Final

from citerefine.judges.lexical.claim import ClaimSentence
from citerefine.judges.lexical.comparison import Match, compare
from citerefine.judges.lexical.evidence import Prepared
from citerefine.judges.lexical.markup import readable
from citerefine.judges.lexical.words import keys
from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.lexical.asked import read_criterion
from citerefine.judges.rubric.lexical.contrary import is_opposed
from citerefine.judges.rubric.lexical.told import Told, read_told
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery
from citerefine.rubrics.criterion import Criterion, Level

VERSION: Final = 3
"""Changes with whatever changes a cell."""

MET: Final = 0.62
"""Least score of the worst part of a criterion that is met. Higher than for support (lexical_judge.py), since criteria
are short, and one of three words is then mostly the verb. Chosen by hand: no labelled answers were there to fit it."""
BLOCKING: Final = frozenset({"number", "negation", "antonym", "order"})
"""Flags (lexical/comparison.py) with which no part counts as said."""
DENIED: Final = 0.2
"""Most that a part with such a flag scores: too little to be met on any scale."""
MAX_EVIDENCE: Final = 600
"""Longest evidence, in code points."""


class LexicalRubricJudge:
    """Says how far answers meet criteria, by their words."""

    def __init__(self) -> None:
        self.name = f"lexical-rubric-{VERSION}"

    async def grade(self, query: GradeQuery) -> Graded:
        """A cell for each criterion; nothing can fail."""
        return Graded(self.cells(query))

    async def aclose(self) -> None:
        """Nothing to give back."""

    def cells(self, query: GradeQuery) -> tuple[Cell, ...]:
        """The cells, for callers without an event loop. Raises nothing, and may be called by threads.

        There is no `p_met`: the score is a rank, no probability. It stands in `reason`, with the missing words.
        """
        told = read_told(query.answer)
        return tuple(_cell(criterion, told) for criterion in query.criteria)


def _cell(criterion: Criterion, told: Told) -> Cell:
    asked = read_criterion(criterion.text)
    if asked.untold:
        return Cell(
            criterion=criterion.id,
            key=criterion.key,
            status=Status.ABSTAIN,
            verdict="CANNOT_ASSESS",
            value=None if criterion.is_negative else 0.0,
            weight=criterion.weight,
            reason=asked.untold,
        )
    prepared = told.prepared_for(calls_false=asked.calls_false)
    matches = [_compared(part, prepared, told.text) for part in asked.parts]
    score = min(map(_score, matches), default=0.0)
    verdict, value = _verdict(criterion, score)
    return Cell(
        criterion=criterion.id,
        key=criterion.key,
        status=Status.OK,
        verdict=verdict,
        value=value,
        weight=criterion.weight,
        evidence=_evidence(matches, told) if value else None,
        reason=_reason(score, matches),
    )


def _compared(part: ClaimSentence, prepared: Prepared, text: str) -> Match:
    match = compare(part, [prepared])
    if match.window is None or "antonym" in match.flags:
        return match
    said = keys(readable(text[match.window.start : match.window.end]))
    return match._replace(flags=(*match.flags, "antonym")) if is_opposed(part.weights, said) else match


def _score(match: Match) -> float:
    return min(match.score, DENIED) if BLOCKING.intersection(match.flags) else match.score


def _verdict(criterion: Criterion, score: float) -> tuple[str, float]:
    """The verdict and its value; on a graded scale, the step that lies nearest to the score as a share of MET."""
    scale = criterion.scale
    share = min(1.0, score / MET) if score > DENIED else 0.0
    if scale.levels:
        nearest = min(range(len(scale.levels)), key=lambda n: abs(n / (len(scale.levels) - 1 or 1) - share))
        level: Level = scale.levels[nearest]
        return level.name or str(nearest), level.value
    if scale.kind == "numeric":
        return f"{scale.to_native(share):g}", share
    return ("MET", 1.0) if score >= MET else ("UNMET", 0.0)


def _evidence(matches: list[Match], told: Told) -> str | None:
    """The stretch of the answer that has most of any part, word for word."""
    windows = (match.window for match in matches if match.window is not None)
    best = max(windows, key=lambda window: window.weight, default=None)
    return None if best is None else told.plain[best.start : min(best.end, best.start + MAX_EVIDENCE)]


def _reason(score: float, matches: list[Match]) -> str:
    missing = dict.fromkeys(word for match in matches for word in match.missing)
    flags = dict.fromkeys(flag for match in matches for flag in match.flags)
    parts = [f"words: score {score:.2f}"]
    if missing:
        parts.append(f"missing {', '.join(list(missing)[:12])}")
    if flags:
        parts.append(f"looks wrong: {', '.join(flags)}")
    return "; ".join(parts)
