"""LongBench-Cite's citation recall, precision and F1 (Zhang et al. 2024; THUDM/LongCite, auto_scorer.py).

In: an answer, evidence, a judge. Out: `CitationScore`. A cited statement has the recall 1, 1/2 or 0 by how far all
its cited text together supports it; an uncited one has 1 if it needs no citation, else 0. A citation has precision 1
if it is relevant to its statement, that is, supports at least a part of it. Recall is a mean over statements,
precision over (statement, citation) pairs, 0 if there are none; F1 is of these two means.

Upstream asks GPT-4o whether a statement needs a citation; here the rule of need.py says so. Statements are the units
of the answer, repetitions included; those behind the fortieth are free, as upstream.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from citerefine.judges.citation_score import CitationScore, CitationValue, UnitScore
from citerefine.judges.formulas.result import formula_score, without_evidence
from citerefine.judges.judge import SupportJudge
from citerefine.judges.need import exemption
from citerefine.judges.scoring import CitedAnswer
from citerefine.judges.units import Unit, split_units
from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.evidence import Evidence

MAX_STATEMENTS: Final = 40


async def longcite(answer: CitedAnswer, judge: SupportJudge) -> CitationScore:
    """The score of an answer by LongBench-Cite's formula. Raises CallError as the judge does."""
    evidence = answer.evidence
    if evidence is None:
        return without_evidence(answer)
    units = split_units(answer.parse)[:MAX_STATEMENTS]
    cited = {number: known for number, unit in enumerate(units) if (known := _known(unit, evidence))}
    pairs = [(number, id) for number, ids in cited.items() if len(ids) > 1 for id in ids]
    joint = [_query(units[number], ids, evidence, answer.question) for number, ids in cited.items()]
    single = [_query(units[number], [id], evidence, answer.question) for number, id in pairs]
    verdicts = await judge.judge([*joint, *single]) if joint else []
    together = dict(zip(cited, verdicts, strict=False))
    alone = dict(zip(pairs, verdicts[len(joint) :], strict=True))
    alone |= {(number, ids[0]): together[number] for number, ids in cited.items() if len(ids) == 1}
    scored = [
        _unit(number, unit, answer, evidence, together.get(number), alone) for number, unit in enumerate(units)
    ]
    recalls = [_recall(unit) for unit in scored]
    values = [citation.value for unit in scored for citation in unit.citations]
    return formula_score(
        _mean([value for value in values if value is not None]),
        _mean([recall for recall in recalls if recall is not None]),
        scored,
        n_failed=sum(recall is None for recall in recalls) + sum(value is None for value in values),
        judge=judge.name,
    )


def _known(unit: Unit, evidence: Evidence) -> list[str]:
    ids = (evidence.resolve(written) for written in unit.ids)
    return list(dict.fromkeys(id for id in ids if id is not None))


def _query(unit: Unit, ids: Sequence[str], evidence: Evidence, question: str) -> SupportQuery:
    return SupportQuery(unit.text, tuple(evidence[id] for id in ids), question, unit.context)


def _unit(
    number: int,
    unit: Unit,
    answer: CitedAnswer,
    evidence: Evidence,
    joint: Verdict | None,
    alone: Mapping[tuple[int, str], Verdict],
) -> UnitScore:
    citations = list[CitationValue]()
    for written in unit.ids:
        id = evidence.resolve(written)
        verdict = None if id is None else alone[number, id]
        support = 0.0 if verdict is None else verdict.support
        value = None if support is None else float(support > 0)
        citations.append(CitationValue(id=written, snippet=id, value=value, verdict=verdict))
    return UnitScore(
        text=unit.text,
        start=unit.start,
        end=unit.end,
        citations=tuple(citations),
        exempt=exemption(unit),
        weight=1.0,
        support=0.0 if joint is None else joint.support,
        verdict=joint,
        context=unit.context,
    )


def _recall(unit: UnitScore) -> float | None:
    return 1.0 if unit.exempt is not None else unit.support


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
