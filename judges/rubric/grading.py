"""Grades an answer by a rubric: text in, cells and score out. The same for evaluation, reward and reports.

In: an answer, a rubric, a judge. Out: `RubricScore`. The gate comes first, then each criterion goes to whom it names:
the judge, a rule (rules.py), the citation score. Not here: reading answers (reading.py), asking models (chat/), groups
of answers (group.py), files of answers (runs/).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from citerefine.judges.citation_score import CitationScore
from citerefine.judges.judge import SupportJudge
from citerefine.judges.rubric.cell import Cell, Status
from citerefine.judges.rubric.gate import GATES
from citerefine.judges.rubric.reading import Asked, aside, read_answer
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery, RubricJudge
from citerefine.judges.rubric.rubric_score import RubricScore
from citerefine.judges.rubric.rules import RuleQuery, cell_by_rule, failed_cell, valued_cell
from citerefine.judges.scoring import Snippets, ascore_citations
from citerefine.refiner.answer import Answer
from citerefine.refiner.background import run
from citerefine.refiner.records import Usage
from citerefine.rubrics.aggregation import LEAST_COVERAGE, aggregate, default_formula
from citerefine.rubrics.aggregation.formulas import checked_name
from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric

CITATION_FIGURES: Final = ("f1", "precision", "recall", "score")
"""What a criterion that is verified by `citation` can name as its `rule`; f1 if it names none."""


def grade(
    answer: Answer | str,
    rubric: Rubric,
    judge: RubricJudge | str = "lexical",
    *,
    question: str = "",
    snippets: Snippets = (),
    formula: str = "",
    raw: str | None = None,
    support: SupportJudge | str | None = None,
    least_coverage: float = LEAST_COVERAGE,
) -> RubricScore:
    """What an answer is worth by a rubric.

    Args:
        answer: text, or what `Refiner.refine` and `parse_answer` give; thinking and the like are not judged.
        rubric: its judged leaves are asked about.
        judge: an object, or a string of loading.py.
        question: what was asked; the answer's own, or the rubric's, if it is not given.
        snippets: the evidence that a text could cite; an `Answer` has its own.
        formula: a key of `aggregation.FORMULAS`; the rubric's own by default.
        raw: the model's whole text, where `answer` is only what a reader sees of it; for rules about form. By default
            the answer itself.
        support: who judges citations, where a criterion asks for them; the lexical judge by default.
        least_coverage: share of the weight that must be judged for a score.

    Raises:
        CallError: if a model that judges cannot be asked at all.
        ModelError: if a string names no judge.
        RubricError: if there is no such formula.
    """
    return run(
        agrade(
            answer,
            rubric,
            judge,
            question=question,
            snippets=snippets,
            formula=formula,
            raw=raw,
            support=support,
            least_coverage=least_coverage,
        )
    )


async def agrade(
    answer: Answer | str,
    rubric: Rubric,
    judge: RubricJudge | str = "lexical",
    *,
    question: str = "",
    snippets: Snippets = (),
    formula: str = "",
    raw: str | None = None,
    support: SupportJudge | str | None = None,
    least_coverage: float = LEAST_COVERAGE,
) -> RubricScore:
    """The same as `grade`, to be awaited."""
    formula = checked_name(formula) if formula else default_formula(rubric)  # before anything is paid for
    asked = await read_answer(answer, rubric, question, snippets, raw)
    if isinstance(judge, str):
        loaded = _load(judge)
        try:
            return await _grade(asked, rubric, loaded, formula, support, least_coverage)
        finally:
            await loaded.aclose()
    return await _grade(asked, rubric, judge, formula, support, least_coverage)


async def _grade(
    asked: Asked,
    rubric: Rubric,
    judge: RubricJudge,
    formula: str,
    support: SupportJudge | str | None,
    least_coverage: float,
) -> RubricScore:
    if asked.gate:
        return score_cells(rubric, gated_cells(rubric), judge=judge.name, formula=formula, gate=asked.gate)
    graded = await _judged(asked.query, judge)
    by_id = {cell.criterion: cell for cell in graded.cells}
    by_id |= await aside(_by_rule, rubric, asked, length=len(asked.raw))
    by_id |= await _by_citations(rubric, asked.query, support)
    cells = [by_id[leaf.id] for leaf in rubric.judged]
    return score_cells(
        rubric, cells, judge=judge.name, formula=formula, usage=graded.usage, least_coverage=least_coverage
    )


def score_cells(
    rubric: Rubric,
    cells: Sequence[Cell],
    *,
    judge: str,
    formula: str = "",
    gate: str = "",
    usage: Usage | None = None,
    least_coverage: float = LEAST_COVERAGE,
) -> RubricScore:
    """The score of an answer whose cells are known.

    Args:
        rubric: whose judged leaves the cells belong to.
        cells: one for each, in their order.
        judge: who filled them.
        formula: a key of `aggregation.FORMULAS`; the rubric's own by default.
        gate: why no judge was asked; then the score is 0. Among the answers of a group it can be less (group.py).
        usage: what filling them consumed.
        least_coverage: share of the weight that must be known for a score.

    Raises:
        ValueError: if the cells are not those of the rubric.
        RubricError: if there is no such formula.
    """
    values = cell_values(rubric, cells)
    found = aggregate(rubric, values, formula, least_coverage=least_coverage)
    return RubricScore(
        score=0.0 if gate else found.score,
        reason=_gated(gate) if gate else found.reason or _faults_unknown(rubric, values),
        formula=formula or default_formula(rubric),
        coverage=found.coverage,
        gate=gate,
        cells=tuple(cells),
        judge=judge,
        rubric=rubric.key,
        usage=usage,
    )


def _gated(code: str) -> str:
    return f"gated: no judge was asked, since the answer is {code}: {GATES.get(code, 'as the caller says')}"


def _faults_unknown(rubric: Rubric, values: Mapping[str, float | None]) -> str:
    """That faults have no verdict, which leaves them out of the score as if they were not there; empty if all have one.

    The score stays: what is unknown is at most what `least_coverage` allows. But it is not the score of a clean answer.
    """
    faults = [values[leaf.criterion.id] for leaf in weigh(rubric) if leaf.is_fault]
    n = faults.count(None)
    return f"faults_unknown: {n} of {len(faults)} faults have no verdict" if n else ""


def cell_values(rubric: Rubric, cells: Sequence[Cell]) -> dict[str, float | None]:
    """Criterion id → value, as formulas take them. Raises ValueError if the cells are not those of the rubric."""
    asked, got = [leaf.id for leaf in rubric.judged], [cell.criterion for cell in cells]
    if asked != got:
        raise ValueError(f"the cells are of {_names(got)}, and the rubric's judged leaves are {_names(asked)}")
    return {leaf.id: cell_value(leaf, cell) for leaf, cell in zip(rubric.judged, cells, strict=True)}


def cell_value(criterion: Criterion, cell: Cell) -> float | None:
    """What a cell counts. An abstention on a positive criterion is 0, since else it would pay to be vague."""
    if cell.status is Status.ABSTAIN:
        return None if criterion.is_negative else 0.0
    return cell.value


def gated_cells(rubric: Rubric) -> tuple[Cell, ...]:
    """The cells of an answer that no judge is asked about: nothing is met, and nothing present."""
    return tuple(
        Cell(criterion=leaf.id, key=leaf.key, status=Status.GATED, value=0.0, weight=leaf.weight)
        for leaf in rubric.judged
    )


def _names(ids: Sequence[str]) -> str:
    return ", ".join(id[:40] for id in ids[:8]) + (" …" if len(ids) > 8 else "") if ids else "nothing"


def _load(name: str) -> RubricJudge:
    from citerefine.judges.rubric.loading import load_rubric_judge

    return load_rubric_judge(name)


async def _judged(query: GradeQuery, judge: RubricJudge) -> Graded:
    """The judge's cells; where they are not those that were asked for, none of them can be trusted to be in place."""
    if not query.criteria:
        return Graded(())
    graded = await judge.grade(query)
    asked = [(criterion.id, criterion.key) for criterion in query.criteria]
    if [(cell.criterion, cell.key) for cell in graded.cells] == asked:
        return graded
    reason = f"mixed_up: the judge gave {len(graded.cells)} cells that are not those of the criteria asked about"
    return Graded(tuple(failed_cell(criterion, reason) for criterion in query.criteria), graded.usage)


def _by_rule(rubric: Rubric, asked: Asked) -> dict[str, Cell]:
    query = RuleQuery(asked.query.answer, asked.raw, asked.query.snippets)
    return {leaf.id: cell_by_rule(leaf, query) for leaf in rubric.judged if leaf.verifier == "rule"}


async def _by_citations(rubric: Rubric, query: GradeQuery, support: SupportJudge | str | None) -> dict[str, Cell]:
    asked = [leaf for leaf in rubric.judged if leaf.verifier == "citation"]
    if not asked:
        return {}
    if not query.snippets:
        reason = "no_evidence: citations cannot be judged without the snippets that the answer could cite"
        return {leaf.id: failed_cell(leaf, reason) for leaf in asked}
    score = await ascore_citations(query.answer, support, snippets=query.snippets, question=query.question)
    return {leaf.id: _citation_cell(leaf, score) for leaf in asked}


def _citation_cell(criterion: Criterion, score: CitationScore) -> Cell:
    figure = criterion.rule or "f1"
    if figure not in CITATION_FIGURES:
        known = ", ".join(CITATION_FIGURES)
        return failed_cell(criterion, f"unknown_rule: there is no citation figure {figure[:60]!r}; there are {known}")
    value: float | None = getattr(score, figure)
    if value is None:
        return failed_cell(criterion, f"not_scored: {score.reason or f'there is no {figure} for this answer'}")
    return valued_cell(criterion, value)
