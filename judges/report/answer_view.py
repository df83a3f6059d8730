"""What a page shows of one scored answer, bounded in size.

In: a `ScoreRow`, which is data. Out: `AnswerView`, small enough to keep hundreds; what is left out is counted. Not
here: the answer's text (layout.py), markup, which answers are shown (score_page.py).
"""

from collections import Counter
from typing import Final, NamedTuple

from citerefine.judges.report.layout import NAME_LIMIT, NOTE_LIMIT, TEXT_LIMIT, Part, has_proof, lay_out
from citerefine.judges.report.marks import Concern, Mark, concerns_of, mark_of
from citerefine.judges.runs.score_row import ScoreRow
from citerefine.refiner.report.html_page import clip

QUESTION_LIMIT: Final = 1_500
"""Characters of a question that are shown."""
CODES_LIMIT: Final = 8
"""Kinds of exemptions, and of remarks, that are shown, the most frequent first."""


class AnswerView(NamedTuple):
    """One answer."""

    name: str
    """Its id, or its line."""
    question: str
    system: str
    precision: float | None
    recall: float | None
    f1: float | None
    why: str
    """Why figures are missing; empty if none is."""
    parts: tuple[Part, ...]
    n_text_left_out: int
    """Characters."""
    n_proofs_left_out: int
    """Units that cite something and are shown without proof, or not at all."""
    marks: tuple[tuple[Mark, int], ...]
    """How often each mark occurs among all units, in the order of `Mark`."""
    concerns: tuple[Concern, ...]
    exempt: tuple[tuple[str, int], ...]
    """Why units need no citation, and how many."""
    remarks: tuple[tuple[str, int], ...]
    """Code → how often, of what is not canonical in the answer."""

    @property
    def size(self) -> int:
        """About how many characters it takes in a page."""
        return len(self.question) + sum(part.size for part in self.parts)

    def without_text(self) -> "AnswerView":
        """The same with nothing of its text, all of which counts as left out."""
        n_text = self.n_text_left_out + sum(len(piece.text) for part in self.parts for piece in part.pieces)
        n_proofs = self.n_proofs_left_out + sum(part.proof is not None for part in self.parts)
        return self._replace(parts=(), n_text_left_out=n_text, n_proofs_left_out=n_proofs)


def view_row(row: ScoreRow) -> AnswerView:
    """The view of a row."""
    parts = lay_out(row)
    n_citing = sum(map(has_proof, row.units))
    exempt = Counter(clip(unit.exempt or "no reason given", NAME_LIMIT) for unit in row.units if not unit.need)
    return AnswerView(
        name=_name(row),
        question=clip(row.question, QUESTION_LIMIT),
        system=clip(row.system or "", NAME_LIMIT),
        precision=row.precision,
        recall=row.recall,
        f1=row.f1,
        why=_why(row),
        parts=parts,
        n_text_left_out=max(0, len(row.text) - TEXT_LIMIT),
        n_proofs_left_out=n_citing - sum(part.proof is not None for part in parts),
        marks=tuple(count_marks(row).items()),
        concerns=row_concerns(row),
        exempt=tuple(exempt.most_common(CODES_LIMIT)),
        remarks=tuple(Counter(clip(issue.code, NAME_LIMIT) for issue in row.issues).most_common(CODES_LIMIT)),
    )


def count_marks(row: ScoreRow) -> dict[Mark, int]:
    """How many units have each mark, in the order of `Mark`; marks that no unit has are left out."""
    counts = Counter(mark_of(unit) for unit in row.units)
    return {mark: counts[mark] for mark in Mark if counts[mark]}


def row_concerns(row: ScoreRow) -> tuple[Concern, ...]:
    """What an answer can be filtered by; also where its row counts something that no unit shows."""
    found = {concern for unit in row.units for concern in concerns_of(unit)}
    counts = {Concern.INVALID: row.n_invalid, Concern.UNCITED: row.n_uncited, Concern.UNJUDGED: row.n_failed}
    found |= {concern for concern, count in counts.items() if count}
    return tuple(concern for concern in Concern if concern in found)


def _name(row: ScoreRow) -> str:
    if row.id is not None:
        return clip(str(row.id), NAME_LIMIT)
    return "no id" if row.line is None else f"line {row.line}"


def _why(row: ScoreRow) -> str:
    if row.error is not None:
        return clip(f"{row.error.code}: {row.error.message}", NOTE_LIMIT)
    return clip(row.reason, NOTE_LIMIT)
