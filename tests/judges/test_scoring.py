"""What people call from Python: texts, answers and forms in, scores out, and clear refusals."""

import asyncio

import pytest

from citerefine.judges import ascore_citations, score_citations
from citerefine.refiner import Evidence, Refiner, Snippet, parse_answer
from citerefine.refiner.errors import InputError, ModelError

SNIPPETS = [Snippet(id="a", text="Perch doubled by 2010 in Lake Orven."), Snippet(id="b", text="Ice formed later.")]


def test_an_answer_brings_its_own_evidence_and_question() -> None:
    answer = Refiner().refine("Did perch double in Lake Orven?", snippets=SNIPPETS)
    assert score_citations(answer).f1 == 1
    with pytest.raises(ValueError, match="has its own evidence"):
        score_citations(answer, snippets=SNIPPETS)


def test_awaiting_gives_the_same() -> None:
    text = "<answer><snippet id=b>Perch doubled by 2010.</snippet></answer>"
    assert asyncio.run(ascore_citations(text, snippets=SNIPPETS)) == score_citations(text, snippets=SNIPPETS)


@pytest.mark.parametrize("form", ["numbered", "auto"])
def test_other_forms_are_read_where_they_are_named(form: str) -> None:
    text = "Perch doubled by 2010 in Lake Orven [1]."
    assert score_citations(text, snippets=SNIPPETS, form=form).f1 == 1
    assert score_citations(text, snippets=SNIPPETS).f1 == 0


def test_a_judge_can_be_named() -> None:
    text = "<answer><snippet id=a>Perch doubled by 2010 in Lake Orven.</snippet></answer>"
    assert score_citations(text, "lexical", snippets=SNIPPETS).judge == "lexical-2"
    with pytest.raises(ModelError, match="no judge is called 'words'"):
        score_citations(text, "words", snippets=SNIPPETS)


def test_an_unknown_id_costs_precision_though_the_parser_removed_it_from_the_answer() -> None:
    answer = parse_answer("<answer><snippet id=S1,S9>Perch doubled.</snippet></answer>", Evidence(SNIPPETS))
    score = score_citations(answer)
    assert (score.n_invalid, score.precision) == (1, 0.5)


@pytest.mark.parametrize("expected", [0, -1, float("nan"), float("inf")])
def test_an_expectation_that_is_no_number_of_claims_is_refused(expected: float) -> None:
    with pytest.raises(ValueError, match="expected_claims"):
        score_citations("Perch.", snippets=SNIPPETS, expected_claims=expected)


def test_what_is_no_answer_and_what_is_no_form_is_refused() -> None:
    with pytest.raises(TypeError, match="got int"):
        score_citations(5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no form 'latex'"):
        score_citations("x", snippets=SNIPPETS, form="latex")
