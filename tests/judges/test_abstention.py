"""Which answers only say that they cannot be given."""

import pytest

from citerefine.judges.abstention import abstains
from citerefine.judges.statements import merge_units
from citerefine.judges.units import split_units
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.refiner.validation import NOT_ANSWERED


def judged(inner: str) -> bool:
    parse = parse_tags(f"<answer>{inner}</answer>")
    return abstains(merge_units(split_units(parse), parse.text, None))


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
    ],
)
def test_anything_else_is_an_answer(text: str) -> None:
    assert not judged(text)
