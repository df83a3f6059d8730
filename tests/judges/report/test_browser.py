"""The pages in a real browser: filters, folding, layout, contrast, and that nothing runs or leaves.

Needs what tests/refiner/report/test_html_browser.py needs.
"""

from collections.abc import Callable

import pytest
from tests.browsing import Open, faint_texts, shown, small_targets, status, switch, wait_for_status
from tests.judges.report.lake_rows import better_row, lake_run, lake_summary, worst_row
from tests.judges.report.real_run import FOLDER, MISSING, SYSTEMS, scored_run, summary_of
from tests.judges.report.test_comparison_page import comparison
from tests.judges.report.test_score_page import hostile, rendered
from tests.refiner.report.test_html_browser import ATTACKS

from citerefine.judges.report.comparison_page import comparison_page

FILES = "request: file:"


# --- filters --------------------------------------------------------------------------------------------------


def lake() -> str:
    return rendered(lake_run())


def test_each_filter_keeps_its_answers_and_says_how_many(opened: Open) -> None:
    page = opened(lake())
    assert status(page) == "Showing all 4 answers."
    for word in ("Unknown ids", "Uncited", "Not supported", "Contradicted", "Not judged", "Judges disagree"):
        switch(page, f"{word} 1").check()
        assert shown(page) == ["a1"]
        assert status(page) == "Showing 1 of 4 answers."
        switch(page, f"{word} 1").uncheck()
    assert len(shown(page)) == 4
    assert page.heard == []


def test_filters_and_search_combine(opened: Open) -> None:
    page = opened(lake())
    page.get_by_role("searchbox").fill("ROACH  biomass")
    wait_for_status(page, "Showing 2 of 4")
    assert shown(page) == ["a1", "a2"]
    switch(page, "Contradicted").check()
    assert shown(page) == ["a1"]
    page.get_by_role("searchbox").fill("no such words")
    wait_for_status(page, "Showing 0 of 4")
    assert shown(page) == []


def test_the_units_that_a_filter_means_are_pointed_out(opened: Open) -> None:
    page = opened(lake())
    switch(page, "Contradicted").check()
    switch(page, "Uncited").check()
    assert page.locator(".row.hit .text").all_inner_texts() == [
        "Pike vanished from the lake.",
        "The ferry company changed its paint.○\nuncited",
    ]


def test_a_filter_survives_a_reload_through_the_address(opened: Open) -> None:
    page = opened(lake())
    switch(page, "Uncited").check()
    page.get_by_role("searchbox").fill("perch & 50 %")
    wait_for_status(page, "Showing 0 of 4")
    page.reload()
    assert page.get_by_role("searchbox").input_value() == "perch & 50 %"
    assert switch(page, "Uncited").is_checked()
    assert page.url.endswith("#show=uncited&find=perch%20%26%2050%20%25")


def test_an_address_of_a_unit_opens_its_answer(opened: Open) -> None:
    text = rendered([worst_row(), better_row()])
    page = opened(text, fragment="#a2-u2&show=nonsense")
    assert page.locator("#a2-u2").is_visible()
    assert len(shown(page)) == 2


@pytest.mark.parametrize("fragment", ["#show=&find=", "#%E0%A4%A", "#<script>"])
def test_odd_addresses_show_all(opened: Open, fragment: str) -> None:
    page = opened(lake(), fragment=fragment)
    assert len(shown(page)) == 4
    assert [line for line in page.heard if not line.startswith(FILES)] == []


def test_what_the_page_leaves_out_is_said_while_filtering(opened: Open) -> None:
    page = opened(rendered(lake_run(), limit=1))
    switch(page, "Uncited").check()
    assert status(page) == "Showing 1 of 2 answers; 2 more are not on this page."


def test_all_answers_open_and_close_at_once(opened: Open) -> None:
    page = opened(lake())
    page.get_by_role("button", name="Open all").click()
    assert page.locator(".answer[open]").count() == 4
    page.get_by_role("button", name="Close all").click()
    assert page.locator(".answer[open]").count() == 0


def test_all_is_reached_by_keyboard_with_visible_focus(opened: Open) -> None:
    page = opened(lake())
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        name, is_told, outline = page.evaluate(
            """() => {
                const on = document.activeElement;
                const byItself = on.type !== "checkbox" && on !== document.body; // the label of a box is outlined
                return [on.value || on.id || on.localName, byItself, getComputedStyle(on).outlineStyle];
            }"""
        )
        reached.add(name)
        assert not is_told or outline == "solid"
    assert {"theme", "uncited", "disagreement", "find", "unfold", "summary"} <= reached


def test_names_for_those_who_listen(opened: Open) -> None:
    tree = opened(lake()).locator("main").aria_snapshot()
    for part in (
        'heading "run.jsonl" [level=1]',
        'img "F1 of 2 answers: 0.20 to 0.25: 1; 0.95 to 1.00: 1.',
        'heading "Why did perch double?" [level=3]',
        'checkbox "Judges disagree 1"',
        "status",
    ):
        assert part in tree


# --- without script, in print ---------------------------------------------------------------------------------


def test_without_script_all_is_read_and_no_dead_control_is_seen(opened: Open) -> None:
    page = opened(lake(), java_script_enabled=False)
    assert not any(control.is_visible() for control in page.locator(".needs-js").all())
    page.locator("#a2 > summary").click()
    assert page.locator("#a2-u1 blockquote").is_visible()


def test_print_unfolds_all_answers_and_ignores_filters(opened: Open) -> None:
    page = opened(lake())
    switch(page, "Contradicted").check()
    page.emulate_media(media="print")
    assert page.locator("#a2-u1 blockquote").is_visible()
    assert not page.locator(".tools").is_visible()


# --- safety ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS[::3])  # all of them: test_score_page.py, without a browser
def test_hostile_text_does_not_run(opened: Open, attack: str) -> None:
    rows, summary, title = hostile(attack)
    page = opened(rendered(rows, summary=summary, title=title))
    page.get_by_role("button", name="Open all").click()
    page.get_by_role("searchbox").fill(attack)
    page.wait_for_timeout(200)
    assert page.evaluate("window.pwned") is None
    assert page.heard == []


# --- real answers, and looks ----------------------------------------------------------------------------------


def real(system: str) -> str:
    rows = scored_run(system)
    return rendered([*rows], summary=summary_of(rows), title=f"{system}.jsonl")


PAGES: dict[str, Callable[[], str]] = {
    "lake": lake,
    "nothing": lambda: rendered([], lake_summary(n=0, rows=0)),
    "comparison": lambda: comparison_page(comparison()),
}


@pytest.mark.skipif(not FOLDER.exists(), reason=MISSING)
@pytest.mark.parametrize("system", SYSTEMS[:1])
def test_real_answers_are_read_filtered_and_found(opened: Open, system: str) -> None:
    rows = scored_run(system)
    page = opened(real(system))
    assert shown(page) == [f"a{number}" for number in range(1, len(rows) + 1)]
    figures = [float(text.removeprefix("F1")) for text in page.locator(".answer .figure").all_inner_texts()]
    assert figures == sorted(round(row.f1 or 0, 2) for row in rows)
    n_uncited = sum(row.n_uncited > 0 for row in rows)
    switch(page, f"Uncited {n_uncited}").check()
    assert len(shown(page)) == n_uncited
    switch(page, f"Uncited {n_uncited}").uncheck()
    id = str(rows[7].id)
    page.get_by_role("searchbox").fill(id)
    wait_for_status(page, "Showing 1 of")
    assert id in page.locator(".answer:not(.off) > summary").inner_text()
    assert page.heard == []


@pytest.mark.skipif(not FOLDER.exists(), reason=MISSING)
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_real_answers_fit_and_can_be_read(opened: Open, width: int, scheme: str) -> None:
    page = opened(real("claude"), width=width, color_scheme=scheme)
    page.get_by_role("button", name="Open all").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert faint_texts(page) == []


@pytest.mark.parametrize(
    ("name", "width"), [("lake", 320), ("nothing", 320), ("comparison", 320), ("lake", 768), ("comparison", 768)]
)
def test_no_sideways_scroll(opened: Open, name: str, width: int) -> None:
    page = opened(PAGES[name](), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.heard == []


@pytest.mark.parametrize(
    ("name", "scheme"), [("lake", "light"), ("lake", "dark"), ("comparison", "dark"), ("nothing", "light")]
)
def test_all_text_has_contrast(opened: Open, name: str, scheme: str) -> None:
    page = opened(PAGES[name](), color_scheme=scheme)
    assert faint_texts(page) == []
    for box in page.get_by_role("checkbox").all():
        box.check()
    assert faint_texts(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_targets_are_large_enough(opened: Open, name: str) -> None:
    assert small_targets(opened(PAGES[name](), width=390)) == []


def test_changes_are_filtered_by_their_direction(opened: Open) -> None:
    page = opened(PAGES["comparison"]())
    assert status(page) == "Showing all 3 pairs; 37 more are not on this page."
    switch(page, "B worse").check()
    assert shown(page) == ["c2"]


def test_answers_of_a_pair_stand_side_by_side_where_there_is_room(opened: Open) -> None:
    left, right = (box.bounding_box() for box in opened(PAGES["comparison"]()).locator("#c1 .one").all())
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] < right["x"]
    upper, lower = (box.bounding_box() for box in opened(PAGES["comparison"](), width=390).locator("#c1 .one").all())
    assert upper["y"] + upper["height"] < lower["y"]
