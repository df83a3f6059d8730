"""ALCE's formula reproduces what upstream's script computes, loopholes included, with a judge that knows the facts.

The values were computed by running upstream's own code on these outputs (citation-scoring notes, section 6).
"""

import re

import pytest

from citerefine.judges import CitationScore, CitedAnswer, Label, SupportQuery, TableJudge
from citerefine.judges.formulas.alce import alce
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags

STATES = {"d1": {"F1"}, "d2": {"F2"}, "d3": {"F3"}, "d4": {"F4", "F5"}}
EVIDENCE = Evidence([Snippet(id=id, text=" ".join(facts)) for id, facts in STATES.items()])


def by_facts(query: SupportQuery) -> Label:
    stated = set[str]().union(*(STATES[snippet.id] for snippet in query.snippets))
    return Label.FULL if set(re.findall(r"F\d", query.claim)) <= stated else Label.NONE


ORACLE = TableJudge(by_facts)


def scored(raw: str, *, strict: bool = True) -> CitationScore:
    return run(alce(CitedAnswer(parse_tags(raw), EVIDENCE, raw=raw), ORACLE, strict_upstream=strict))


@pytest.mark.parametrize(
    ("output", "recall", "precision"),
    [
        ("F1 [1].", 100, 100),
        ("F1 F2 [1][2].", 100, 100),
        ("F1 [1][2].", 100, 50),
        ("F1 F2 F3 [1][2][3][4].", 100, 100),
        ("F1 [1]. F9 [9].", 50, 100),
        ("F1 [2021] [1].", 0, 0),
        ("F4 [0].", 100, 100),
        ("F1 [2].", 0, 0),
        ("F1 [1]. F1 [2].", 50, 50),
        ("F1 [1][1][1]. F1 [2].", 50, 75),
        ("F1. F1 [1].", 50, 100),
    ],
)
def test_strict_mode_reproduces_upstream(output: str, recall: float, precision: float) -> None:
    score = scored(output)
    assert score.recall == pytest.approx(recall / 100)
    assert score.precision == pytest.approx(precision / 100)


def test_strict_mode_leaves_empty_answers_out_of_the_mean() -> None:
    empty = scored("")
    assert empty.f1 is None
    assert empty.reason.startswith("empty:")


def test_only_the_first_line_counts_in_strict_mode() -> None:
    assert scored("F1 [1].\nF1 [2].").recall == 1
    assert scored("F1 [1].\nF1 [2].", strict=False).recall == 0.5


@pytest.mark.parametrize(
    ("output", "recall", "precision"),
    [
        ("F1 [1]. F9 [9].", 50, 50),
        ("F4 [0].", 0, 0),
        ("F1 [1][1][1]. F1 [2].", 50, 50),
        ("F1 [2021] [1].", 100, 50),
        ("F1 F2 F3 [1][2][3][4].", 100, 75),
        ("", 0, 0),
    ],
)
def test_without_strict_mode_the_loopholes_are_closed(output: str, recall: float, precision: float) -> None:
    score = scored(output, strict=False)
    assert score.recall == pytest.approx(recall / 100)
    assert score.precision == pytest.approx(precision / 100)


def test_tags_are_read_as_well_as_brackets() -> None:
    answer = CitedAnswer(
        parse_tags("<answer><snippet id=d1,d2>F1.</snippet> <snippet id=d3>F3.</snippet></answer>"), EVIDENCE
    )
    score = run(alce(answer, ORACLE))
    assert score.recall == 1
    assert score.precision == pytest.approx(2 / 3)


def test_a_missing_verdict_gives_no_figure() -> None:
    judge = TableJudge(lambda query: None if "F1" in query.claim else by_facts(query))
    score = run(alce(CitedAnswer(parse_tags(""), EVIDENCE, raw="F1 [1]. F2 [2]."), judge))
    assert (score.precision, score.recall, score.f1, score.n_failed) == (None, None, None, 1)


def test_an_answer_without_evidence_has_no_figure() -> None:
    assert run(alce(CitedAnswer(parse_tags("F1 [1]."), None), ORACLE)).f1 is None
