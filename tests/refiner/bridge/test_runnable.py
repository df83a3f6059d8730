"""The refiner as a Runnable."""

import asyncio
from typing import Any, cast

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnablePassthrough

from citerefine.refiner import Answer, Evidence, EvidenceError, ModelError, Refiner, RefineRequest, Snippet
from citerefine.refiner.errors import InputError
from citerefine.refiner.middleware import RefineInput, refiner_runnable, to_snippets

QUESTION = "Did perch double?"
PERCH = Snippet(text="By 2010 perch had doubled in number.")
ANSWER = Refiner().refine(QUESTION, [PERCH])
GIVEN: list[RefineInput | RefineRequest] = [
    {"question": QUESTION, "snippets": [PERCH]},
    {"question": QUESTION, "snippets": [PERCH.model_dump()], "reasoning": "I looked."},
    {"question": QUESTION, "snippets": [Document(PERCH.text)]},
    {"question": QUESTION, "snippets": Evidence([PERCH])},
    RefineRequest(question=QUESTION, evidence=Evidence([PERCH])),
]


@pytest.mark.parametrize("given", GIVEN)
def test_it_takes_questions_with_evidence_in_any_form(given: RefineInput) -> None:
    assert refiner_runnable().invoke(given) == ANSWER
    assert asyncio.run(refiner_runnable().ainvoke(given)) == ANSWER


def test_many_questions_are_answered_in_their_order() -> None:
    many: list[RefineInput | RefineRequest] = [
        {"question": QUESTION, "snippets": [{"text": f"By {year} perch had doubled."}]} for year in range(2001, 2021)
    ]
    texts = [answer.text for answer in refiner_runnable().batch(many)]
    assert texts == [f"By {year} perch had doubled." for year in range(2001, 2021)]
    assert [answer.text for answer in asyncio.run(refiner_runnable().abatch(many))] == texts


def test_it_stands_at_the_end_of_a_chain() -> None:
    retrieve = RunnableLambda[str, list[Document]](lambda question: [Document(PERCH.text)])
    chain = {"question": RunnablePassthrough(), "snippets": retrieve | to_snippets} | refiner_runnable()
    answer: Answer = chain.invoke(QUESTION)
    assert answer == ANSWER


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"question": QUESTION}, "got 'question'"),
        ({"question": QUESTION, "snippets": [], "reason": ""}, "'reason'"),
        (QUESTION, "got str"),
    ],
)
def test_another_input_is_refused_with_what_it_takes(given: Any, named: str) -> None:
    with pytest.raises(InputError, match=named):
        refiner_runnable().invoke(cast(RefineInput, given))


def test_what_is_no_snippet_is_refused() -> None:
    with pytest.raises(EvidenceError):
        refiner_runnable().invoke({"question": QUESTION, "snippets": [cast(Any, 7)]})


def test_an_unknown_model_is_refused_at_once() -> None:
    with pytest.raises(ModelError, match="gpt-9"):
        refiner_runnable("gpt-9")
