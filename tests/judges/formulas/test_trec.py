"""The formula of the TREC 2024 RAG track on an answer whose figures were worked out by hand."""

import pytest

from citerefine.judges import CitationScore, CitedAnswer, Label, SupportQuery, TableJudge
from citerefine.judges.formulas.trec import trec
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags

EVIDENCE = Evidence([Snippet(id=id, text=f"Passage {id}.") for id in ("a", "b", "c")])
ANSWER = (
    "<answer><snippet id=a,b>Perch doubled by 2010.</snippet> <snippet id=b,a>Ice formed later in 2011.</snippet> "
    "<snippet id=c>Salinity stayed low.</snippet> Trout vanished in 2003.</answer>"
)
LABELS = {
    ("Perch doubled by 2010.", "a"): Label.FULL,
    ("Perch doubled by 2010.", "b"): Label.NONE,
    ("Ice formed later in 2011.", "b"): Label.PARTIAL,
    ("Ice formed later in 2011.", "a"): Label.FULL,
    ("Salinity stayed low.", "c"): Label.NONE,
}


def look_up(query: SupportQuery) -> Label | None:
    return LABELS.get((query.claim, "".join(snippet.id for snippet in query.snippets)))


def scored(raw: str, *, first_only: bool = True) -> CitationScore:
    return run(trec(CitedAnswer(parse_tags(raw), EVIDENCE), TableJudge(look_up), first_only=first_only))


def test_only_the_first_citation_of_a_sentence_is_judged() -> None:
    score = scored(ANSWER)
    assert score.precision == pytest.approx((1 + 0.5 + 0) / 3)
    assert score.recall == pytest.approx((1 + 0.5 + 0 + 0) / 4)


def test_all_citations_are_judged_where_asked_for() -> None:
    score = scored(ANSWER, first_only=False)
    assert score.precision == pytest.approx((1 + 0 + 0.5 + 1 + 0) / 5)
    assert score.recall == pytest.approx((0.5 + 0.75 + 0 + 0) / 4)


def test_a_tag_that_ends_like_a_sentence_ends_one() -> None:
    closed_up = ANSWER.replace("</snippet> ", "</snippet>")
    assert (scored(closed_up).precision, scored(closed_up).recall) == (scored(ANSWER).precision, scored(ANSWER).recall)


def test_an_id_that_leads_nowhere_counts_as_not_supporting() -> None:
    score = scored("<answer><snippet id=zz>Perch doubled by 2010.</snippet></answer>")
    assert (score.precision, score.recall, score.n_invalid) == (0, 0, 1)


def test_a_missing_verdict_gives_no_figure() -> None:
    score = scored("<answer><snippet id=c>Perch doubled by 2010.</snippet></answer>")
    assert (score.precision, score.recall, score.n_failed) == (None, None, 1)
