"""The page of grades in a real browser: filters, matrix, quotes, layout, contrast, and that nothing runs or leaves.

Needs what tests/refiner/report/test_html_browser.py needs.
"""

import pytest
from tests.browsing import Open, faint_texts, shown, small_targets, status, switch, visible
from tests.judges.rubric.report.graded_lake import lake_grades, rendered
from tests.judges.rubric.report.test_grade_page import hostile
from tests.refiner.report.test_html_browser import ATTACKS


def lake() -> str:
    return rendered(lake_grades())


@pytest.mark.parametrize(
    ("word", "answers"),
    [
        ("Not met 2", ["a1", "a3"]),
        ("Faults present 1", ["a1"]),
        ("No verdict 1", ["a4"]),
        ("Cannot be told 1", ["a1"]),
        ("Not asked 1", ["a2"]),
    ],
)
def test_each_filter_keeps_its_answers_and_their_rows_of_the_matrix(
    opened: Open, word: str, answers: list[str]
) -> None:
    page = opened(lake())
    assert status(page) == "Showing all 4 answers."
    switch(page, word).check()
    assert shown(page) == answers
    assert len(visible(page, ".matrix tbody tr")) == len(answers)
    assert page.heard == []


def test_criteria_of_one_origin_alone(opened: Open) -> None:
    page = opened(lake())
    page.get_by_role("radio", name="Static").check()
    assert len(visible(page, "#a1 .cell")) == 1
    assert len(visible(page, ".criteria tbody tr")) == 1
    assert len(visible(page, ".matrix tbody td a")) == 4
    page.get_by_role("radio", name="All criteria").check()
    assert len(visible(page, "#a1 .cell")) == 4


def test_a_sign_of_the_matrix_opens_its_criterion_and_lights_its_quote(opened: Open) -> None:
    page = opened(lake())
    page.locator(".matrix a[href='#a3-c1']").click()
    assert page.locator("#a3-c1").is_visible()
    assert page.locator("#a3 .lit").all_inner_texts() == ["Perch doubled between 1990 and 2010."]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className").startswith("light")


def test_a_quote_is_shown_in_the_answer_by_keyboard_and_put_out_again(opened: Open) -> None:
    page = opened(lake(), fragment="#a3-c2")
    button = page.locator("#a3-c3").get_by_role("button", name="Show it there")
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("#a3 .lit").all_inner_texts() == ["fell by 12 kg"]
    assert button.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Enter")
    assert page.locator("#a3 .lit").count() == 0


def test_names_for_those_who_listen(opened: Open) -> None:
    tree = opened(lake(), fragment="#a3").locator("main").aria_snapshot()
    for part in (
        'heading "run.jsonl" [level=1]',
        'link "fault present"',
        'rowheader "q1"',
        'checkbox "Faults present 1"',
        'radio "Static"',
        'heading "Why did perch double?" [level=3]',
        "status",
    ):
        assert part in tree


def test_without_script_all_is_read_and_no_dead_control_is_seen(opened: Open) -> None:
    page = opened(lake(), java_script_enabled=False)
    assert not any(control.is_visible() for control in page.locator(".needs-js").all())
    page.locator("#a3 > summary").click()
    assert page.locator("#a3-c1 blockquote").is_visible()


def test_print_shows_every_cell_whatever_is_filtered(opened: Open) -> None:
    page = opened(lake())
    switch(page, "Not asked 1").check()
    page.emulate_media(media="print")
    assert page.locator("#a3-c1 blockquote").is_visible()
    assert len(visible(page, ".matrix tbody tr")) == 4
    assert not page.locator(".tools").is_visible()


@pytest.mark.parametrize("attack", ATTACKS[::2])
def test_hostile_text_does_not_run(opened: Open, attack: str) -> None:
    page = opened(rendered(hostile(attack), title=attack, judge=attack))
    page.get_by_role("button", name="Open all").click()
    page.get_by_role("searchbox").fill(attack)
    page.wait_for_timeout(150)
    assert page.evaluate("window.pwned") is None
    assert page.heard == []


@pytest.mark.parametrize("width", [320, 768])
def test_no_sideways_scroll(opened: Open, width: int) -> None:
    page = opened(lake(), width=width)
    page.get_by_role("button", name="Open all").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(opened: Open, scheme: str) -> None:
    page = opened(lake(), color_scheme=scheme, fragment="#a3-c1")
    page.get_by_role("button", name="Open all").click()
    for box in page.get_by_role("checkbox").all():
        box.check()
    assert faint_texts(page) == []


def test_targets_are_large_enough(opened: Open) -> None:
    page = opened(lake(), width=390)
    page.get_by_role("button", name="Open all").click()
    assert small_targets(page) == []
