"""Lays an answer's text out in rows: each unit that cites something beside its proof, the text between them in runs.

In: a `ScoreRow`, which is data: offsets may lie, texts may be of any length. Out: `Part`s, bounded in size. Not here:
markup, what is said of the answer as a whole (answer_view.py).
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.judges.report.marks import WORDS, Concern, Mark, concerns_of, mark_of, mark_of_label
from citerefine.judges.report.shown_text import mark_missing
from citerefine.judges.runs.score_row import ScoreRow, UnitRow
from citerefine.refiner.report.html_page import clip

TEXT_LIMIT: Final = 20_000
"""Characters of an answer that are shown."""
PROOFS_LIMIT: Final = 50_000
"""Characters of proof that are shown beside one answer, markup included."""
QUOTE_LIMIT: Final = 800
NOTE_LIMIT: Final = 600
NAME_LIMIT: Final = 120
"""Characters of an id or a name."""
IDS_LIMIT: Final = 12
"""Citations of a unit that are shown."""
MISSING_LIMIT: Final = 60
"""Words of a claim that are marked as missing."""
_MARKUP: Final = 200
"""About what the markup of a row, or of a citation, takes."""

_STUCK = re.compile(r"[^\w\s]*")
"""Punctuation that directly follows a unit."""
_MARKER = re.compile(r"(?:\A|\n)([^\S\n]*(?:[-*+•>#|]+|\d{1,3}[.)]|[a-z][.)])[^\S\n]*)\Z")
"""What opens the list item or heading that a unit fills."""


class Piece(NamedTuple):
    """A stretch of the answer's text: of one unit, or between units."""

    text: str
    mark: Mark | None = None
    """Of the unit; None between units."""
    missing: bool = False
    """Whether the evidence does not have these words."""


class CitationView(NamedTuple):
    """One id of a unit."""

    id: str
    worth: str
    """What it adds, in words."""
    alone: Mark | None
    """What the judge said of this snippet alone; None if nobody was asked, or it is the only one."""


class Proof(NamedTuple):
    """What a unit cites, and what came of it."""

    number: int
    """Of the unit among all of its answer, from 1."""
    mark: Mark
    citations: tuple[CitationView, ...]
    n_citations_left_out: int
    quote: str
    """The best evidence; empty if the judge named none."""
    quoted_from: str
    """Id of the snippet that the quote is from."""
    p_supported: float | None
    note: str
    """Why it counts so, as far as sign and marks do not say it."""
    second: Mark | None
    """What another judge said."""
    disagree: bool
    """Whether the two judges gave different labels."""


class Part(NamedTuple):
    """A row of the answer: one unit with its proof, or the text between two such."""

    pieces: tuple[Piece, ...]
    proof: Proof | None
    concerns: tuple[Concern, ...]

    @property
    def n_uncited(self) -> int:
        """Units in it that need a citation and have none."""
        return sum(piece.mark is Mark.UNCITED for piece in self.pieces)

    @property
    def size(self) -> int:
        """About how many characters it takes in a page."""
        text = sum(len(piece.text) + _MARKUP // 4 for piece in self.pieces)
        return text + (_size(self.proof) if self.proof else 0)


def has_proof(unit: UnitRow) -> bool:
    """Whether there is something to show beside a unit: it cites something."""
    return mark_of(unit) not in (Mark.EXEMPT, Mark.UNCITED)


def lay_out(row: ScoreRow) -> tuple[Part, ...]:
    """The text in rows; units with unbelievable offsets (outside, or overlapping) come last, by their own text.

    Punctuation behind a unit, and the list marker before it, stay with it. Beyond the limits, text ends, and units
    that cite something are shown without proof.
    """
    text, units, at = row.text[:TEXT_LIMIT], row.units, 0
    placed, lost = _placed(units, len(row.text))
    proofs = _proofs(units, [index for index in placed if units[index].start < len(text)] + lost)
    parts, run = list[Part](), list[Piece]()
    for index in placed:
        unit = units[index]
        if unit.start >= len(text):
            break
        _add_gap(text[at : unit.start], parts, run)
        at = min(unit.end, len(text))
        said = text[unit.start : at]
        if index in proofs:
            marker = _take_marker(run)
            _close(run, parts)
            parts.append(_unit_part(marker, said, unit, proofs[index]))
        else:
            run.append(Piece(said, mark_of(unit)))
    _add_gap(text[at:], parts, run)
    _close(run, parts)
    parts += [_unit_part([], clip(units[at].text, TEXT_LIMIT), units[at], proofs[at]) for at in lost if at in proofs]
    return tuple(parts)


def _placed(units: Sequence[UnitRow], length: int) -> tuple[list[int], list[int]]:
    """Indices of the units in the order of the text, and of those whose place in it is not known."""
    placed, lost, at = list[int](), list[int](), 0
    for index in sorted(range(len(units)), key=lambda index: (units[index].start, units[index].end)):
        if at <= units[index].start < units[index].end <= length:
            placed.append(index)
            at = units[index].end
        else:
            lost.append(index)
    return placed, sorted(lost)


def _add_gap(gap: str, parts: list[Part], run: list[Piece]) -> None:
    """Adds the text between two units to the run; punctuation that sticks to a unit's row goes there."""
    if parts and not run and parts[-1].proof is not None:
        stuck = _STUCK.match(gap)
        if stuck and stuck[0]:
            gap = gap[stuck.end() :]
            parts[-1] = parts[-1]._replace(pieces=(*parts[-1].pieces, Piece(stuck[0])))
    if gap:
        run.append(Piece(gap))


def _take_marker(run: list[Piece]) -> list[Piece]:
    """The list marker at the end of the run, taken from it."""
    found = _MARKER.search(run[-1].text[-20:]) if run and run[-1].mark is None else None
    if found is None:
        return []
    run[-1] = Piece(run[-1].text[: len(run[-1].text) - len(found[1])])
    return [Piece(found[1].lstrip())]


def _close(run: list[Piece], parts: list[Part]) -> None:
    """Makes the run a row, without blank lines around it, if there is anything in it."""
    if any(piece.text.strip() for piece in run):
        run[0] = run[0]._replace(text=run[0].text.lstrip())
        run[-1] = run[-1]._replace(text=run[-1].text.rstrip())
        concerns = (Concern.UNCITED,) if any(piece.mark is Mark.UNCITED for piece in run) else ()
        parts.append(Part(tuple(piece for piece in run if piece.text), None, concerns))
    run.clear()


def _unit_part(marker: list[Piece], said: str, unit: UnitRow, proof: Proof) -> Part:
    words = (word[:NAME_LIMIT] for word in unit.missing[:MISSING_LIMIT])
    claim = (Piece(stretch.text, proof.mark, stretch.missing) for stretch in mark_missing(said, words))
    return Part((*marker, *claim), proof, concerns_of(unit))


def _proofs(units: Sequence[UnitRow], order: list[int]) -> dict[int, Proof]:
    """Index → proof of the units that cite something, as many as the limit holds."""
    left, found = PROOFS_LIMIT, dict[int, Proof]()
    for index in order:
        if has_proof(units[index]):
            proof = _proof(index + 1, units[index])
            left -= _size(proof)
            if left < 0:
                break
            found[index] = proof
    return found


def _size(proof: Proof) -> int:
    ids = sum(len(citation.id) + _MARKUP for citation in proof.citations)
    return _MARKUP + ids + len(proof.quote) + len(proof.note)


def _proof(number: int, unit: UnitRow) -> Proof:
    mark, shown = mark_of(unit), unit.ids[:IDS_LIMIT]
    return Proof(
        number=number,
        mark=mark,
        citations=tuple(_citation_view(id, unit) for id in shown),
        n_citations_left_out=len(unit.ids) - len(shown),
        quote=clip(unit.evidence.text, QUOTE_LIMIT) if unit.evidence else "",
        quoted_from=clip(unit.evidence.snippet, NAME_LIMIT) if unit.evidence else "",
        p_supported=unit.p_supported,
        note=clip(_note(unit, mark), NOTE_LIMIT),
        second=None if unit.second is None else mark_of_label(unit.second),
        disagree=Concern.DISAGREEMENT in concerns_of(unit),
    )


def _citation_view(id: str, unit: UnitRow) -> CitationView:
    value = unit.values.get(id)
    if id in unit.invalid:
        worth = "unknown id"
    elif value is None:
        worth = "not judged"
    elif value == 0:
        worth = "not needed" if unit.support else "does not support it"
    else:
        worth = "needed" if value == 1 else "needed for a part"
    # With one citation, what is said of it alone is what the sign says already.
    alone = mark_of_label(unit.verdicts[id]) if id in unit.verdicts and len(unit.ids) > 1 else None
    return CitationView(clip(id, NAME_LIMIT), worth, alone)


def _note(unit: UnitRow, mark: Mark) -> str:
    """The explanation without what the sign says; the flags, should it not name them."""
    parts = [part for part in unit.explanation.split("; ") if part and part != WORDS[mark]]
    unsaid = [flag for flag in unit.flags if flag not in unit.explanation]
    if unsaid:
        parts.append(f"looks wrong: {', '.join(unsaid)}")
    return "; ".join(parts)
