"""What a reader is told of a unit: one sign and word for each way it can count."""

from typing import Any

import pytest

from citerefine.judges.report.marks import (
    CONCERN_WORDS,
    GLYPHS,
    MEANING,
    WORDS,
    Concern,
    Mark,
    concerns_of,
    mark_of,
)
from citerefine.judges.runs.score_row import UnitRow
from citerefine.judges.verdict import Label


def unit(**fields: Any) -> UnitRow:
    return UnitRow.model_validate(
        {"text": "Perch.", "start": 0, "end": 6, "ids": ("s1",), "need": True, "support": None, **fields}
    )


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"label": "full", "support": 1}, Mark.SUPPORTED),
        ({"label": "partial", "support": 0.5}, Mark.PARTLY),
        ({"label": "none", "support": 0}, Mark.UNSUPPORTED),
        ({"label": "contradicts", "support": 0}, Mark.CONTRADICTED),
        ({"ids": (), "support": 0}, Mark.UNCITED),
        ({"ids": ("x",), "invalid": ("x",), "support": 0}, Mark.UNKNOWN),
        ({"ids": ("x", "s1"), "invalid": ("x",), "label": "full", "support": 1}, Mark.SUPPORTED),
        ({}, Mark.UNJUDGED),
        ({"ids": (), "need": False, "exempt": "heading"}, Mark.EXEMPT),
    ],
)
def test_each_way_to_count_has_its_mark(fields: dict[str, Any], mark: Mark) -> None:
    assert mark_of(unit(**fields)) is mark


@pytest.mark.parametrize(
    ("support", "mark"), [(1, Mark.SUPPORTED), (0.4, Mark.PARTLY), (0, Mark.UNSUPPORTED), (None, Mark.UNJUDGED)]
)
def test_support_without_a_label_is_told_by_its_figure(support: float | None, mark: Mark) -> None:
    assert mark_of(unit(support=support)) is mark


def test_a_failed_judge_is_never_told_as_unsupported() -> None:
    assert concerns_of(unit(explanation="not judged (timeout: …)")) == (Concern.UNJUDGED,)


def test_every_mark_and_concern_has_its_own_sign_and_word() -> None:
    for told in (GLYPHS, WORDS, MEANING):
        assert list(told) == list(Mark)
        assert len(set(told.values())) == len(Mark)
    assert list(CONCERN_WORDS) == list(Concern)


@pytest.mark.parametrize(
    ("label", "second", "disagree"),
    [("full", "none", True), ("full", "full", False), ("full", None, False), (None, "full", False)],
)
def test_two_judges_disagree_only_with_two_verdicts(label: str | None, second: str | None, disagree: bool) -> None:
    found = concerns_of(unit(label=label, second=second, support=None if label is None else 1))
    assert (Concern.DISAGREEMENT in found) is disagree


def test_a_partly_supported_unit_with_an_unknown_id_is_of_concern_for_the_id() -> None:
    partly = unit(label=Label.PARTIAL, support=0.5, ids=("s1", "x"), invalid=("x",))
    assert concerns_of(partly) == (Concern.INVALID,)
