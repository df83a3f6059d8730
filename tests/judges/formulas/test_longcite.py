"""LongBench-Cite's formula on answers whose figures were worked out by hand."""

import pytest

from citerefine.judges import CitationScore, CitedAnswer, Label, SupportQuery, TableJudge
from citerefine.judges.formulas.longcite import longcite
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags

EVIDENCE = Evidence([Snippet(id=id, text=f"Passage {id}.") for id in ("a", "b", "c")])
LABELS = {
    ("Perch doubled by 2010.", "a"): Label.FULL,
    ("Perch doubled by 2010.", "b"): Label.NONE,
    ("Perch doubled by 2010.", "ab"): Label.FULL,
    ("Ice formed later in 2011.", "c"): Label.PARTIAL,
}


def look_up(query: SupportQuery) -> Label | None:
    return LABELS.get((query.claim, "".join(snippet.id for snippet in query.snippets)))


def scored(inner: str) -> CitationScore:
    return run(longcite(CitedAnswer(parse_tags(f"<answer>{inner}</answer>"), EVIDENCE), TableJudge(look_up)))


def test_recall_is_a_mean_over_statements_and_precision_over_citations() -> None:
    score = scored(
        "<snippet id=a,b>Perch doubled by 2010.</snippet> <snippet id=c>Ice formed later in 2011.</snippet> "
        "Salinity stayed under 0.3 g/L."
    )
    assert score.recall == pytest.approx((1 + 0.5 + 0) / 3)
    assert score.precision == pytest.approx(2 / 3)  # a and c are relevant, b is not
    assert score.f1 == pytest.approx(2 * (2 / 3) * 0.5 / (2 / 3 + 0.5))


def test_what_needs_no_citation_has_recall_one() -> None:
    score = scored("I hope this helps you. <snippet id=a>Perch doubled by 2010.</snippet>")
    assert (score.recall, score.precision) == (1, 1)


def test_the_judge_sees_the_short_words_around_a_statement() -> None:
    judge = TableJudge(lambda query: Label.NONE if "not true" in query.context else Label.FULL)
    denied = "<answer>It is not true that <snippet id=a>perch doubled by 2010</snippet>.</answer>"
    assert run(longcite(CitedAnswer(parse_tags(denied), EVIDENCE), judge)).precision == 0


def test_an_unknown_id_is_irrelevant() -> None:
    score = scored("<snippet id=zz>Perch doubled by 2010.</snippet>")
    assert (score.recall, score.precision, score.n_invalid) == (0, 0, 1)


def test_statements_behind_the_fortieth_are_free() -> None:
    forty = " ".join(f"<snippet id=a>Perch doubled by 2010.</snippet> Note {n}." for n in range(20))
    assert scored(forty + " Salinity of the lake reached 4 g/L.").recall == scored(forty).recall


def test_an_empty_answer_has_zero() -> None:
    assert (scored("").recall, scored("").precision, scored("").f1) == (0, 0, 0)


def test_a_missing_verdict_gives_no_figure() -> None:
    score = scored("<snippet id=b>Ice formed later in 2011.</snippet>")
    assert (score.recall, score.f1) == (None, None)
    assert score.n_failed > 0
