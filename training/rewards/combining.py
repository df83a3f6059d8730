"""Makes rewards of what is known of the answers of one group.

In: graded answers of one row, its criteria, settings. Out: a `Breakdown` for each, and what the judges said.

    total = scale · Σ weight · value, over the terms that apply to the row

If one of these is missing, so is the total. Without a supported claim it is at most 0 (`needs_support`): else an
answer that claims nothing would be paid for criteria such as “every claim is cited”, which it meets, and for its form.
An answer without an `<answer>` block has the value 0 in all terms, and in the rubric the lowest of the group if that is
less. Pure. Not here: asking (answers.py).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.judges.citation_score import CitationScore
from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.group import GroupScore, score_group
from citerefine.judges.rubric.rubric_score import RubricScore
from citerefine.rubrics.rubric import Rubric
from citerefine.training.rewards.answers import NO_RUBRIC, Graded
from citerefine.training.rewards.breakdown import Breakdown, Term
from citerefine.training.rewards.citing import citation_part, claim_values
from citerefine.training.rewards.criteria import Criteria
from citerefine.training.rewards.parts import (
    Absent,
    Invalid,
    Missing,
    Part,
    Scored,
    code_of,
    codes_of,
    failed,
    with_codes,
)
from citerefine.training.rewards.settings import RewardSettings

UNSUPPORTED: Final = "unsupported: no claim is supported by what it cites, so that the answer earns at most 0"


class Judged(NamedTuple):
    """The reward of one answer, and what it was made from."""

    breakdown: Breakdown
    cells: tuple[Cell, ...]
    """Of all criteria that were judged; those that were estimated are marked."""
    cited: CitationScore | None
    """None where citations are not computed, or their judge failed altogether."""
    missing: tuple[Missing, ...]
    """The parts for want of which there is no reward."""
    held_out: float | None
    """Score by the criteria that are never rewarded; None if there are none, or it is not known."""

    @property
    def again(self) -> bool:
        """Whether there is no reward, and may be one if what is missing is asked for again."""
        return bool(self.missing) and all(part.again for part in self.missing)


def combine_group(
    row_id: str, graded_G: Sequence[Graded], criteria: Criteria | None, settings: RewardSettings
) -> list[Judged]:
    """The rewards of the answers to one row.

    Args:
        row_id: its id.
        graded_G: what is known of each answer.
        criteria: by which the rubric cells were asked for; None if there are none.
        settings: weights, formula and what is done with criteria that were not judged.
    """
    rubrics_G = _rubric_parts(graded_G, criteria, settings)
    return [_judge(row_id, graded, rubric, settings) for graded, rubric in zip(graded_G, rubrics_G, strict=True)]


class _RubricPart(NamedTuple):
    """What the rubric term of one answer is worth."""

    part: Part
    cells: tuple[Cell, ...] = ()
    held_out: tuple[Cell, ...] = ()
    held_out_score: float | None = None
    n_imputed: int = 0
    n_cells: int = 0
    gate: str = ""


def _rubric_parts(
    graded_G: Sequence[Graded], criteria: Criteria | None, settings: RewardSettings
) -> list[_RubricPart]:
    if criteria is None:
        return [_RubricPart(NO_RUBRIC)] * len(graded_G)
    cells_GC = [graded.rubric.cells for graded in graded_G if isinstance(graded.rubric, RubricScore)]
    group = _score(criteria.rewarded, cells_GC, settings)
    held_out = None if criteria.held_out is None else _score(criteria.held_out, cells_GC, settings)
    parts, place = list[_RubricPart](), 0
    for graded in graded_G:
        if isinstance(graded.rubric, RubricScore):
            parts.append(_rubric_part(graded, graded.rubric, group, held_out, place))
            place += 1
        else:
            parts.append(_RubricPart(graded.rubric))
    return parts


def _score(
    rubric: Rubric, cells_GC: Sequence[Sequence[Cell]], settings: RewardSettings
) -> GroupScore | Missing:
    """The scores of a group by some of the criteria that it was judged by."""
    ids = {leaf.id for leaf in rubric.judged}
    own_GC = [[cell for cell in cells if cell.criterion in ids] for cells in cells_GC]
    try:
        return score_group(rubric, own_GC, formula=settings.formula, policy=settings.imputation)
    except ValueError as error:  # a formula that does not fit this rubric costs its group, and not the run
        return failed("unusable", f"{type(error).__name__}: {error}")


def _rubric_part(
    graded: Graded, score: RubricScore, group: GroupScore | Missing, held_out: GroupScore | Missing | None, place: int
) -> _RubricPart:
    if isinstance(group, Missing):
        return _RubricPart(group, score.cells)
    now = {cell.criterion: cell for cell in group.cells_GC[place]}
    value, reason = group.scores_G[place], group.reasons_G[place]
    return _RubricPart(
        Missing(with_codes(reason, graded.failures), graded.failures) if value is None else Scored(value, reason),
        tuple(now.get(cell.criterion, cell) for cell in score.cells),
        tuple(cell for cell in score.cells if cell.criterion not in now),
        held_out.scores_G[place] if isinstance(held_out, GroupScore) else None,
        sum(cell.status is Status.IMPUTED for cell in now.values()),
        len(now),
        score.gate,
    )


def _judge(row_id: str, graded: Graded, rubric: _RubricPart, settings: RewardSettings) -> Judged:
    cited = graded.citation if isinstance(graded.citation, CitationScore) else None
    all_parts: dict[str, Part] = {
        "rubric": rubric.part,
        "citation": _citation_part(graded.citation, settings),
        "format": graded.form,
        "verification": graded.verification,
    }
    parts = {name: all_parts[name] for name in settings.weights}
    terms = tuple(_term(name, part, settings.weights[name]) for name, part in parts.items())
    total, reason = _total(terms, cited, settings)
    missing = tuple(part for part in parts.values() if isinstance(part, Missing))
    return Judged(
        Breakdown(
            id=row_id,
            total=total,
            reason=graded.invalid or reason,
            terms=terms,
            claims=() if cited is None or graded.invalid else claim_values(graded.text, cited),
            n_imputed=rubric.n_imputed if total is not None else 0,
            n_cells=rubric.n_cells,
            gate=rubric.gate or code_of(graded.invalid),
            held_out={cell.criterion: cell.value for cell in rubric.held_out},
            held_out_score=rubric.held_out_score,
            failures=codes_of(missing),
            copied_share=None if cited is None else cited.copied_share,
            n_citing=0 if cited is None else sum(bool(unit.citations) for unit in cited.units),
            n_citations=0 if cited is None else sum(len(unit.citations) for unit in cited.units),
        ),
        rubric.cells,
        cited,
        missing,
        rubric.held_out_score,
    )


def _citation_part(citation: CitationScore | Missing | Absent, settings: RewardSettings) -> Part:
    if isinstance(citation, CitationScore):
        return citation_part(citation, settings.citation_figure)
    return citation


def _term(name: str, part: Part, weight: float) -> Term:
    if isinstance(part, Absent):
        return Term(name=name, weight=0.0, reason=part.reason)
    value = 0.0 if isinstance(part, Invalid) else part.value if isinstance(part, Scored) else None
    return Term(name=name, value=value, weight=weight, reason=part.reason)


def _total(
    terms: Sequence[Term], cited: CitationScore | None, settings: RewardSettings
) -> tuple[float | None, str]:
    """The reward of an answer, and why there is none or it is held down."""
    applying = [term for term in terms if term.weight]
    if not applying:
        return None, "no_term: no term of the reward applies to this row"
    for term in applying:
        if term.value is None:
            return None, f"missing_{term.name}: {term.reason}"
    total = sum((term.weight * (term.value or 0.0) for term in applying), start=0.0)
    is_cited = any(term.name == "citation" for term in applying)
    if settings.needs_support and is_cited and cited is not None and not cited.score:
        return settings.scale * min(total, 0.0), UNSUPPORTED  # those who look at terms alone must be told of it too
    return settings.scale * total, ""
