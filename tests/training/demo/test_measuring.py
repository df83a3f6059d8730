"""What a model of the demonstration is said to be worth."""

import pytest

from citerefine.refiner.answer import parse_answer
from citerefine.refiner.evidence import Evidence
from citerefine.training.demo.measuring import is_verbatim

EVIDENCE = Evidence([{"id": "a", "text": "Near Kalo is Miru."}, {"id": "b", "text": "Near Kalo is Dato."}])
RIGHT = "<snippet id=S1>Near Kalo is Miru.</snippet>"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"<answer>{RIGHT}</answer>", True),
        ("<answer><snippet id=S2>Near Kalo is Miru.</snippet></answer>", False),
        ("<answer><snippet id=S1,S2>Near Kalo is Miru.</snippet></answer>", False),
        ("<answer><snippet id=S9>Near Kalo is Miru.</snippet></answer>", False),
        ("<answer><snippet id=S1>Near Kalo is.</snippet></answer>", False),
        ("<answer>Near Kalo is Miru.</answer>", False),
        (f"<answer>{RIGHT} {RIGHT}</answer>", False),
        (f"<answer>So: {RIGHT}</answer>", False),
        ("<answer></answer>", False),
        ("", False),
    ],
)
def test_an_answer_is_verbatim_if_it_is_what_the_snippet_that_it_cites_says(written: str, expected: bool) -> None:
    assert is_verbatim(parse_answer(written, EVIDENCE)) is expected
