"""The row that is written for one answer: documented names, words for every outcome, and back again."""

import json

import pytest

from citerefine.judges import CitedAnswer, Label, SupportQuery, TableJudge, ascore
from citerefine.judges.runs.score_row import MAX_QUOTE, ScoreRow, score_row
from citerefine.judges.verdict import EvidenceSpan, Verdict, not_judged
from citerefine.refiner import Evidence, Snippet
from citerefine.refiner.background import run
from citerefine.refiner.tags.scanner import parse_tags

LONG = "Perch doubled by 2010. " * 100
EVIDENCE = Evidence([Snippet(id="a", text=LONG), Snippet(id="b", text="Ice formed later in 2011.")])
DOCUMENTED = {
    *("id", "precision", "recall", "f1", "score", "n_claims", "n_invalid", "n_uncited", "n_failed", "units", "issues"),
}
UNIT = {"text", "start", "end", "ids", "need", "support", "p_supported", "verdicts", "explanation"}


class Pointing(TableJudge):
    """Points at the whole first snippet, and at one missing word."""

    def __init__(self, label: Label | None) -> None:
        super().__init__({}, "pointing")
        self._of = label

    def _verdict(self, query: SupportQuery) -> Verdict:
        if self._of is None:
            return not_judged(self.name, "deadline", "no reply in 10 s")
        first = query.snippets[0]
        span = EvidenceSpan(snippet=first.id, start=0, end=len(first.text))
        return Verdict(
            label=self._of, p_supported=0.25, span=span, missing=("sturgeon",), flags=("number",), judge=self.name
        )


def row_of(inner: str, label: Label | None = Label.FULL, evidence: Evidence | None = EVIDENCE) -> ScoreRow:
    answer = CitedAnswer(parse_tags(f"<answer>{inner}</answer>"), evidence, "What changed?")
    return score_row(run(ascore(answer, Pointing(label))), answer, "q1", system="some-model")


def test_a_row_has_the_documented_names() -> None:
    written = json.loads(row_of("<snippet id=a>Perch doubled.</snippet>").model_dump_json())
    assert written.keys() >= DOCUMENTED
    assert written["units"][0].keys() >= UNIT


def test_a_row_is_read_back_as_it_was_and_passes_over_what_later_versions_add() -> None:
    row = row_of("<snippet id=a,b,zz>Perch doubled.</snippet> Trout vanished in 2003.")
    written = json.loads(row.model_dump_json())
    assert ScoreRow.model_validate(written) == row
    assert ScoreRow.model_validate({**written, "new": 1}) == row


@pytest.mark.parametrize(
    ("inner", "label", "says"),
    [
        ("<snippet id=a>Perch doubled.</snippet>", Label.FULL, "supported; not in the evidence: sturgeon"),
        ("<snippet id=a>Perch doubled.</snippet>", Label.PARTIAL, "supported in part"),
        ("<snippet id=a>Perch doubled.</snippet>", Label.NONE, "not supported"),
        ("<snippet id=a>Perch doubled.</snippet>", Label.CONTRADICTS, "contradicted"),
        ("<snippet id=a>Perch doubled.</snippet>", None, "not judged (deadline: no reply in 10 s)"),
        ("<snippet id=zz>Perch doubled.</snippet>", Label.FULL, "no snippet has the id zz"),
        ("Trout vanished in 2003.", Label.FULL, "needs a citation and has none"),
        ("What changed?", Label.FULL, "needs no citation: question"),
    ],
)
def test_every_outcome_has_words(inner: str, label: Label | None, says: str) -> None:
    assert row_of(inner, label).units[0].explanation.startswith(says)


def test_the_code_of_a_failure_stands_beside_the_unit() -> None:
    claim = "<snippet id=a>Perch doubled.</snippet>"
    assert [row_of(claim, label).units[0].failure for label in (None, Label.NONE)] == ["deadline", ""]
    assert row_of("Trout vanished in 2003.", None).units[0].failure == ""


def test_what_could_be_left_out_is_named() -> None:
    judge = TableJudge(lambda query: Label.FULL if "a" in {s.id for s in query.snippets} else Label.NONE)
    answer = CitedAnswer(parse_tags("<answer><snippet id=a,b>Perch doubled.</snippet></answer>"), EVIDENCE)
    unit = score_row(run(ascore(answer, judge)), answer, None, line=3).units[0]
    assert unit.explanation == "supported; not needed: b"
    assert unit.verdicts == {"a": Label.FULL, "b": Label.NONE}
    assert unit.values == {"a": 1, "b": 0}


def test_evidence_is_quoted_up_to_a_bound() -> None:
    evidence = row_of("<snippet id=a>Perch doubled.</snippet>").units[0].evidence
    assert evidence is not None
    assert (evidence.snippet, evidence.text) == ("a", LONG[:MAX_QUOTE])


def test_without_evidence_nothing_is_judged() -> None:
    unit = row_of("<snippet id=a>Perch doubled.</snippet>", evidence=None).units[0]
    assert (unit.support, unit.label, unit.invalid, unit.explanation) == (
        None,
        None,
        (),
        "not judged: the row has no snippets",
    )
