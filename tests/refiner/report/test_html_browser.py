"""The HTML page in a real browser: keys, focus, cards, filters, layout, and that nothing runs or leaves.

Needs playwright and a Chromium. Without them the tests are skipped, unless CITEREFINE_REQUIRE_BROWSER is set.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from citerefine.refiner.answer import Answer, parse_answer
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.records import Snippet
from citerefine.refiner.report.html_report import claim_name, render_html
from citerefine.refiner.report.view import view_answer

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SMALLEST_TARGET = 24

Open = Callable[..., Any]
"""Opens an answer in a fresh window; see `opened`."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    def missing(what: str) -> None:
        if os.environ.get("CITEREFINE_REQUIRE_BROWSER"):
            pytest.fail(f"{what}, and CITEREFINE_REQUIRE_BROWSER is set")
        pytest.skip(what)

    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        missing("playwright is not installed")
    executable = shutil.which("chromium")
    if executable is None:
        missing("no program named chromium is on the path")
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=executable, args=ARGS)
        except Error as error:
            missing(f"chromium does not start: {str(error).splitlines()[0]}")
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """A function that writes the page of an answer to a file and opens it; each window is closed afterwards.

    The page it returns has a list `heard`: requests, dialogs, console messages and errors, in words.
    """
    contexts = []

    def open_answer(answer: Answer, *, fragment: str = "", width: int = 1280, height: int = 900, **options: Any) -> Any:
        path = tmp_path / "answer.html"
        path.write_text(render_html(answer), encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(5_000)
        contexts.append(context)
        page = context.new_page()
        page.heard = []
        page.on("console", lambda message: page.heard.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: page.heard.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (page.heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: page.heard.append(f"request: {request.url}"))
        page.goto(path.as_uri() + fragment)
        assert page.heard.pop(0) == f"request: {path.as_uri()}"
        return page

    yield open_answer
    for context in contexts:
        context.close()


LONG = (
    "The ferry log gives the day of the last ice in each year. " * 12
    + "Mean summer surface temperature rose by 1.9 °C between 1988 and 2018. "
    + "The gauge at the southern pier was read every morning. " * 14
)


def lake() -> Answer:
    """Six claims on four sources; the third is uncited, the second is reworded and leans on two passages."""
    survey: dict[str, Any] = {"title": "Gill-net surveys", "authors": ("Marit Halvorsen",), "year": 2021}
    pdf = "https://journal.example.org/jil/0417.pdf"
    snippets = (
        Snippet(**survey, url=pdf, page=7, section="Percids", text="Perch doubled in ten years. Pike did not."),
        Snippet(**survey, url=pdf, page=9, section="Cyprinids", text="Roach biomass fell from 41 to 17 kg."),
        Snippet(title="Warming of northern lakes", url="https://lake.example.net/warming", text=LONG),
        Snippet(title="Water quality", url="https://water.example.org/orrin", text="Phosphorus fell by half."),
        Snippet(title="Pike report", source="pike.md", start=10, end=47, text="Large pike came back and fed on roach."),
        Snippet(title="Harbour notes", text="Dredging began in spring."),
    )
    raw = """<answer><snippet id=S1>Perch doubled in ten years.</snippet> Several reasons are given.

- <snippet id=S5,S2>Roach lost more than half of their biomass once large pike had come back.</snippet>
- <snippet id=S77>Perch fry were stocked in 2008.</snippet>
- <snippet id=S3>Mean summer surface temperature rose by 1.9 °C between 1988 and 2018.</snippet>

```python
averylongname = another_very_long_name + yet_another_very_long_name_that_does_not_fit_on_a_phone
```

<snippet id=S4>Phosphorus fell by half.</snippet> <snippet id=S3>Summers became warmer by 1.9 °C.</snippet></answer>"""
    return parse_answer(raw, Evidence(snippets=snippets), question="Why did perch double?", model="extractive")


def focused_name(page: Any) -> str:
    name: str = page.evaluate("document.activeElement.getAttribute('aria-label') ?? ''")
    return name


def tab_to(page: Any, name: str) -> None:
    for _ in range(80):
        if focused_name(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way by Tab to {name!r}")


def quotes_in(card: Any) -> list[str]:
    found: list[str] = card.locator(".evidence > blockquote mark").all_inner_texts()
    return found


# --- keyboard -------------------------------------------------------------------------------------------------


def test_every_claim_is_followed_to_its_quotes_by_keyboard(opened: Open) -> None:
    answer = lake()
    page = opened(answer)
    for claim in view_answer(answer).claims:
        tab_to(page, claim_name(claim))
        page.keyboard.press("Enter")
        card = page.locator(":popover-open")
        assert card.count() == 1
        assert card.locator("h2").inner_text().startswith(f"Claim {claim.number}")
        assert quotes_in(card) == [
            answer.evidence[mark.snippet_id].text[quote.start : quote.end]
            for mark in claim.marks
            for quote in mark.quotes
        ]
        page.keyboard.press("Escape")
        assert page.locator(":popover-open").count() == 0
        assert focused_name(page) == claim_name(claim)
    assert page.heard == []


def test_focus_returns_from_within_a_card(opened: Open) -> None:
    page = opened(lake())
    tab_to(page, "claim 1, word for word, source 1a")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest(':popover-open') !== null")
    page.keyboard.press("Escape")
    assert focused_name(page) == "claim 1, word for word, source 1a"


def test_no_focus_trap(opened: Open) -> None:
    page = opened(lake())
    seen = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.outerHTML"))
        if page.evaluate("document.activeElement === document.body"):
            break
    assert any("used by claim 6" in element for element in seen)


def test_focus_is_visible(opened: Open) -> None:
    page = opened(lake())
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type === 'radio'"):
            continue  # its label is outlined
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_j_and_k_walk_the_claims(opened: Open) -> None:
    page = opened(lake())
    names = [claim_name(claim) for claim in view_answer(lake()).claims]
    walked = []
    for key in "jjjkj":
        page.keyboard.press(key)
        walked.append(focused_name(page))
    assert walked == [names[at] for at in (0, 1, 2, 1, 2)]
    for _ in range(9):
        page.keyboard.press("j")
    assert focused_name(page) == names[-1]


def test_o_opens_the_source_in_a_new_window(opened: Open) -> None:
    page = opened(lake())
    page.evaluate("window.open = (...how) => { window.asked = how; }")
    page.keyboard.press("j")
    page.keyboard.press("o")
    assert page.evaluate("window.asked") == [
        "https://journal.example.org/jil/0417.pdf#page=7",
        "_blank",
        "noopener,noreferrer",
    ]


def test_help_and_switching_keys_off(opened: Open) -> None:
    page = opened(lake())
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.get_by_label("Letter keys are on").uncheck()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()
    page.keyboard.press("j")
    assert not focused_name(page).startswith("claim")
    page.reload()
    page.keyboard.press("j")
    assert not focused_name(page).startswith("claim")


def test_keys_are_left_alone_while_typing(opened: Open) -> None:
    page = opened(lake())
    page.get_by_role("combobox", name="Source").focus()
    page.keyboard.press("j")
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.id") == "by-source"


# --- without script -------------------------------------------------------------------------------------------


def test_without_script_anchors_lead_both_ways(opened: Open) -> None:
    page = opened(lake(), java_script_enabled=False)
    page.get_by_label("source 1, passage b").first.click()
    passage = page.locator(".passage:target")
    assert "Roach biomass" in passage.inner_text()
    passage.get_by_label("used by claim 2").click()
    assert "Roach lost more" in page.locator(".claim:target").inner_text()


def test_without_script_cards_open(opened: Open) -> None:
    page = opened(lake(), java_script_enabled=False)
    page.get_by_label("claim 1, word for word, source 1a").click()
    card = page.locator("#card-1")
    assert card.is_visible()
    assert quotes_in(card) == ["Perch doubled in ten years."]
    page.keyboard.press("Escape")
    assert not card.is_visible()


def test_without_script_its_controls_are_hidden(opened: Open) -> None:
    page = opened(lake(), java_script_enabled=False)
    assert page.locator(".needs-js").count() >= 2
    assert not any(control.is_visible() for control in page.locator(".needs-js").all())


# --- safety ---------------------------------------------------------------------------------------------------

ATTACKS = [
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '" autofocus onfocus="window.pwned=1',
    "<svg/onload=alert(1)>",
    "{{constructor.constructor('window.pwned=1')()}}",
    "<iframe src=https://evil.example></iframe><link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_does_not_run(opened: Open, attack: str) -> None:
    fields = {name: f"{name} {attack}" for name in ("title", "venue", "section", "licence", "text", "source")}
    snippet = Snippet.model_validate({**fields, "authors": (attack,), "url": f"javascript:{attack}"})
    escaped = attack.replace("<", "&lt;")
    answer = parse_answer(
        f"<answer><snippet id=S1>text {escaped}</snippet> {escaped}\n\n```\n{attack}\n```</answer>",
        Evidence(snippets=(snippet,)),
        question=attack,
        model=attack,
        notes=(attack,),
    )
    page = opened(answer)
    page.locator(".state").first.click()
    page.keyboard.press("Escape")
    for key in "jo?":
        page.keyboard.press(key)
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    assert page.heard == []
    assert len(page.context.pages) == 1


def test_nothing_is_requested(opened: Open) -> None:
    page = opened(lake())
    for claim in page.locator(".state").all():
        claim.click()
        page.keyboard.press("Escape")
    page.locator("#theme").click()
    page.get_by_role("radio", name="Uncited 1").check()
    page.wait_for_timeout(100)
    assert page.heard == []


def test_policy_stops_foreign_code(opened: Open) -> None:
    page = opened(lake())
    failures = []
    page.on("requestfailed", lambda request: failures.append(request.failure))
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.pwned = 1";
            document.body.append(script);
            const image = new Image();
            image.src = "https://evil.example/x.png";
            document.body.append(image);
        }"""
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in line for line in page.heard)
    assert failures == ["csp"]


# --- layout ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_sideways_scroll(opened: Open, width: int) -> None:
    page = opened(lake(), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 1280])
def test_targets_are_large_enough(opened: Open, width: int) -> None:
    page = opened(lake(), width=width)
    page.locator("#claim-2 + .refs .state").click()
    small = page.evaluate(
        """least => [...document.querySelectorAll("a, button, summary, select, label")]
            .filter(element => element.checkVisibility() && !element.matches(".skip"))
            .map(element => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
            .filter(([, box]) => box.width < least || box.height < least)
            .map(([html, box]) => [html, box.width, box.height])""",
        SMALLEST_TARGET - 0.01,
    )
    assert small == []


def test_targets_of_a_claim_do_not_overlap(opened: Open) -> None:
    page = opened(lake(), width=320)
    boxes = [
        [control.bounding_box() for control in refs.locator(".ref, .state").all()]
        for refs in page.locator(".refs").all()
    ]
    for row in boxes:
        for left, right in pairwise(row):
            assert left["x"] + left["width"] <= right["x"] + 0.01


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (820, 1000), (1280, 900), (1280, 500)])
def test_cards_lie_within_the_window_and_off_their_claim(opened: Open, width: int, height: int) -> None:
    page = opened(lake(), width=width, height=height, reduced_motion="reduce")
    for number in range(1, 7):
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        page.wait_for_timeout(100)
        box = page.locator(":popover-open").bounding_box()
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= width + 0.5
        assert box["y"] + box["height"] <= height + 0.5
        if height > 600:
            said = page.locator(f"#claim-{number}").bounding_box()
            assert said["y"] + said["height"] <= box["y"] + 1 or box["y"] + box["height"] <= said["y"] + 1
        page.keyboard.press("Escape")


def test_source_panel_follows_the_claim(opened: Open) -> None:
    page = opened(lake(), height=500, reduced_motion="reduce")
    for _ in range(5):
        page.keyboard.press("j")
    lit = page.locator(".passage.lit")
    assert lit.count() == 1
    assert "Phosphorus" in lit.inner_text()
    box = lit.bounding_box()
    assert 0 <= box["y"] < 400


def test_passage_marks_its_claims(opened: Open) -> None:
    page = opened(lake())
    page.locator(".passage", has_text="Mean summer").locator("summary").focus()
    assert page.evaluate("[...document.querySelectorAll('.claim.lit')].map(claim => claim.id)") == [
        "claim-4",
        "claim-6",
    ]


def test_claim_text_opens_its_card_by_pointer(opened: Open) -> None:
    page = opened(lake())
    page.locator("#claim-1").click()
    assert page.locator("#card-1").is_visible()


def test_print_shows_answer_quotes_and_addresses(opened: Open) -> None:
    page = opened(lake())
    page.emulate_media(media="print")
    assert page.locator("#claim-1").is_visible()
    assert page.locator(".passage blockquote").first.is_visible()
    assert page.locator(".passage .address").first.inner_text() == "https://journal.example.org/jil/0417.pdf#page=7"
    assert not page.locator(".tools").is_visible()


# --- themes, names, filters -----------------------------------------------------------------------------------


def ground(page: Any) -> str:
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


def test_theme_follows_the_system_and_the_switch(opened: Open) -> None:
    light = ground(opened(lake(), color_scheme="light"))
    page = opened(lake(), color_scheme="dark")
    dark = ground(page)
    assert light != dark
    switch = page.locator("#theme")
    assert switch.inner_text() == "Theme: auto"
    switch.click()
    assert (switch.inner_text(), ground(page)) == ("Theme: light", light)
    for _ in range(20):  # the browser writes what a page keeps a little later
        page.reload()
        if switch.inner_text() == "Theme: light":
            break
        page.wait_for_timeout(100)
    assert (switch.inner_text(), ground(page)) == ("Theme: light", light)
    switch.click()
    assert (switch.inner_text(), ground(page)) == ("Theme: dark", dark)


def test_accessible_names(opened: Open) -> None:
    tree = opened(lake()).locator("#answer-text").aria_snapshot()
    for name in (
        'link "source 1, passage a"',
        'button "claim 1, word for word, source 1a"',
        'button "claim 2, not judged, sources 2 and 1b"',
        'button "claim 3, uncited"',
        "Perch doubled in ten years.",
    ):
        assert name in tree


def test_landmarks_and_headings(opened: Open) -> None:
    tree = opened(lake()).locator("body").aria_snapshot()
    for part in ("main:", 'heading "Why did perch double?" [level=1]', 'region "Sources', "status"):
        assert part in tree


def matching(page: Any) -> list[str]:
    found: list[str] = page.evaluate("[...document.querySelectorAll('.claim.on')].map(claim => claim.id)")
    return found


def test_filter_survives_a_reload_through_the_fragment(opened: Open) -> None:
    page = opened(lake())
    page.get_by_role("radio", name="Not word for word 3").check()
    assert matching(page) == ["claim-2", "claim-3", "claim-6"]
    page.get_by_role("combobox", name="Source").select_option("3")
    assert matching(page) == ["claim-6"]
    assert page.locator("#matching").inner_text() == "1 of 6 claims"
    assert page.url.endswith("#show=inexact&source=3")
    page.reload()
    assert matching(page) == ["claim-6"]
    page.keyboard.press("j")
    assert focused_name(page) == "claim 6, not judged, source 3"
    assert [source.is_visible() for source in page.locator(".source").all()] == [False, False, True, False]


def test_filter_survives_following_a_link(opened: Open) -> None:
    page = opened(lake(), fragment="#show=uncited")
    assert matching(page) == ["claim-3"]
    page.get_by_label("source 1, passage a").click()
    page.wait_for_url("**/answer.html#passage-*&show=uncited")
    assert matching(page) == ["claim-3"]


@pytest.mark.parametrize("fragment", ["#show=nonsense", "#source=999", "#%E0%A4%A", "#<script>", "#&&=", "#nothing"])
def test_odd_fragments_show_all(opened: Open, fragment: str) -> None:
    page = opened(lake(), fragment=fragment)
    assert len(matching(page)) == 6
    assert not page.evaluate("document.body.classList.contains('filtering')")
    assert [line for line in page.heard if not line.startswith("request: file:")] == []


def test_page_of_an_answer_without_sources(opened: Open) -> None:
    page = opened(parse_answer("<answer></answer>", Evidence(), question="Why?"))
    page.keyboard.press("j")
    page.keyboard.press("o")
    assert "No passages were found" in page.locator("main").inner_text()
    assert page.heard == []
