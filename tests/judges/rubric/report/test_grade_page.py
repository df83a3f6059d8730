"""The page of a graded run, read back by a parser: order, facts, limits, safety."""

import random
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from tests.judges.rubric.report.graded_lake import (
    CAUSE,
    PADDING,
    PERCH,
    ROACH,
    RUBRIC,
    cell,
    lake_grades,
    rendered,
    row,
    task,
)
from tests.refiner.report.test_html_report import PAYLOADS

from citerefine.judges.rubric.report import grade_page
from citerefine.judges.rubric.report.cell_marks import GLYPHS, MEANING, WORDS, CellMark, Concern
from citerefine.judges.rubric.report.grade_page import GradePage
from citerefine.judges.rubric.report.quoting import cut_at_quotes, find_quote
from citerefine.judges.rubric.runs.grade_row import GradeRow
from citerefine.judges.rubric.runs.grade_task import GradeTask
from citerefine.refiner.tags.markup import scrub
from citerefine.refiner.tags.scanner import parse_tags
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric


def parsed(grades: list[tuple[GradeTask, GradeRow]], **how: Any) -> Any:
    return html.document_fromstring(rendered(grades, **how))


def words_of(element: Any) -> str:
    return " ".join(element.text_content().split())


def names(root: Any) -> list[str]:
    return [words_of(one) for one in root.xpath("//details[@class='answer']/summary//span[@class='meta']/code")]


def cells(root: Any, answer: str) -> list[str]:
    return [words_of(one) for one in root.xpath(f"//details[@id='{answer}']//li")]


# --- facts ------------------------------------------------------------------------------------------------------------


def test_answers_stand_the_worst_first_and_those_without_a_score_last() -> None:
    assert names(parsed(lake_grades())) == ["q1", "q3", "q2", "q4"]


def test_cells_stand_the_costliest_first_with_all_that_is_known_of_them() -> None:
    shown = cells(parsed(lake_grades()), "a3")
    assert shown[0].startswith("◐ met in part weight 1 c3 Puts the biomass of roach in kilograms")
    assert "verdict MET · counts 0.50 · votes MET, UNMET, MET" in shown[0]
    assert "fell by 12 kg" in shown[0]
    perch = next(text for text in shown if "Perch" in text)
    assert "✓ met weight 3" in perch
    assert "judge’s probability 0.97" in perch
    assert "reason" not in perch


def test_a_cell_without_a_verdict_says_why() -> None:
    shown = cells(parsed(lake_grades()), "a4")
    assert sum("– no verdict" in text and "the reply ends in the middle" in text for text in shown) == 2


def test_quotes_are_marked_in_the_answer_with_the_cells_that_they_are_of() -> None:
    marks = parsed(lake_grades()).xpath("//details[@id='a3']//mark[@class='quoted']")
    assert [(mark.get("data-cells"), words_of(mark)) for mark in marks] == [
        ("1", "Perch doubled between 1990 and 2010."),
        ("2", "Warmer water is the cause, as a survey of twelve lakes found."),
        ("3", "fell by 12 kg"),
    ]


def test_a_quote_that_does_not_stand_in_the_answer_is_said_to() -> None:
    (bad,) = (text for text in cells(parsed(lake_grades()), "a1") if "no such words" in text)
    assert "does not stand in what is shown of the answer" in bad


def test_citations_stand_behind_what_they_are_for() -> None:
    (text,) = parsed(lake_grades()).xpath("//details[@id='a3']//p[@class='text']")
    assert words_of(text).startswith("Perch doubled between 1990 and 2010. [a] Warmer water")
    assert "[b, c]" in words_of(text)


def test_criteria_stand_the_worst_first_with_how_often_they_are_met() -> None:
    table = parsed(lake_grades()).xpath("//table[@class='criteria']/tbody/tr")
    shown = [[words_of(cell) for cell in line] for line in table]
    assert [line[0].split()[0] for line in shown] == ["Perch", "c2", "c3", "Off-query"]
    assert shown[0][1:] == ["33.3 %", "4", "0", "1"]
    assert shown[3][1:] == ["25.0 % present", "4", "0", "0"]


def test_the_matrix_has_a_sign_for_each_cell_and_leads_to_it() -> None:
    root = parsed(lake_grades())
    lines = root.xpath("//table[@class='matrix']/tbody/tr")
    assert [words_of(line.find("th")) for line in lines] == ["q1", "q3", "q2", "q4"]
    columns = [words_of(one) for one in root.xpath("//table[@class='matrix']/thead//th")][2:]
    assert columns == [(one.title or one.text)[:40] for one in (PERCH, CAUSE, ROACH, PADDING)]
    targets = root.xpath("//table[@class='matrix']//td/a/@href")
    assert len(targets) == 16
    assert all(root.xpath(f"//*[@id='{target[1:]}']") for target in targets)


def test_answers_by_rubrics_of_their_own_need_no_matrix() -> None:
    alone = [
        (one, row(one, 0.5, cell(criterion, 1.0)))
        for number, criterion in enumerate((PERCH, ROACH), 1)
        for one in [task(number, rubric=Rubric(criteria=(criterion,)))]
    ]
    assert parsed(alone).xpath("//table[@class='matrix']") == []


def test_the_head_names_judge_formula_rubric_and_day() -> None:
    root = parsed(lake_grades(), title="lake.jsonl")
    facts = {words_of(one.find("dt")): words_of(one.find("dd")) for one in root.xpath("//dl[@class='run']/div")}
    assert facts == {"judge": "words-1", "formula": "pos_norm", "rubric": RUBRIC.key, "graded on": "2026-11-26"}
    assert words_of(root.xpath("//h1")[0]) == "lake.jsonl"


def test_every_mark_and_concern_has_sign_word_and_meaning() -> None:
    assert {*GLYPHS} == {*WORDS} == {*MEANING} == {*CellMark}
    assert len({*GLYPHS.values()}) == len(GLYPHS)
    assert {one.get("value") for one in parsed(lake_grades()).xpath("//input[@name='concern']")} == {*Concern}


def test_equal_rows_in_any_order_give_equal_bytes() -> None:
    shuffled = lake_grades()
    random.Random(1).shuffle(shuffled)
    assert rendered(shuffled) == rendered(lake_grades())


def test_scores_on_a_scale_of_their_own_are_not_drawn_from_0_to_1() -> None:
    one = task(1)
    root = parsed([(one, row(one, 7.0, formula="mean_1_10"))])
    assert root.xpath("//*[@class='spread']") == []
    assert "which does not end at 1" in words_of(root)
    assert len(parsed(lake_grades()).xpath("//*[@class='spread']")) == 1


def test_a_run_without_answers_is_a_page_too() -> None:
    text = words_of(parsed([]))
    assert "No answer has a score" in text
    assert "No row was graded." in text


# --- limits -----------------------------------------------------------------------------------------------------------


def many(n: int, n_cells: int = 1) -> list[tuple[GradeTask, GradeRow]]:
    rubric = Rubric(criteria=tuple(Criterion(id=f"k{i}", text=f"Criterion {i} " * 20) for i in range(n_cells)))
    tasks = [task(number, rubric=rubric) for number in range(1, n + 1)]
    return [(one, row(one, one.line / n, *(cell(c, 0.0) for c in rubric.judged))) for one in tasks]


def test_only_the_worst_are_kept_and_the_page_says_how_many_are_not_shown() -> None:
    root = parsed(many(30), limit=4)
    assert names(root) == ["q1", "q2", "q3", "q4"]
    assert "This page shows 4 answers of 30. 26 answers with higher scores are left out." in words_of(root)
    with pytest.raises(ValueError, match="at least 1"):
        GradePage(0)


def test_a_page_of_large_rubrics_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grade_page, "PAGE_LIMIT", 300_000)
    text = rendered(many(20, n_cells=300))
    assert len(text) < 900_000
    root = html.document_fromstring(text)
    assert "200 more criteria are not shown" in words_of(root)
    assert "300 more criteria are not shown" in words_of(root)
    assert root.xpath("count(//table[@class='matrix']/thead//th)") == 62


# --- quotes -----------------------------------------------------------------------------------------------------------


@given(st.text(max_size=60), st.dictionaries(st.integers(1, 9), st.text(max_size=12), max_size=5))
@settings(deadline=None)
def test_the_pieces_are_the_answer_whatever_is_quoted(answer: str, quotes: dict[int, str]) -> None:
    parse = parse_tags(scrub(answer))
    assert "".join(piece.text for piece in cut_at_quotes(parse, quotes, 1000)) == parse.text


@given(st.text(alphabet="ab .(*[", min_size=1, max_size=30), st.integers(0, 29), st.integers(0, 29))
@settings(deadline=None)
def test_every_stretch_of_the_answer_is_found(text: str, start: int, end: int) -> None:
    quote = text[start:end]
    place = find_quote(text, quote)
    assert (place is None) == (not quote.strip())
    assert place is None or " ".join(text[slice(*place)].split()) == " ".join(quote.split())


# --- safety -----------------------------------------------------------------------------------------------------------


def hostile(text: str) -> list[tuple[GradeTask, GradeRow]]:
    """Grades of fixed shape with `text` in every field that a file or a model fills."""
    text = scrub(text)
    criteria = tuple(
        one.model_copy(update={"id": f"{one.id} {text}", "title": f"Title {text}", "text": f"Says {text} so"})
        for one in (PERCH, CAUSE, PADDING)
    )
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    one = task(
        1,
        f"<answer>Perch {escaped} doubled <snippet id=a>in {escaped} lakes</snippet>.</answer>",
        Rubric(criteria=criteria),
        id=f"id {text}",
        question=f"Question {text}?",
        system=f"model {text}",
    )
    grade = row(
        one,
        None,
        cell(criteria[0], 1.0, f"Perch {text} doubled", verdict=f"MET {text}", votes=(f"vote {text}", "x")),
        cell(criteria[1], 0.0, f"no {text}", reason=f"why {text} so"),
        cell(criteria[2], None, reason=f"code {text}: message {text}"),
        gate=f"gate {text}",
        formula=f"formula {text}",
        judge=f"judge {text}",
        reason=f"code {text}: reason {text}",
    )
    return [(one, grade), (one._replace(line=2), grade)]


def shape(root: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.tag, tuple(sorted(one.keys()))) for one in root.iter() if isinstance(one.tag, str)]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_adds_no_element_and_no_attribute(payload: str) -> None:
    plain = Counter(tag for tag, _ in shape(parsed(hostile("plain"), title="plain")))
    found = Counter(tag for tag, _ in shape(parsed(hostile(payload), title=payload, judge=f"judge {payload}")))
    for tag in ("mark", "span", "bdi"):  # how a text is cut depends on it
        del plain[tag], found[tag]
    assert found == plain
    allowed = {keys for _, keys in shape(parsed(hostile("plain")))}
    assert {keys for _, keys in shape(parsed(hostile(payload)))} <= allowed


def test_the_page_loads_nothing_and_names_its_style_and_script_by_hash() -> None:
    text = rendered(lake_grades())
    root = html.document_fromstring(text)
    policy = root.xpath("string(//meta[@http-equiv='Content-Security-Policy']/@content)")
    assert str(policy).startswith("default-src 'none'; style-src 'sha256-")
    assert root.xpath("//@src | //@style | //*[@*[starts-with(name(), 'on')]]") == []
    targets = [element.get("href") for element in root.iter() if element.get("href") is not None]
    assert targets
    assert all(str(target).startswith(("#", "data:")) for target in targets)


def test_characters_that_mislead_are_spelled_out() -> None:
    text = words_of(parsed(hostile("\u202eabc\u200b")))
    assert "\u202e" not in text
    assert "⟨U+202E⟩abc⟨U+200B⟩" in text


def test_styles_and_script_are_small() -> None:
    text = rendered([])
    inline = sum(map(len, re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", text, re.DOTALL)))
    assert inline < 34_000


def test_criteria_of_one_answer_each_are_folded_and_those_of_several_are_not() -> None:
    own = [
        (one, row(one, 1.0, cell(one.rubric.criteria[0], 1.0), cell(PADDING, 0.0)))
        for n in range(1, 6)
        for one in [task(n, rubric=Rubric(criteria=(Criterion(id="c1", text=f"Names lake number {n}"), PADDING)))]
    ]
    section = parsed(own).xpath("//section[@aria-labelledby='criteria-title']")[0]
    (folded,) = section.xpath("./details[@class='folded']")
    assert words_of(folded.find("summary")) == "5 criteria asked about one answer each, with which they stand below"
    assert len(folded.xpath(".//tbody/tr")) == 5
    assert folded.get("open") is None
    assert [words_of(one) for one in section.xpath("./div//tbody/tr/th/b")] == ["Off-query padding"]
    assert not parsed(own[:1]).xpath("//details[@class='folded']")  # a single answer shows its criteria
