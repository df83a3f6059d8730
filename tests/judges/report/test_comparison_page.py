"""The page of a comparison, read back by a parser: figures, differences, what changed, safety."""

from collections import Counter
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from tests.judges.report.lake_rows import better_row, worst_row
from tests.refiner.report.test_html_report import PAYLOADS

from citerefine.judges.report.comparison_page import HALF, WIDTH, comparison_page, draw_differences
from citerefine.judges.runs.comparison import Change, Comparison, MetricComparison, Side
from citerefine.judges.runs.score_row import ScoreRow


def metric(name: str, difference: float | None, **fields: Any) -> MetricComparison:
    known = difference is not None
    values: dict[str, Any] = {
        "metric": name,
        "mean_a": 0.5,
        "mean_b": 0.5 + (difference or 0),
        "difference": difference,
        "ci95": (difference - 0.06, difference + 0.06) if difference is not None else None,
        "interval": "95 %, bootstrap",
        "p": 0.0004 if known else None,
        "p_holm": 0.0123 if known else None,
        "sd": 0.3,
        "detectable": 0.081,
        "questions_needed": 300,
        "n": 3,
        "questions": 1234,
    }
    return MetricComparison.model_validate({**values, **fields})


def change(id: str, a: float | None, b: float | None, text: str = "") -> Change:
    left, right = (worst_row(), better_row()) if (a or 0) < (b or 0) else (better_row(), worst_row())
    return Change(
        id=id,
        question=f"Why {id}{text}?",
        f1_a=a,
        f1_b=b,
        difference=None if a is None or b is None else b - a,
        changed=(f"unknown ids 1 → 0{text}",),
        a=left.model_copy(update={"f1": a}),
        b=right.model_copy(update={"f1": b}),
    )


def comparison(text: str = "", **fields: Any) -> Comparison:
    side = {"rows": 9, "judge": f"lexical-1{text}", "formula": f"citerefine{text}", "systems": (f"model{text}",)}
    values: dict[str, Any] = {
        "a": Side.model_validate({"name": f"a.jsonl{text}", **side, "no_figures": {f"abstained{text}": 2}}),
        "b": Side.model_validate({"name": f"b.jsonl{text}", **side, "refused": {f"no_id{text}": 1}}),
        "pairs": 40,
        "questions": 38,
        "metrics": (metric("precision", 0.12), metric("f1", -0.03), metric("score", None)),
        "better": 20,
        "worse": 11,
        "same": 9,
        "only_a": 2,
        "only_b": 0,
        "only_a_ids": (f"q-1{text}", 7),
        "changes": (change("gained", 0.22, 1.0, text), change("lost", 1.0, 0.5, text), change("gone", 0.5, None, text)),
        "notes": (f"not paired: 2 rows only in A{text}",),
        "in_words": (f"B is better{text}.", f"Power{text}."),
    }
    return Comparison.model_validate({**values, **fields})


def parsed(compared: Comparison) -> Any:
    return html.document_fromstring(comparison_page(compared, when=date(2026, 11, 25)))


def words_of(element: Any) -> str:
    return " ".join(element.text_content().split())


def test_what_the_figures_say_comes_first_and_what_limits_them_next() -> None:
    root = parsed(comparison())
    assert words_of(root.xpath("//h1")[0]) == "B is better."
    assert [words_of(line) for line in root.xpath("//p[@class='said-so']")] == ["Power."]
    assert [words_of(line) for line in root.xpath("//ul[@class='notes']/li")] == ["not paired: 2 rows only in A"]


def test_metrics_stand_with_difference_interval_p_and_what_could_be_found() -> None:
    rows = [
        [words_of(cell) for cell in row] for row in parsed(comparison()).xpath("//table[@class='metrics']/tbody/tr")
    ]
    assert rows == [
        ["Precision", "0.500", "0.620", "+0.120", "+0.060 to +0.180", "", "0.0004", "0.012", "0.081", "1,234"],
        ["F1", "0.500", "0.470", "−0.030", "−0.090 to +0.030", "", "0.0004", "0.012", "0.081", "1,234"],
        ["Training score", "0.500", "0.500", "–", "–", "", "–", "–", "0.081", "1,234"],
    ]


def test_both_sides_are_named_with_what_they_lack() -> None:
    a, b = (words_of(side) for side in parsed(comparison()).xpath("//div[@class='side']"))
    assert a.startswith("A a.jsonl")
    assert "2 abstained" in a
    assert "1 no_id" in b


def test_changes_are_listed_in_order_with_both_answers_side_by_side() -> None:
    root = parsed(comparison())
    summaries = [words_of(found) for found in root.xpath("//details[@class='answer']/summary")]
    assert summaries[0].startswith("▲ +0.78")
    assert "F1 0.22 → 1.00" in summaries[0]
    assert "unknown ids 1 → 0" in summaries[0]
    assert summaries[1].startswith("▼ −0.50")
    assert summaries[2].startswith("none")
    left, right = root.get_element_by_id("c1").xpath(".//section")
    assert "Pike vanished from the lake." in words_of(left)
    assert "Roach lost more than half" in words_of(right)
    assert right.xpath(".//blockquote")


def test_all_pairs_and_rows_are_accounted_for() -> None:
    root = parsed(comparison(none_a=3, only_b=5, other_question=4))
    shown = {words_of(row.find("dt")): words_of(row.find("dd")) for row in root.xpath("//div[@class='counts']//div")}
    assert shown == {
        "pairs": "40",
        "only A has no F1": "3",
        "only B has no F1": "0",
        "neither has F1": "0",
        "rows only in A Their idsq-1, 7": "2",
        "rows only in B": "5",
        "one id, two questions": "4",
    }
    assert "This page shows 3 of 40 pairs." in words_of(root)
    assert words_of(root.xpath("//p[@class='balance']")[0]) == "▼ B worse 11 = the same 9 ▲ B better 20"


def test_a_comparison_without_changes_is_a_page() -> None:
    root = parsed(comparison(changes=(), in_words=(), notes=(), metrics=()))
    assert "No pair differs in F1, or none was asked for." in words_of(root)
    assert not root.xpath("//details[@class='answer'] | //*[@class='differences']")


@given(st.lists(st.floats(-1, 1), max_size=40), st.integers(0, 100))
def test_differences_are_drawn_sorted_and_within_the_frame(differences: list[float], more: int) -> None:
    drawing = draw_differences(differences, len(differences) + more)
    assert len(drawing.bars) == len(differences)
    assert drawing.n_middle == more
    at = 0.0
    for bar in drawing.bars:
        assert bar.x >= at - 0.02
        assert bar.y >= -HALF
        assert bar.y + bar.height <= HALF
        at = bar.x + bar.width
    assert at <= WIDTH + 0.02
    heights = [bar.height * (1 if bar.direction == "better" else -1) for bar in drawing.bars]
    assert heights == sorted(heights)
    assert all((bar.y < 0) is (bar.direction == "better") for bar in drawing.bars)


def skeleton(text: str) -> Counter[tuple[str, tuple[str, ...]]]:
    return Counter((str(element.tag), tuple(sorted(element.attrib))) for element in parsed(comparison(text)).iter())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_field_can_add_an_element_or_attribute(payload: str) -> None:
    assert skeleton(payload) == skeleton("harmless")


def test_huge_rows_are_cut() -> None:
    huge = ScoreRow(id=1, text="Perch doubled. " * 300_000, f1=0.5)
    changes = tuple(change(str(n), 0.2, 0.9).model_copy(update={"a": huge, "b": huge}) for n in range(3))
    assert len(comparison_page(comparison(changes=changes))) < 300_000
