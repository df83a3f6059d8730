"""The page of a scored run, read back by a parser: order, limits, safety, colours. In a browser: test_browser.py."""

import base64
import hashlib
import random
import re
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from tests.judges.report.lake_rows import lake_run, lake_summary, refused_row, unit, worst_row
from tests.refiner.report.test_html_report import PAYLOADS, contrast

from citerefine.judges.report import score_page
from citerefine.judges.report.marks import WORDS, Mark
from citerefine.judges.report.score_page import ScorePage
from citerefine.judges.runs.score_row import EvidenceRow, RowError, ScoreRow
from citerefine.judges.runs.summary import Agreement, Summary
from citerefine.judges.verdict import Label
from citerefine.refiner.records import Issue
from citerefine.refiner.tags.markup import scrub

ROOT = Path(__file__).resolve().parents[3]
CSS = "".join((ROOT / name).read_text() for name in ("refiner/report/page.css", "judges/report/scores.css"))
SCRIPT = (ROOT / "judges" / "report" / "scores.js").read_text()


def rendered(rows: list[ScoreRow], summary: Summary | None = None, limit: int = 500, title: str = "run.jsonl") -> str:
    page = ScorePage(limit)
    for row in rows:
        page.add(row)
    return page.render(summary or lake_summary(), title, when=date(2026, 11, 25))


def parsed(rows: list[ScoreRow], **how: Any) -> Any:
    return html.document_fromstring(rendered(rows, **how))


def words_of(element: Any) -> str:
    return " ".join(element.text_content().split())


def names(root: Any) -> list[str]:
    return [words_of(found) for found in root.xpath("//details[@class='answer']/summary//span[@class='meta']/code")]


def scored(id: int | str, f1: float | None, **fields: Any) -> ScoreRow:
    return ScoreRow(id=id, precision=f1, recall=f1, f1=f1, question=f"Question {id}?", **fields)


# --- facts ----------------------------------------------------------------------------------------------------


def test_the_head_names_the_run_and_how_it_was_measured() -> None:
    root = parsed(lake_run(), title="lake.jsonl")
    assert words_of(root.xpath("//h1")[0]) == "lake.jsonl"
    facts = {words_of(row.find("dt")): words_of(row.find("dd")) for row in root.xpath("//dl[@class='run']/div")}
    assert facts == {"judge": "lexical-1", "formula": "citerefine", "scored on": "2026-11-25"}


def test_figures_stand_with_interval_and_micro_average() -> None:
    precision, recall, f1 = (words_of(found) for found in parsed(lake_run()).xpath("//div[@class='metric']"))
    assert precision.startswith("Precision 0.625 95 % interval 0.250 to 1.000")
    assert recall.startswith("Recall 0.600 95 % interval 0.200 to 1.000")
    assert f1.startswith("F1 0.610 95 % interval 0.220 to 1.000")
    assert "0.450" in precision
    assert "0.423" in f1


def test_the_drawing_says_in_words_what_it_shows() -> None:
    drawing = parsed(lake_run()).xpath("//*[@class='spread']")[2]
    assert drawing.get("role") == "img"
    assert "0.20 to 0.25: 1; 0.95 to 1.00: 1" in drawing.get("aria-label")
    assert "Mean 0.610, 95 % interval 0.220 to 1.000" in drawing.get("aria-label")


def test_a_run_without_figures_has_no_number() -> None:
    nothing = dict.fromkeys(("precision", "recall", "f1"))
    summary = lake_summary(n=0, questions=0, **nothing, ci95=nothing, micro=nothing, agreement=(), judge=None)
    root = parsed([refused_row()], summary=summary)
    assert {words_of(found) for found in root.xpath("//p[@class='mean-value']")} == {"–"}
    assert "No answer has figures" in words_of(root)
    assert not root.xpath("//*[@class='mean' or @class='interval']")


def test_every_count_of_the_summary_is_shown() -> None:
    root = parsed(lake_run(), summary=lake_summary(masked=9, claims=1234))
    shown = {words_of(row.find("dt")): words_of(row.find("dd")) for row in root.xpath("//div[@class='counts']//div")}
    assert shown == {
        "rows of the file": "4",
        "with figures": "2",
        "not scored": "1",
        "abstained": "1",
        "refused could not be read": "1",
        "bad_json": "1",
        "claims cited units": "1,234",
        "uncited need a citation, have none": "1",
        "citations of unknown ids": "1",
        "claims without a verdict": "1",
        "answers that abstain": "1",
        "answers masked too much failed to train on them": "9",
        "answers cite as tags": "3",
        "quoted_ids ids in quotes": "3",
    }


def test_units_are_counted_by_mark_over_all_rows() -> None:
    shown = [words_of(found) for found in parsed(lake_run(), limit=1).xpath("//div[@class='composition']//li")]
    assert shown[0] == "✓ supported 3 27.3 %"
    assert [re.sub(r" \d.*", "", line)[2:] for line in shown] == [WORDS[mark] for mark in Mark]


def test_agreement_with_people_is_shown_or_said_to_be_unknown() -> None:
    measured = ["pond", "1,234", "0.830 0.800 to 0.860", "0.750 0.720 to 0.780"]
    assert agreement_of(parsed(lake_run())) == measured
    unknown = parsed(lake_run(), summary=lake_summary(agreement=()))
    assert "It was never measured" in words_of(unknown)
    bare = Agreement(labels="few", n=3, auc=None, balanced_accuracy=None)
    assert agreement_of(parsed(lake_run(), summary=lake_summary(agreement=(bare,)))) == ["few", "3", "–", "–"]


def agreement_of(root: Any) -> list[str]:
    return [words_of(cell) for cell in root.xpath("//table[@class='agreement']/tbody/tr/*")]


def test_a_unit_stands_beside_its_evidence() -> None:
    row = parsed(lake_run()).get_element_by_id("a1-u2")
    claim, proof = row.xpath("./div")
    assert words_of(claim).startswith("◐ supported in part Perch doubled between 2009 and 2019.")
    assert [words_of(mark) for mark in claim.xpath(".//mark")] == ["2009"]
    assert [words_of(cite) for cite in claim.xpath(".//li")] == [
        "s1 needed for a part, alone ◐ supported in part",
        "s2 not needed, alone ✗ not supported",
    ]
    assert words_of(proof.find("blockquote")) == "Perch numbers doubled over the ten years to 2019."
    for said in ("in s1", "score 0.62", "Second judge: ✓ supported – they disagree", "looks wrong: number"):
        assert said in words_of(proof)


def test_every_mark_has_its_word_beside_the_sign() -> None:
    answer = words_of(parsed([worst_row()]).get_element_by_id("a1"))
    for mark in set(Mark) - {Mark.EXEMPT}:
        assert WORDS[mark] in answer
    assert "In grey, needs no citation: heading 1." in answer


def test_why_an_answer_has_no_figures_is_said() -> None:
    shown = words_of(parsed(lake_run()))
    assert "No figures: abstained: not known whether rightly" in shown
    assert "No figures: bad_json: a quotation mark is missing" in shown


# --- order and limits -----------------------------------------------------------------------------------------


def test_the_worst_come_first_and_those_without_figures_last() -> None:
    assert names(parsed(lake_run())) == ["lake-1", "7", "lake-3", "line 4"]


@given(st.lists(st.one_of(st.none(), st.sampled_from([0.0, 0.2, 0.5, 1.0])), max_size=30), st.integers(1, 8))
@settings(max_examples=30)
def test_the_page_keeps_the_worst_and_counts_the_rest(figures: list[float | None], limit: int) -> None:
    rows = [scored(id, f1) for id, f1 in enumerate(figures)]
    root = parsed(rows, limit=limit)
    with_figures = sorted((f1, id) for id, f1 in enumerate(figures) if f1 is not None)
    without = [id for id, f1 in enumerate(figures) if f1 is None]
    assert names(root) == [str(id) for _, id in with_figures[:limit]] + [str(id) for id in without[:limit]]
    said = words_of(root.get_element_by_id("answers"))
    left_out = len(with_figures) - limit
    assert (f"{left_out} answer" in said and "higher F1" in said) if left_out > 0 else "higher F1" not in said
    assert len(root.xpath("//div[contains(@class,'tools')]/@data-run")) == bool(figures)


def test_the_histogram_counts_rows_that_the_page_leaves_out() -> None:
    root = parsed([scored(n, n / 100) for n in range(100)], limit=3)
    assert "F1 of 100 answers" in root.xpath("//*[@class='spread']")[2].get("aria-label")
    assert len(names(root)) == 3


def test_memory_is_bounded_by_the_limit() -> None:
    page = ScorePage(limit=2)
    for n in range(50):
        page.add(scored(n, random.Random(n).random(), text="word " * 100_000))
    kept = [view for _, _, view in page._worst]
    assert len(kept) == 2
    assert sum(view.size for view in kept) < 50_000


def test_a_full_page_shows_further_answers_without_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_page, "PAGE_LIMIT", 3_000)
    root = parsed(
        [worst_row(), *(scored(n, 0.5, text="Perch doubled! " * 99 + "Pike did not fall.") for n in range(9))]
    )
    assert len(names(root)) == 10
    cut = [words_of(found) for found in root.xpath("//p[@class='cut']")]
    assert "Cut here: 1,503 characters of the answer are not shown." in cut


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        ScorePage(0)


def test_equal_rows_give_equal_bytes_and_rendering_twice_changes_nothing() -> None:
    page = ScorePage()
    for row in lake_run():
        page.add(ScoreRow.model_validate_json(row.model_dump_json()))
    first = page.render(lake_summary(), "run.jsonl", when=date(2026, 11, 25))
    assert first == page.render(lake_summary(), "run.jsonl", when=date(2026, 11, 25)) == rendered(lake_run())


def test_texts_of_5_mb_are_cut_with_a_note() -> None:
    huge = "Perch <b>doubled</b>. " * 230_000
    row = scored("x" * 5_000_000, 0.1, text=huge, reason=huge, system=huge).model_copy(update={"question": huge})
    page = rendered([row], title=huge)
    assert len(page) < 400_000
    assert "more characters)" in page
    assert "characters of the answer are not shown" in page


# --- safety ---------------------------------------------------------------------------------------------------


def hostile(text: str) -> tuple[list[ScoreRow], Summary, str]:
    """A run of fixed shape with `text` in every field that rows and summary have, and the title."""
    answer = f"Say {text} end. Perch {text} doubled in 2009. Pike {text} fell."
    middle, last = f"Perch {text} doubled in 2009.", f"Pike {text} fell."
    id = scrub(f"s{text}")
    quote = EvidenceRow(snippet=id, start=0, end=4, text=f"Evidence {text} here.")
    units = (
        unit(
            answer,
            middle,
            Label.PARTIAL,
            ids=(id, "t"),
            invalid=(id,),
            missing=("2009",),
            flags=(f"flag {text}",),
            explanation=f"why {text} so",
            evidence=quote,
            second=Label.NONE,
            verdicts={id: Label.NONE},
        ),
        unit(answer, last, ids=(), need=False, exempt=f"exempt {text}"),
    )
    issue = Issue(code=f"code {text}", message=text, start=0, end=1)
    row = ScoreRow(
        id=f"id {text}",
        question=f"Question {text}?",
        text=answer,
        system=f"model {text}",
        precision=0.1,
        recall=0.1,
        f1=0.1,
        reason=f"reason {text}",
        units=units,
        judge=f"judge {text}",
        form=f"form {text}",
        issues=(issue,),
    )
    failed = ScoreRow(id=None, line=2, error=RowError(code=f"code {text}", message=f"message {text}"))
    code = {f"code {text}": 1}
    summary = lake_summary(
        judge=f"judge {text}",
        formula=f"formula {text}",
        interval=f"how {text}",
        not_scored=code,
        refused=code,
        issues=code,
        forms={f"form {text}": 1},
        agreement=(Agreement(labels=f"set {text}", n=1, auc=None, balanced_accuracy=None),),
    )
    return [row, failed], summary, f"title {text}"


def skeleton(text: str) -> Counter[tuple[str, tuple[str, ...]]]:
    """How often each element with its attribute names occurs; not which text stands in them."""
    rows, summary, title = hostile(text)
    root = parsed(rows, summary=summary, title=title)
    return Counter((str(element.tag), tuple(sorted(element.attrib))) for element in root.iter())


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_field_can_add_an_element_or_attribute(payload: str) -> None:
    assert skeleton(payload) == skeleton("harmless")


@given(st.text(st.characters() | st.sampled_from("<>\"'&=/`{}%#! \u202e"), max_size=40))
@settings(max_examples=60, deadline=None)
def test_no_text_at_all_can_add_an_element_or_attribute(text: str) -> None:
    assert skeleton(text) == skeleton("harmless")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_field_becomes_a_handler_or_an_address(payload: str) -> None:
    rows, summary, title = hostile(payload)
    root = parsed(rows, summary=summary, title=title)
    for element in root.iter():
        assert not any(name.startswith("on") or name in ("style", "src", "srcdoc") for name in element.attrib)
        assert element.get("href", "#").startswith(("#", "data:,"))
    assert (len(root.xpath("//script")), len(root.xpath("//style"))) == (1, 1)


def test_text_that_hides_or_turns_is_spelled_out() -> None:
    rows, summary, title = hostile("\u202eevil\u200b\ud800\x00")
    page = rendered(rows, summary=summary, title=title)
    assert not re.search("[\u202e\u200b\ud800\x00]", page)
    assert page.count("⟨U+202E⟩") > 15
    page.encode()


def test_policy_lists_the_hashes_of_what_is_inlined() -> None:
    root = parsed(lake_run())
    policy = root.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    for directive, name in (("style-src", "style"), ("script-src", "script")):
        digest = hashlib.sha256((root.xpath(f"//{name}")[0].text or "").encode()).digest()
        assert f"{directive} 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert policy.startswith("default-src 'none';")
    assert not root.xpath("//@style")


def test_page_asks_for_nothing_and_script_writes_no_markup() -> None:
    root = parsed(lake_run())
    assert root.xpath("//link/@href") == ["data:,"]
    assert not root.xpath("//@src | //@srcset | //@action | //@ping")
    assert "url(" not in CSS
    assert "@import" not in CSS
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|new Function", SCRIPT)


def test_ids_of_the_page_are_unique_though_those_of_rows_are_not() -> None:
    ids = parsed([worst_row(), worst_row(), worst_row()]).xpath("//@id")
    assert len(ids) == len(set(ids))


# --- looks ----------------------------------------------------------------------------------------------------

_PAIR = re.compile(r"--(\w[\w-]*): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")


@pytest.mark.parametrize("index", [0, 1], ids=["light", "dark"])
def test_contrast(index: int) -> None:
    colours = {name: pair[index] for name, *pair in _PAIR.findall(CSS)}
    inks = ("ink", "soft", "accent", "full", "part", "none", "odd")
    pairs = [(ink, ground) for ink in inks for ground in ("paper", "tint")]
    assert {pair: ratio for pair in pairs if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < 4.5} == {}


def test_style_and_script_are_small_and_respect_preferences() -> None:
    root = parsed(lake_run())
    assert sum(len((root.xpath(f"//{name}")[0].text or "").encode()) for name in ("style", "script")) < 30_000
    for rule in ("prefers-reduced-motion: reduce", "forced-colors: active", "@media print", "light dark"):
        assert rule in CSS
