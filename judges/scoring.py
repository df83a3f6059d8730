"""Scores an answer: text in, citation score out. The same function serves evaluation, reward and critic.

In: a parsed answer and its evidence, or the text and the snippets; a judge. Out: `CitationScore`. Evidence is what the
caller passes, from the tool channel; nothing in the answer's own text defines a snippet. Not here: files of answers
(runs/), other ways to write citations (imports/), other formulas (formulas/).
"""

from collections.abc import Iterable, Mapping
from functools import cache
from math import isfinite
from typing import Any, NamedTuple

from citerefine.judges.abstention import abstains
from citerefine.judges.citation_score import CitationScore
from citerefine.judges.claim_words import count_words
from citerefine.judges.factors import EXPECTED_CLAIMS
from citerefine.judges.imports import issues as imports
from citerefine.judges.imports.reading import read_answer
from citerefine.judges.judge import SupportJudge
from citerefine.judges.loading import load_support_judge
from citerefine.judges.metric import Facts, score_statements
from citerefine.judges.statements import Statement, merge_units
from citerefine.judges.support import find_support
from citerefine.judges.units import split_units
from citerefine.refiner.answer import Answer
from citerefine.refiner.background import run
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Issue, Snippet
from citerefine.refiner.tags.issues import FORMAT_ERRORS, MEANING
from citerefine.refiner.tags.scanner import TagParse, parse_tags

Snippets = Evidence | Iterable[Snippet | Mapping[str, Any]]


class CitedAnswer(NamedTuple):
    """An answer whose citations were read, and what they can lead to."""

    parse: TagParse
    """Plain text, spans with ids as written, findings; importers of other formats give the same."""
    evidence: Evidence | None
    """None if it is not known what ids mean: then only form and coverage can be reported."""
    question: str = ""
    answerable: bool | None = None
    """Whether the evidence answers the question, if somebody labelled that."""
    expected_claims: float = EXPECTED_CLAIMS
    """Supported weight that a full answer has (six content words weigh 1)."""
    raw: str = ""
    """The text as it was written, where it cites in brackets: formulas of others read those in their own way."""


def score_citations(
    answer: Answer | str,
    judge: SupportJudge | str | None = None,
    *,
    snippets: Snippets | None = None,
    question: str = "",
    answerable: bool | None = None,
    expected_claims: float = EXPECTED_CLAIMS,
    form: str = "tags",
) -> CitationScore:
    """How well an answer is supported by what it cites.

    Args:
        answer: what `Refiner.refine` or `parse_answer` gives, or text with tags.
        judge: says how far snippets support claims, an object or a string of loading.py; by default the lexical judge,
            which needs no model.
        snippets: the evidence that a text may cite; an `Answer` has its own. None: only form and coverage are
            reported.
        question: what was asked; an `Answer` knows it.
        answerable: whether the evidence answers the question, if known; decides what an abstention is worth.
        expected_claims: supported weight that a full answer has; see docs/metric.md.
        form: how the text cites, a key of `imports.reading.FORMS`: `numbered` for `[1][2]`, or `auto` to find out.

    Raises:
        InputError: if there is no such form.
        ModelError: if a string names no judge.
        ValueError: if a snippet is no snippet (pydantic's ValidationError), evidence is given twice, or
            `expected_claims` is no number above 0.
        CallError: if a model that judges cannot be asked at all.

    >>> text = "<answer><snippet id=s1>Perch doubled by 2010.</snippet></answer>"
    >>> score_citations(text, snippets=[{"id": "s1", "text": "By 2010 perch had doubled in number."}]).precision
    1.0
    """
    cited = _cited(answer, snippets, question, answerable, expected_claims, form)
    return run(ascore(cited, _loaded(judge)))


async def ascore_citations(
    answer: Answer | str,
    judge: SupportJudge | str | None = None,
    *,
    snippets: Snippets | None = None,
    question: str = "",
    answerable: bool | None = None,
    expected_claims: float = EXPECTED_CLAIMS,
    form: str = "tags",
) -> CitationScore:
    """The same as `score_citations`, to be awaited."""
    cited = _cited(answer, snippets, question, answerable, expected_claims, form)
    return await ascore(cited, _loaded(judge))


def _loaded(judge: SupportJudge | str | None) -> SupportJudge | None:
    return load_support_judge(judge) if isinstance(judge, str) else judge


def _cited(
    answer: Answer | str,
    snippets: Snippets | None,
    question: str,
    answerable: bool | None,
    expected_claims: float,
    form: str,
) -> CitedAnswer:
    if not (isfinite(expected_claims) and expected_claims > 0):
        raise ValueError(f"expected_claims is {expected_claims}; give a number above 0")
    if not isinstance(answer, Answer | str):
        got = type(answer).__name__  # type: ignore[unreachable]  # callers may have no types
        raise TypeError(f"an answer is text or an Answer, got {got}; for JSON forms pass its text, and the form")
    if isinstance(answer, Answer):
        if snippets is not None:
            raise ValueError("an Answer has its own evidence; pass its raw text with other snippets")
        known, text, question = answer.evidence, answer.raw, question or answer.question
        return CitedAnswer(parse_tags(text), known, question, answerable, expected_claims)
    evidence = snippets
    if evidence is not None and not isinstance(evidence, Evidence):
        evidence = Evidence.model_validate({"snippets": [*evidence]})
    if form == "tags":
        return CitedAnswer(parse_tags(answer), evidence, question, answerable, expected_claims)
    read = read_answer(answer, evidence, form)
    return CitedAnswer(read.parse, evidence, question, answerable, expected_claims)


async def ascore(answer: CitedAnswer, judge: SupportJudge | None = None) -> CitationScore:
    """The citation score of an answer that was read already. Raises CallError as the judge does."""
    judge = judge or _default_judge()
    parse, evidence = answer.parse, answer.evidence
    units = split_units(parse)
    statements = merge_units(units, evidence)
    silent = abstains(units, _code_words(parse))
    supports = await find_support(statements, None if silent else evidence, answer.question, judge)
    return score_statements(statements, supports, _facts(answer, statements, silent, judge))


def _code_words(parse: TagParse) -> int:
    return sum(count_words(parse.text[start:end]) for start, end in parse.code)


@cache
def _default_judge() -> SupportJudge:
    from citerefine.judges.lexical.lexical_judge import LexicalJudge

    return LexicalJudge()


def _facts(answer: CitedAnswer, statements: list[Statement], silent: bool, judge: SupportJudge) -> Facts:
    parse, evidence = answer.parse, answer.evidence
    cited = dict.fromkeys(id for statement in statements for id in statement.premise)
    return Facts(
        n_format_errors=sum(finding.code in FORMAT_ERRORS for finding in parse.findings),
        code_words=_code_words(parse),
        has_evidence=evidence is not None,
        abstains=silent,
        answerable=answer.answerable,
        snippets={} if evidence is None else {id: evidence[id].text for id in cited},
        expected_claims=answer.expected_claims,
        issues=tuple(_issue(finding.code, finding.raw_start, finding.raw_end) for finding in parse.findings),
        judge=judge.name if evidence is not None else None,
    )


def _issue(code: str, start: int, end: int) -> Issue:
    return Issue(code=code, message=(MEANING | imports.MEANING)[code], start=start, end=end)
