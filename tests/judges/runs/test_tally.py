"""What the rows of a run add up to."""

import sys
from typing import Any

import pytest

from citerefine.judges.citation_score import Totals
from citerefine.judges.runs.score_row import RowError, ScoreRow
from citerefine.judges.runs.summary import Agreement, Summary
from citerefine.judges.runs.tally import Tally, figures_of


def row(precision: float | None, recall: float | None, f1: float | None, **values: Any) -> ScoreRow:
    return ScoreRow.model_validate({"id": None, "precision": precision, "recall": recall, "f1": f1, **values})


def summed(*rows: ScoreRow) -> Summary:
    adding = Tally("citerefine")
    for one in rows:
        adding.add(figures_of(one))
    return adding.summary("J")


def test_means_are_over_answers_and_f1_is_the_mean_of_f1s() -> None:
    summary = summed(row(1, 0.5, 2 / 3, question="a"), row(0, 0, 0, question="b"))
    assert (summary.n, summary.precision, summary.recall) == (2, 0.5, 0.25)
    assert summary.f1 == pytest.approx(1 / 3)


def test_micro_figures_are_over_all_citations_and_all_weight() -> None:
    first = row(1, 1, 1, question="a", totals=Totals(value=1, citations=1, supported=1, needed=1))
    second = row(0, 0, 0, question="b", totals=Totals(value=0, citations=3, supported=0, needed=1))
    micro = summed(first, second).micro
    assert (micro["precision"], micro["recall"]) == (0.25, 0.5)
    assert micro["f1"] == pytest.approx(1 / 3)


def test_no_number_appears_where_none_was_measured() -> None:
    summary = summed(row(None, None, None, reason="not_judged: the judge came to no verdict", n_failed=4, masked=True))
    assert (summary.n, summary.precision, summary.recall, summary.f1, summary.score) == (0, None, None, None, None)
    assert summary.ci95 == {"precision": None, "recall": None, "f1": None}
    assert summary.micro == {"precision": None, "recall": None, "f1": None}
    assert (summary.not_scored, summary.failed, summary.masked) == ({"not_judged": 1}, 4, 1)


def test_an_answer_whose_recall_alone_is_known_is_not_scored() -> None:
    totals = Totals(value=0, citations=0, supported=1, needed=1)
    summary = summed(row(None, 1, None, reason="not_judged: …", totals=totals))
    assert (summary.n, summary.recall, summary.micro["recall"]) == (0, None, None)


def test_every_row_is_scored_not_scored_or_refused() -> None:
    refused = row(None, None, None, error=RowError(code="invalid_json", message="…"))
    unanswered = row(None, None, None, error=RowError(code="unanswered", message="…"))
    without = row(None, None, None, reason="no_evidence: the row has no snippets")
    summary = summed(row(1, 1, 1), refused, refused, unanswered, without)
    assert summary.refused == {"invalid_json": 2}
    assert summary.not_scored == {"no_evidence": 1, "unanswered": 1}
    assert summary.rows == summary.n + 2 + 2
    assert summary.forms == {"tags": 2}


def test_questions_are_counted_and_resampled_whole() -> None:
    values = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    rows = [row(value, value, value, id=n, question=f"q{n // 5}") for n, value in enumerate(values)]
    same = summed(*rows)
    apart = summed(*(one.model_copy(update={"question": ""}) for one in rows))
    assert (same.questions, apart.questions) == (2, 10)
    wide, narrow = same.ci95["f1"], apart.ci95["f1"]
    assert wide is not None
    assert narrow is not None
    assert wide == (0.0, 1.0)
    assert narrow[0] > 0.1
    assert "2 questions" in same.interval


def test_white_space_does_not_make_another_question() -> None:
    assert summed(row(1, 1, 1, question="Did  it?"), row(0, 0, 0, question="Did it? ")).questions == 1


def test_one_question_has_no_interval_and_the_summary_says_so() -> None:
    summary = summed(row(1, 1, 1, question="a"), row(0, 0, 0, question="a"))
    assert summary.ci95["f1"] is None
    assert "two questions" in summary.interval


def test_counts_are_over_all_answers() -> None:
    issues = [{"code": "unclosed", "message": "", "start": 0, "end": 0}] * 2
    counted = {"n_claims": 2, "n_invalid": 1, "n_uncited": 3, "n_abstained": 1, "issues": issues}
    summary = summed(row(1, 1, 1, **counted, score=0.5), row(None, None, None, **counted, reason="abstained: …"))
    assert (summary.claims, summary.invalid, summary.uncited, summary.abstained) == (4, 2, 6, 2)
    assert (summary.issues, summary.score) == ({"unclosed": 4}, 0.5)


def test_answers_are_counted_by_issue_and_by_having_no_citation() -> None:
    zero = {"code": "counted_from_zero", "message": "", "start": 0, "end": 0}
    unit = {"text": "x", "start": 0, "end": 1, "ids": (), "need": True, "support": 0}
    bare, cited = row(0, 0, 0, units=[unit], issues=[zero, zero]), row(0, 0, 0, units=[unit], n_claims=1)
    silent, empty = row(None, None, None, units=[unit], n_abstained=1, reason="abstained: …"), row(0, 0, 0)
    summary = summed(bare, cited, silent, empty, bare)
    assert (summary.issues, summary.issue_answers) == ({"counted_from_zero": 4}, {"counted_from_zero": 2})
    assert summary.without_citations == 2


def test_failures_are_counted_by_code() -> None:
    units = [
        {"text": "x", "start": 0, "end": 1, "ids": ("a",), "need": True, "support": None, "failure": code}
        for code in ("server_error", "server_error", "unparsable", "")
    ]
    assert summed(row(None, None, None, units=units)).failures == {"server_error": 2, "unparsable": 1}


def test_the_agreement_of_the_judge_stands_in_the_summary() -> None:
    known = Agreement(labels="people", n=10, auc=0.8, balanced_accuracy=0.7)
    assert Tally("alce").summary("J", [known]).agreement == (known,)


def test_a_row_takes_32_bytes() -> None:
    adding = Tally("citerefine")
    figures = figures_of(row(1, 1, 1, question="a"))
    for _ in range(100_000):
        adding.add(figures)
    kept = sum(sys.getsizeof(values) for values in (*adding._rates.values(), adding._questions))
    assert kept < 100_000 * 32 * 1.2
