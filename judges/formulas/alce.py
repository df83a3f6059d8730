"""ALCE's citation recall and precision (Gao et al. 2023, section 3.3; princeton-nlp/ALCE, eval.py).

In: an answer, evidence in the order of its numbers, a judge. Out: `CitationScore`. A sentence has recall 1 if all its
citations (the first three) together entail it; a citation has precision 1 if its sentence has recall 1 and it is not
the case that it alone fails while the others alone entail. Recall is a mean over sentences, precision over citations.
Support is binary: only a `full` verdict entails. ALCE itself has no F1; here it is the harmonic mean of both.

`strict_upstream` keeps what the published figures contain: only the first line counts; `[0]` means the last document;
an id out of range loses the sentence's recall but does not enter the denominator of precision; repeated ids count
each time; an empty answer is left out of the mean. Otherwise all lines count, ids count once, unknown ones enter the
denominator, and an empty answer has 0. ALCE splits sentences with NLTK, this with language/sentences.py.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from citerefine.judges.citation_score import CitationScore, CitationValue, UnitScore
from citerefine.judges.formulas.result import formula_score, skipped, without_evidence
from citerefine.judges.formulas.sentences import cited_sentences
from citerefine.judges.judge import SupportJudge
from citerefine.judges.scoring import CitedAnswer
from citerefine.judges.verdict import Label, SupportQuery, Verdict
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.language.sentences import split_sentences

MAX_CITATIONS: Final = 3
EMPTY: Final = "empty: the formula leaves empty answers out of its mean"

_NUMBER = re.compile(r"\[(\d{1,9})")
_CITATION = re.compile(r" ?\[\d+")


class _Sentence(NamedTuple):
    text: str
    start: int
    end: int
    written: tuple[str, ...]
    """What stands in the text, one for each citation."""
    documents: tuple[int | None, ...]
    """Position in the evidence, from 0, or -1 for the last; None if there is no such document."""


async def alce(answer: CitedAnswer, judge: SupportJudge, *, strict_upstream: bool = True) -> CitationScore:
    """The score of an answer by ALCE's formula. Raises CallError as the judge does."""
    if answer.evidence is None:
        return without_evidence(answer)
    sentences = _sentences(answer, answer.evidence, strict_upstream)
    if not sentences:
        return skipped(EMPTY, judge.name) if strict_upstream else formula_score(0, 0, (), n_failed=0, judge=judge.name)
    premises = [_premise(sentence, strict_upstream) for sentence in sentences]
    verdicts = _Verdicts(answer, judge)
    await verdicts.ask([(one.text, premise) for one, premise in zip(sentences, premises, strict=True) if premise])
    several = [
        (one.text, premise)
        for one, premise in zip(sentences, premises, strict=True)
        if len(premise) > 1 and verdicts.entails(one.text, premise)
    ]
    await verdicts.ask([(text, (number,)) for text, premise in several for number in premise])
    await verdicts.ask(
        [
            (text, _without(premise, number))
            for text, premise in several
            for number in premise
            if verdicts.entails(text, (number,)) is False
        ]
    )
    return _score(sentences, premises, verdicts, strict_upstream)


def _premise(sentence: _Sentence, strict: bool) -> tuple[int, ...]:
    """The documents that the sentence is judged by; none if it cites nothing, or something that is not there."""
    known = tuple(number for number in sentence.documents if number is not None)
    if strict:
        return known[:MAX_CITATIONS] if len(known) == len(sentence.documents) else ()
    return known[:MAX_CITATIONS]


def _without(premise: tuple[int, ...], number: int) -> tuple[int, ...]:
    at = premise.index(number)
    return premise[:at] + premise[at + 1 :]


class _Verdicts:
    """What the judge said, asked once for each claim and set of documents."""

    def __init__(self, answer: CitedAnswer, judge: SupportJudge) -> None:
        self._question = answer.question
        self._snippets = answer.evidence.snippets if answer.evidence else ()
        self._judge = judge
        self._known: dict[tuple[str, tuple[int, ...]], Verdict] = {}

    @property
    def judge(self) -> str:
        return self._judge.name

    async def ask(self, pairs: Sequence[tuple[str, tuple[int, ...]]]) -> None:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        queries = [
            SupportQuery(text, tuple(self._snippets[number] for number in premise), self._question)
            for text, premise in new
        ]
        if queries:
            self._known |= zip(new, await self._judge.judge(queries), strict=True)

    def of(self, text: str, premise: tuple[int, ...]) -> Verdict | None:
        return self._known.get((text, premise))

    def entails(self, text: str, premise: tuple[int, ...]) -> bool | None:
        """Whether the documents entail the sentence; None if the judge did not say."""
        verdict = self._known[text, premise]
        return None if verdict.label is None else verdict.label is Label.FULL

    def id_of(self, number: int | None) -> str | None:
        return None if number is None else self._snippets[number].id


def _score(
    sentences: Sequence[_Sentence], premises: Sequence[tuple[int, ...]], verdicts: _Verdicts, strict: bool
) -> CitationScore:
    recalled = precise = 0.0
    citations = failed = 0
    units = list[UnitScore]()
    for sentence, premise in zip(sentences, premises, strict=True):
        joint = verdicts.entails(sentence.text, premise) if premise else False
        values = [_value(sentence.text, premise, number, joint, verdicts) for number in premise]
        failed += joint is None or None in values
        recalled += bool(joint)
        precise += sum(value or 0.0 for value in values)
        citations += len(premise) if strict else len(sentence.documents)
        units.append(_unit(sentence, premise, joint, values, verdicts))
    precision = precise / citations if citations else 0.0
    return formula_score(precision, recalled / len(sentences), units, n_failed=failed, judge=verdicts.judge)


def _value(
    text: str, premise: tuple[int, ...], number: int, joint: bool | None, verdicts: _Verdicts
) -> float | None:
    if joint is None or not joint or len(premise) == 1:
        return None if joint is None else float(joint)
    alone = verdicts.entails(text, (number,))
    if alone is None or alone:
        return None if alone is None else 1.0
    rest = verdicts.entails(text, _without(premise, number))
    return None if rest is None else float(not rest)


def _unit(
    sentence: _Sentence,
    premise: tuple[int, ...],
    joint: bool | None,
    values: Sequence[float | None],
    verdicts: _Verdicts,
) -> UnitScore:
    worth = dict(zip(premise, values, strict=True))
    return UnitScore(
        text=sentence.text,
        start=sentence.start,
        end=sentence.end,
        citations=tuple(
            CitationValue(
                id=written,
                snippet=verdicts.id_of(number),
                value=worth.get(number, 0.0) if number is not None else 0.0,
                verdict=None if number is None else verdicts.of(sentence.text, (number,)),
            )
            for written, number in zip(sentence.written, sentence.documents, strict=True)
        ),
        exempt=None,
        weight=1.0,
        support=None if joint is None else float(joint),
        verdict=verdicts.of(sentence.text, premise) if premise else None,
    )


# --- sentences --------------------------------------------------------------------------------------------------------


def _sentences(answer: CitedAnswer, evidence: Evidence, strict: bool) -> list[_Sentence]:
    if answer.raw:
        return _bracketed(answer.raw, len(evidence), strict)
    position = {snippet.id: number for number, snippet in enumerate(evidence.snippets)}
    found = list[_Sentence]()
    first_line = answer.parse.text.find("\n") if strict else -1
    for one in cited_sentences(answer.parse):
        if 0 <= first_line <= one.start:
            break
        known = (evidence.resolve(id) for id in one.ids)
        numbers = tuple(None if id is None else position[id] for id in known)
        found.append(_Sentence(one.text, one.start, one.end, one.ids, numbers))
    return found


def _bracketed(raw: str, n_documents: int, strict: bool) -> list[_Sentence]:
    """Sentences with `[1][2]`, read as ALCE does: any digits behind a bracket are a citation."""
    text = raw.strip()
    if strict:
        text = text.split("\n", 1)[0].strip()
    found = list[_Sentence]()
    for start, end in split_sentences(text, lines=True):
        written = _NUMBER.findall(text, start, end)
        if not strict:
            written = list(dict.fromkeys(written))
        claim = " ".join(_CITATION.sub("", text[start:end]).replace(" |", "").replace("]", "").split())
        numbers = tuple(_document(int(number), n_documents, strict) for number in written)
        found.append(_Sentence(claim, start, end, tuple(written), numbers))
    return found


def _document(number: int, n_documents: int, strict: bool) -> int | None:
    """Position of document `number`, counted from 1; strict, 0 is the last one, as a negative index is in Python."""
    if number == 0:
        return n_documents - 1 if strict and n_documents else None
    return number - 1 if number <= n_documents else None
