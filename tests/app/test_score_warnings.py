"""What may change figures unseen is said, where it concerns a tenth of the answers."""

from typing import Any

import pytest

from citerefine.app.score_warnings import warnings_on
from citerefine.judges.runs.summary import Summary


def warned(answers: int, **values: Any) -> list[str]:
    figures: dict[str, Any] = {"precision": None, "recall": None, "f1": None, "judge": None}
    forms = {"numbered": answers - 1, "tags": 1} if answers else {}
    return warnings_on(Summary(n=answers, rows=answers, questions=1, forms=forms, **figures, **values))


def test_answers_that_count_from_zero_are_told_with_the_form_that_reads_them() -> None:
    (line,) = warned(106, issue_answers={"counted_from_zero": 105})
    assert line == "105 of 106 answers cite [0]: if they count from 0, score with --form numbered_from_0"


def test_answers_without_a_citation_are_told() -> None:
    (line,) = warned(10, without_citations=1)
    assert line == "1 of 10 answers have no citation that could be read (forms: docs/citation-forms.md)"


@pytest.mark.parametrize("code", ["counted_from_zero", "unmatched_reference", "mixed_forms"])
def test_from_a_tenth_of_the_answers_on(code: str) -> None:
    assert len(warned(100, issue_answers={code: 10})) == 1
    assert warned(100, issue_answers={code: 9}) == []
    assert warned(0) == []
    assert warned(100, issue_answers={"quoted_ids": 100}) == []
