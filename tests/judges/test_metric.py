"""The figures of single answers, worked out by hand."""

import pytest

from citerefine.judges import CitationScore, Label, SupportQuery, TableJudge, score_citations
from citerefine.judges.metric import MASKED, NO_EVIDENCE, NO_VALUES, NOT_JUDGED
from citerefine.refiner import Snippet

SNIPPETS = [Snippet(id=id, text=f"Passage {id} of the survey.") for id in "abcdef"]
Table = dict[str, Label | None]
"""Ids in order → label; None: no verdict."""


def scored(inner: str, table: Table, answerable: bool | None = None) -> CitationScore:
    def label(query: SupportQuery) -> Label | None:
        return table.get("".join(sorted(snippet.id for snippet in query.snippets)), Label.NONE)

    return score_citations(f"<answer>{inner}</answer>", TableJudge(label), snippets=SNIPPETS, answerable=answerable)


def values(score: CitationScore) -> list[float | None]:
    return [citation.value for unit in score.units for citation in unit.citations]


FULL, PARTIAL, NONE = Label.FULL, Label.PARTIAL, Label.NONE


@pytest.mark.parametrize(
    ("ids", "table", "expected"),
    [
        ("a", {"a": FULL}, [1]),
        ("a", {"a": PARTIAL}, [0.5]),
        ("a", {"a": Label.CONTRADICTS}, [0]),
        ("a,b", {"ab": FULL}, [1, 1]),  # only together
        ("a,b", {"ab": FULL, "a": FULL}, [1, 0]),
        ("a,b", {"ab": FULL, "a": FULL, "b": FULL}, [1, 1]),
        ("a,b", {"ab": FULL, "a": FULL, "b": PARTIAL}, [1, 0]),
        ("a,b", {"ab": PARTIAL, "a": PARTIAL}, [0.5, 0]),
        ("a,b", {"ab": PARTIAL, "a": PARTIAL, "b": PARTIAL}, [0.5, 0]),  # the rescue: the first gets it
        ("b,a", {"ab": PARTIAL}, [0.5, 0.5]),
        ("a,b", {"ab": FULL, "a": FULL, "b": Label.CONTRADICTS}, [1, 0]),
        ("a,b,c", {"abc": FULL, "ab": FULL}, [1, 1, 0]),
        ("a,b,c", {"abc": FULL, "ab": FULL, "ac": FULL, "bc": FULL}, [0.5, 0, 0]),
        ("a,zz", {"a": FULL}, [1, 0]),
        ("zz", {}, [0]),
    ],
)
def test_the_value_of_a_citation_is_found_by_leaving_it_out(ids: str, table: Table, expected: list[float]) -> None:
    assert values(scored(f"<snippet id={ids}>Perch doubled.</snippet>", table)) == expected


def test_the_worked_example_of_the_docs() -> None:
    score = scored(
        "<snippet id=a,c>Ice formed.</snippet> <snippet id=b,zz>Perch doubled.</snippet> Trout vanished in 2003.",
        {"ac": FULL, "a": FULL, "b": FULL},
    )
    assert score.precision == 0.5
    assert score.recall == pytest.approx(2 / 3)
    assert score.f1 == pytest.approx(4 / 7)
    assert (score.n_claims, score.n_invalid, score.n_uncited, score.n_failed) == (2, 1, 1, 0)


def test_a_unit_without_verdict_leaves_both_sums() -> None:
    claims = " ".join(f"<snippet id={id}>Claim {id} is made.</snippet>" for id in "abc")
    score = scored(claims, {"a": FULL, "b": NONE, "c": None})
    assert (score.precision, score.recall, score.n_failed) == (0.5, 0.5, 1)
    assert (score.score, score.masked, score.reason) == (None, True, MASKED)


def test_a_tenth_of_the_weight_may_fail() -> None:
    claims = " ".join(f"<snippet id={'a' if n else 'c'}>Claim {n} is made of eight words.</snippet>" for n in range(10))
    score = scored(claims, {"a": FULL, "c": None})
    assert (score.masked, score.n_failed, score.f1) == (False, 1, 1)
    assert score.score is not None


def test_nothing_judged_gives_no_figure() -> None:
    score = scored("<snippet id=a>Perch doubled.</snippet> Trout vanished in 2003.", {"a": None})
    assert (score.precision, score.recall, score.f1, score.score) == (None, None, None, None)
    assert (score.reason, score.masked, score.units[0].support) == (NOT_JUDGED, True, None)


def test_a_missing_verdict_on_one_snippet_takes_that_citation_out_of_precision() -> None:
    score = scored(
        "<snippet id=a,b>Perch doubled.</snippet> <snippet id=c>Ice formed.</snippet>",
        {"ab": FULL, "a": FULL, "b": None, "c": NONE},
    )
    assert values(score) == [1, None, 0]
    assert (score.precision, score.recall) == (0.5, 0.5)


def test_precision_is_none_where_no_citation_could_be_valued() -> None:
    score = scored("<snippet id=a,b>Perch doubled.</snippet>", {"ab": FULL, "a": None, "b": None})
    assert (score.precision, score.recall, score.f1, score.score) == (None, 1, None, None)
    assert score.reason == NO_VALUES


def test_without_evidence_only_form_and_coverage_are_reported() -> None:
    score = score_citations("<answer><snippet id=a>Perch doubled.</snippet> Trout vanished in 2003.</answer>")
    assert (score.precision, score.recall, score.f1, score.score, score.n_invalid) == (None, None, None, None, None)
    assert (score.reason, score.coverage, score.n_uncited, score.judge) == (NO_EVIDENCE, 0.5, 1, None)
    assert all(unit.support is None for unit in score.units)


def test_evidence_that_holds_nothing_is_evidence() -> None:
    score = score_citations("<answer><snippet id=a>Perch doubled.</snippet></answer>", TableJudge({}), snippets=[])
    assert (score.f1, score.n_invalid) == (0, 1)


@pytest.mark.parametrize(("answerable", "value"), [(False, 1.0), (True, 0.0), (None, None)])
def test_an_abstention_is_worth_what_the_label_says(answerable: bool | None, value: float | None) -> None:
    score = scored("The sources do not say when trout vanished.", {}, answerable)
    assert (score.precision, score.recall, score.f1, score.score) == (value, value, value, value)
    assert (score.n_abstained, score.n_uncited) == (1, 0)


def test_the_training_score_is_the_product_of_its_factors() -> None:
    score = scored("<snippet id=a>Perch doubled.</snippet> <snippet id=zz>Ice formed.</snippet></snippet>", {"a": FULL})
    assert score.factors is not None
    product = 1.0
    for factor in score.factors.model_dump().values():
        product *= factor
    assert score.score == pytest.approx(product)
    assert score.factors.form == pytest.approx(0.9)
    assert score.factors.coverage == pytest.approx(1 / 3)
    assert score.factors.validity == pytest.approx(0.75)


def test_long_uncited_prose_lowers_the_training_score_more_than_recall() -> None:
    prose = "trout " * 120
    score = scored(f"<snippet id=a>Perch doubled.</snippet> The {prose}vanished.", {"a": FULL})
    assert score.recall == pytest.approx(1 / 6)
    assert score.factors is not None
    assert score.factors.f1 < 0.1 < (score.f1 or 0)


def test_copying_lowers_the_training_score_only() -> None:
    text = "The perch of the lake doubled in number between the survey of 1990 and that of 2010."
    judge = TableJudge(lambda query: Label.FULL)
    score = score_citations(
        f"<answer><snippet id=a>{text}</snippet></answer>", judge, snippets=[{"id": "a", "text": text}]
    )
    assert (score.f1, score.copied_share) == (1, 1)
    assert score.factors is not None
    assert score.factors.originality == pytest.approx(0.6)
