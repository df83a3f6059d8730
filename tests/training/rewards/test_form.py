"""The form of an answer is worth 1 less what its faults cost, and never less than 0."""

import pytest

from citerefine.refiner import Evidence, Mode, parse_answer
from citerefine.training.rewards.form import form_part
from citerefine.training.rewards.parts import Invalid, Scored

EVIDENCE = Evidence(snippets=[{"id": "a", "text": "Perch doubled."}, {"id": "b", "text": "Eels left."}])
CLAIM = "<snippet id=S1>Perch doubled.</snippet>"


def value(text: str, mode: Mode = Mode.ANSWER_ONLY, evidence: Evidence = EVIDENCE) -> float:
    part = form_part(parse_answer(text, evidence), mode)
    assert isinstance(part, Scored)
    return round(part.value, 6)


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        (f"<answer>{CLAIM} Free text.</answer>", 1.0),
        ("<answer><snippet id='S1, S2'>Perch doubled.</snippet></answer>", 1.0),
        ("<answer>The evidence does not answer this question.</answer>", 1.0),
        (f"So: <answer>{CLAIM}</answer> Bye.", 0.5),
        (f"<think>Hm.</think><answer>{CLAIM}</answer>", 0.5),
        (f"<answer>{CLAIM}", 0.5),
        ("<answer>Perch doubled.</answer>", 0.5),
        (f"<answer>{CLAIM} <snippet id=S9>Eels left.</snippet></answer>", 0.75),
        (f"<answer>{CLAIM} <snippet id=S8,S9>Eels left.</snippet></answer>", 0.5),
        (f"<answer>{CLAIM} <snippet id=>Eels left.</snippet></answer>", 0.9),
        (f"<think>Hm.</think><think>Hm.</think><answer>{CLAIM}</answer>", 0.5),
        (3 * f"<answer>{CLAIM}</answer>", 0.5),
        (f"<answer>{CLAIM}</answer> and <answer>{CLAIM}</answer>", 0.0),
        ("So: <answer>Perch doubled.", 0.0),
        (f"So: <answer>{CLAIM} <snippet id=S7,S8,S9,S6,S5>x y</snippet></answer>", 0.0),
    ],
)
def test_faults_cost(text: str, worth: float) -> None:
    assert value(text) == worth


def test_where_thinking_is_allowed_it_costs_nothing() -> None:
    assert value(f"<think>Hm.</think>So: <answer>{CLAIM}</answer>", Mode.THINK) == 1.0


def test_without_evidence_nothing_need_be_cited() -> None:
    assert value("<answer>Perch doubled.</answer>", evidence=Evidence()) == 1.0


@pytest.mark.parametrize("text", ["", "Perch doubled.", CLAIM, "<think>Hm.</think>"])
def test_without_an_answer_block_the_answer_is_invalid(text: str) -> None:
    part = form_part(parse_answer(text, EVIDENCE))
    assert isinstance(part, Invalid)
    assert part.reason.startswith("no_answer: ")
