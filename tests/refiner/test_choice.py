"""Which of two drafts is kept."""

import pytest

from citerefine.refiner import Evidence, parse_answer
from citerefine.refiner.choice import Draft, better, cited_share
from citerefine.refiner.validation import Finding, validate

EVIDENCE = Evidence([{"text": "Perch doubled."}])
CITED = "<snippet id=S1>Perch doubled.</snippet>"


def draft(inner: str, score: float | None = None, extra: int = 0) -> Draft:
    answer = parse_answer(f"<answer>{inner}</answer>", EVIDENCE)
    more = tuple(Finding(code="unknown_id", message="x") for _ in range(extra))
    return Draft(answer, "stop", validate(answer) + more, score)


@pytest.mark.parametrize(
    ("worse", "best"),
    [
        (draft("It did."), draft(CITED, extra=3)),
        (draft(CITED, extra=2), draft(CITED + " It did so.", extra=1)),
        (draft(CITED, score=0.4), draft(CITED + " It did so.", score=0.5)),
        (draft(CITED + " It did so."), draft(CITED)),
        (draft(CITED + " It did so.", score=0.9), draft(CITED)),
    ],
)
def test_each_rule_decides_where_those_before_it_do_not(worse: Draft, best: Draft) -> None:
    assert better(worse, best) is best
    assert better(best, worse) is best


def test_of_equals_the_later_is_kept() -> None:
    first, second = draft(CITED), draft(CITED)
    assert better(first, second) is second


def test_the_cited_share_counts_code_points() -> None:
    assert cited_share(draft(CITED).answer) == 1
    assert cited_share(draft(f"{CITED} Yes.").answer) == pytest.approx(14 / 19)
    assert cited_share(draft("").answer) == 0
