"""The façade that people embed."""

import asyncio
import subprocess
import sys

import pytest
from pydantic import ValidationError

from citerefine.refiner import Claim, Evidence, EvidenceError, ModelError, Refiner, Snippet

SNIPPETS = [
    Snippet(text="X causes Y in nine of ten trials.", title="Trial"),
    Snippet(text="Z does nothing.", title="No"),
]


def test_question_and_snippets_in_cited_answer_out() -> None:
    answer = Refiner("extractive").refine("Does X cause Y?", snippets=SNIPPETS, reasoning="I searched for X.")
    assert answer.text == "X causes Y in nine of ten trials."
    assert answer.claims[0].citations == (SNIPPETS[0].id,)
    assert (answer.question, answer.model) == ("Does X cause Y?", "extractive")


def test_snippets_may_be_plain_dicts_or_evidence() -> None:
    refiner, rows = Refiner(), [snippet.model_dump() for snippet in SNIPPETS]
    expected = refiner.refine("Does X cause Y?", SNIPPETS)
    assert refiner.refine("Does X cause Y?", rows) == expected
    assert refiner.refine("Does X cause Y?", Evidence(snippets=tuple(SNIPPETS))) == expected


def test_awaiting_gives_the_same() -> None:
    refiner = Refiner()
    assert asyncio.run(refiner.arefine("Does X cause Y?", SNIPPETS)) == refiner.refine("Does X cause Y?", SNIPPETS)


def test_streaming_gives_the_claims_and_then_the_same_answer() -> None:
    refiner = Refiner()
    stream = refiner.stream("Does X cause Y?", SNIPPETS)
    with pytest.raises(RuntimeError, match="not complete"):
        _ = stream.answer
    claims = tuple(claim for claim in stream if isinstance(claim, Claim))
    assert stream.answer == refiner.refine("Does X cause Y?", SNIPPETS)
    assert stream.answer.claims == claims


def test_an_unknown_model_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ModelError, match="no model is called 'gpt-9'; a model is one of: extractive"):
        Refiner("gpt-9")


@pytest.mark.parametrize("question", ["", " \n "])
def test_a_blank_question_is_refused(question: str) -> None:
    with pytest.raises(ValidationError, match="only white space"):
        Refiner().refine(question, SNIPPETS)


def test_two_texts_with_one_id_are_refused() -> None:
    with pytest.raises((EvidenceError, ValidationError), match="different texts"):
        Refiner().refine("Does X cause Y?", [{"id": "a", "text": "one"}, {"id": "a", "text": "two"}])


def test_a_misspelt_field_is_named() -> None:
    with pytest.raises(ValidationError, match="titel"):
        Refiner().refine("Does X cause Y?", [{"text": "one", "titel": "two"}])


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("torch", "transformers", "langgraph", "openai", "jinja2", "rich", "lxml", "yaml")
    program = (
        "import sys, citerefine.refiner\n"
        "from citerefine.refiner import Refiner, Snippet, parse_answer\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert run.stdout.strip() == "[]"


def test_the_exported_names_are_these() -> None:
    import citerefine.refiner as package

    assert package.__all__ == sorted(package.__all__)
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = package.Nothing
