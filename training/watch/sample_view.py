"""What a page shows of one sampled completion: its text in pieces, coloured by how far each claim is supported.

In: a `Sample`, which is data: offsets may lie. Out: `SampleView`, bounded in size. Not here: markup.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from citerefine.judges.report.marks import Mark
from citerefine.refiner.report.html_page import clip
from citerefine.training.rewards.breakdown import Term
from citerefine.training.watch.samples import Sample

TEXT_LIMIT: Final = 4_000
"""Code points of a completion, and of a draft, that are shown."""
QUESTION_LIMIT: Final = 400
REASON_LIMIT: Final = 300
WORD_LIMIT: Final = 40
_FULL: Final = 1 - 1e-9


class Piece(NamedTuple):
    """A stretch of a completion."""

    text: str
    mark: Mark | None
    """Of the claim; None between claims."""


class SampleView(NamedTuple):
    """One completion."""

    step: int
    question: str
    pieces: tuple[Piece, ...]
    n_left_out: int
    """Code points of the completion."""
    total: float | None
    reason: str
    terms: tuple[tuple[str, float | None], ...]
    """Of those that apply to the row."""
    phase: str
    """Empty in a run with one."""
    draft: str | None
    """That the completion improves; None of a first answer."""
    n_draft_left_out: int
    """Code points of the draft."""


def view_sample(sample: Sample) -> SampleView:
    """The view of a sample."""
    breakdown = sample.breakdown
    return SampleView(
        step=sample.step,
        question=clip(sample.question, QUESTION_LIMIT),
        pieces=tuple(_pieces(sample)),
        n_left_out=max(0, len(sample.completion) - TEXT_LIMIT),
        total=breakdown.total,
        reason=clip(breakdown.reason, REASON_LIMIT),
        terms=tuple((clip(term.name, WORD_LIMIT), term.value) for term in breakdown.terms if _is_told(term)),
        phase=clip(sample.phase, WORD_LIMIT),
        draft=None if sample.draft is None else sample.draft[:TEXT_LIMIT],
        n_draft_left_out=max(0, len(sample.draft or "") - TEXT_LIMIT),
    )


def _is_told(term: Term) -> bool:
    return bool(term.name.strip()) and (term.weight > 0 or term.value is not None)


def _pieces(sample: Sample) -> Iterator[Piece]:
    text, at = sample.completion[:TEXT_LIMIT], 0
    for claim in sorted(sample.breakdown.claims, key=lambda claim: claim.start):
        start, end = claim.start, min(claim.end, len(text))
        if start < at or end <= start:  # overlaps what is shown, or lies behind the end
            continue
        if start > at:
            yield Piece(text[at:start], None)
        yield Piece(text[start:end], _mark(claim.support))
        at = end
    if at < len(text):
        yield Piece(text[at:], None)


def _mark(support: float | None) -> Mark:
    if support is None:
        return Mark.UNJUDGED
    return Mark.SUPPORTED if support >= _FULL else Mark.PARTLY if support > 0 else Mark.UNSUPPORTED
