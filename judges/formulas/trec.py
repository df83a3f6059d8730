"""Weighted citation precision and recall of the TREC 2024 RAG track (Thakur et al. 2025, arXiv:2504.15205).

In: an answer, evidence, a judge. Out: `CitationScore`. The label of a sentence and its first citation counts 1 (full),
1/2 (partial) or 0. Weighted precision is the sum of labels over judged citations; weighted recall is the same sum
over all sentences, where one without a citation has 0. With `first_only=False` every citation of a sentence is judged
by itself and a sentence has the mean of its citations, as re-implementations have it. The track defines neither F1
(here the harmonic mean) nor ids that lead nowhere (here they count as judged, with 0).
"""

from citerefine.judges.citation_score import CitationScore, CitationValue, UnitScore
from citerefine.judges.formulas.result import formula_score, without_evidence
from citerefine.judges.formulas.sentences import cited_sentences
from citerefine.judges.judge import SupportJudge
from citerefine.judges.scoring import CitedAnswer
from citerefine.judges.verdict import SupportQuery


async def trec(answer: CitedAnswer, judge: SupportJudge, *, first_only: bool = True) -> CitationScore:
    """The score of an answer by the track's formula. Raises CallError as the judge does."""
    evidence = answer.evidence
    if evidence is None:
        return without_evidence(answer)
    sentences = cited_sentences(answer.parse)
    counted = [one.ids[:1] if first_only else one.ids for one in sentences]
    pairs = [
        (number, written, id)
        for number, ids in enumerate(counted)
        for written in ids
        if (id := evidence.resolve(written)) is not None
    ]
    queries = [SupportQuery(sentences[number].text, (evidence[id],), answer.question) for number, _, id in pairs]
    verdicts = await judge.judge(queries) if queries else []
    known = {(number, written): verdict for (number, written, _), verdict in zip(pairs, verdicts, strict=True)}
    units, labels, n_citations, failed = list[UnitScore](), 0.0, 0, 0
    for number, (sentence, ids) in enumerate(zip(sentences, counted, strict=True)):
        citations = list[CitationValue]()
        for written in ids:
            verdict = known.get((number, written))
            value = 0.0 if verdict is None else verdict.support
            citations.append(
                CitationValue(id=written, snippet=evidence.resolve(written), value=value, verdict=verdict)
            )
        values = [citation.value for citation in citations]
        failed += sum(value is None for value in values)
        support = sum(value or 0.0 for value in values) / len(values) if values else 0.0
        labels, n_citations = labels + sum(value or 0.0 for value in values), n_citations + len(values)
        units.append(
            UnitScore(
                text=sentence.text,
                start=sentence.start,
                end=sentence.end,
                citations=tuple(citations),
                exempt=None,
                weight=1.0,
                support=None if None in values else support,
                verdict=known.get((number, ids[0])) if ids else None,
            )
        )
    recall = sum(unit.support or 0.0 for unit in units) / len(units) if units else 0.0
    return formula_score(
        labels / n_citations if n_citations else 0.0, recall, units, n_failed=failed, judge=judge.name
    )
