"""Which answers only say that they cannot be given."""

import pytest

from citerefine.judges.abstention import abstains
from citerefine.judges.units import split_units
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.refiner.validation import NOT_ANSWERED


def judged(inner: str) -> bool:
    return abstains(split_units(parse_tags(f"<answer>{inner}</answer>")))


@pytest.mark.parametrize(
    "text",
    [
        NOT_ANSWERED,
        "The sources do not say when trout vanished.",
        "The provided snippets don't mention trout at all.",
        "There is no evidence in the passages about trout in this lake.",
        "I cannot answer this question from the given documents.",
        "It could not be determined when the trout vanished from it.",
        "The context provides insufficient information on trout stocks.",
        "I don't know when the trout vanished.",
        "## Trout\nThe sources do not say when trout vanished.",
        "I don't know.",
        "Not enough information.",
        "No evidence was found.",
        "There is no mention of trout.",
        "Sorry, I cannot answer this question from the snippets.",
        "However, the sources do not say when trout vanished.",
        "None of the snippets mentions trout.",
        "Nothing in the sources says when trout vanished.",
        "The snippets lack information on trout.",
        "No information on trout is given in the sources.",
    ],
)
def test_saying_that_the_evidence_does_not_tell_is_an_abstention(text: str) -> None:
    assert judged(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Trout vanished from the lake in 2003.",
        "The sources do not say why. Trout vanished from the lake in 2003.",
        "The sources do not say when, but trout vanished from the lake.",
        "The sources do not say when trout vanished. <snippet id=a>Perch doubled.</snippet>",
        "Trout do not include perch in their diet.",
        "I hope this helps you.",
        "Trout vanished in 2003 because of acid rain, and no information on perch is given for 1990.",
        "Perch biomass doubled to 8 kg in 2010 while no data are available on trout.",
        "Several large studies did not show any benefit of vitamin D in healthy adults.",
        "The evidence does not support a link between vaccines and autism.",
        "No evidence of fraud was found in the election of 2020.",
        "## Trout vanished in 2003 because of acid rain in every bay\nI could not find the answer.",
        "I could not find the answer. Is it not so that perch halved? Overall trout died of acid rain.",
    ],
)
def test_anything_else_is_an_answer(text: str) -> None:
    assert not judged(text)
