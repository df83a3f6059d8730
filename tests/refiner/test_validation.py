"""What keeps an answer from being valid."""

import pytest

from citerefine.refiner import Evidence, parse_answer
from citerefine.refiner.records import Mode
from citerefine.refiner.validation import VALIDATED, validate

EVIDENCE = Evidence([{"text": "Perch doubled."}])
CLAIM = "<snippet id=S1>Perch doubled.</snippet>"


def codes(raw: str, mode: Mode = Mode.ANSWER_ONLY, *, strict: bool = False) -> list[str]:
    return [finding.code for finding in validate(parse_answer(raw, EVIDENCE), "stop", mode, strict=strict)]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (f"<answer>{CLAIM}</answer>", []),
        (f"<answer>{CLAIM} <snippet id=S2>No.</snippet></answer>", ["unknown_id"]),
        ("<answer>Perch doubled.</answer>", ["no_citation"]),
        ("<answer><snippet>Perch doubled.</snippet></answer>", ["no_ids", "no_citation"]),
        (f"<answer>{CLAIM}<snippet id=S1> </snippet></answer>", ["empty_claim"]),
        (f"<answer>{CLAIM}", ["unclosed_answer"]),
        (f"Well: <answer>{CLAIM}</answer>", ["text_outside"]),
        (CLAIM, ["no_answer"]),
        ("<answer><snippet id=S1>a <snippet id=S1>b</snippet></snippet></answer>", ["nested"]),
        ("<answer>The evidence does not answer this question.</answer>", []),
        ("<answer>the evidence  does not answer this question</answer>", []),
    ],
)
def test_findings_are_named(raw: str, expected: list[str]) -> None:
    assert codes(raw) == expected


def test_where_there_is_no_evidence_nothing_need_be_cited() -> None:
    assert validate(parse_answer("<answer>Nothing was found.</answer>", Evidence())) == ()


def test_a_finding_says_where() -> None:
    raw = f"<answer>{CLAIM} <snippet id=S7>Ice melts.</snippet></answer>"
    (finding,) = validate(parse_answer(raw, EVIDENCE))
    assert raw[finding.start : finding.end] == "Ice melts."
    assert "'S7'" in finding.message


def test_a_cut_off_text_is_said_to_be() -> None:
    answer = parse_answer(f"<answer>{CLAIM}", EVIDENCE)
    assert [finding.code for finding in validate(answer, "length")] == ["unclosed_answer", "truncated"]
    assert set(VALIDATED) == {"unknown_id", "no_citation", "truncated"}


def test_in_mode_think_text_before_the_block_is_no_fault() -> None:
    assert codes(f"Let me see.</think><answer>{CLAIM}</answer>", Mode.THINK) == []
    assert codes(f"Let me see. <answer>{CLAIM}</answer>", Mode.THINK) == []


def test_strict_counts_what_is_read_without_loss() -> None:
    raw = '<think>x</think><answer><snippet id="S1">Perch doubled.</snippet></answer>'
    assert codes(raw) == []
    assert codes(raw, strict=True) == ["thinking", "quoted_ids"]
