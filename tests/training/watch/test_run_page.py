"""The page of a run: curves, alarms and samples, with everything from outside inert."""

import re
from pathlib import Path
from typing import Any

import lxml.html
import pytest

from citerefine.training.rewards.breakdown import Breakdown, ClaimValue, Term
from citerefine.training.watch.run_journal import RunJournal
from citerefine.training.watch.run_page import write_page
from citerefine.training.watch.samples import SampleFile
from citerefine.training.watch.settings import WatchSettings

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\u202e"


def parsed(html: str) -> Any:
    return lxml.html.fromstring(html)


def fill(run: Path, completion: str, claims: tuple[ClaimValue, ...] = ()) -> None:
    journal = RunJournal(run / "metrics.jsonl")
    journal.add(0, "heldout", {"heldout/f1": 0.31, "heldout/precision": 0.4, "heldout/recall": 0.3})
    for step in range(1, 21):
        journal.add(step, "train", {"reward/total": step / 20, "kl": None, "copy_share": 0.9})
    journal.add(20, "heldout", {"heldout/f1": 0.62, "heldout/precision": 0.7, "heldout/recall": 0.6})
    journal.close()
    samples = SampleFile(run / "samples.jsonl", 4)
    terms = (
        Term(name="citation", value=0.5, weight=0.2),
        Term(name="rubric", weight=0.8, reason="outage: no reply"),
        Term(name="verification", weight=0, reason="not_applicable: the row has no reference answer"),
        Term(name=" ", weight=0.1, value=1.0),
    )
    breakdown = Breakdown(id="q", total=None, reason="outage: no reply", terms=terms, claims=claims)
    samples.add(20, [completion], [completion], [breakdown])
    samples.close()


def test_the_page_shows_where_the_run_stands(tmp_path: Path) -> None:
    answer = "<answer><snippet id=S1>Perch doubled.</snippet></answer>"
    fill(tmp_path, answer, (ClaimValue(start=23, end=37, support=1.0),))
    page = parsed(write_page(tmp_path, WatchSettings()).read_text("utf-8"))
    text = " ".join(page.text_content().split())
    assert "0.620" in text
    assert "+0.310 since the start" in text
    assert "copied" in text  # the alarm
    assert "20 steps so far" in text  # of how many is not said
    assert "step 20 · reward – · citation 0.50 · rubric –" in text  # what does not apply to the row is not told
    assert page.xpath("//span[@class='said full']/text()") == ["Perch doubled."]
    labels = page.xpath("//svg/@aria-label")
    assert any("F1 from 0.31 to 0.62" in label for label in labels)
    assert not any("Divergence" in label for label in labels)  # never measured


@pytest.mark.parametrize(("of", "told"), [(40, "20 of 40 steps so far"), (20, "20 steps, all done")])
def test_the_page_says_whether_the_run_is_done(of: int, told: str, tmp_path: Path) -> None:
    fill(tmp_path, "answer")
    page = parsed(write_page(tmp_path, WatchSettings(), of=of).read_text("utf-8"))
    assert page.xpath("//header/p[@class='meta']/text()") == [told]


@pytest.mark.parametrize(
    ("audit", "title"), [(None, "Held-out rubric score"), (0.25, "Rewarded judge and audit judge")]
)
def test_an_audit_judge_is_spoken_of_where_there_is_one(audit: float | None, title: str, tmp_path: Path) -> None:
    journal = RunJournal(tmp_path / "metrics.jsonl")
    for step in (0, 10):
        journal.add(step, "heldout", {"heldout/f1": 0.5, "heldout/rubric": 0.5, "heldout/audit": audit})
    journal.close()
    page = parsed(write_page(tmp_path, WatchSettings()).read_text("utf-8"))
    assert page.xpath("//h3/text()") == ["Held-out citations", title]


def test_the_loss_on_given_answers_is_drawn_from_the_folder_of_that_stage(tmp_path: Path) -> None:
    (tmp_path / "sft").mkdir()
    journal = RunJournal(tmp_path / "sft" / "metrics.jsonl")
    for step in range(1, 101):
        journal.add(step, "sft", {"loss": 2 - step / 100})
    journal.close()
    fill(tmp_path, "answer")
    page = parsed(write_page(tmp_path, WatchSettings()).read_text("utf-8"))
    assert "Supervised loss, steps 1 to 100: loss from 1.99 to 1" in page.xpath("//svg/@aria-label")
    assert "20 steps so far" in page.text_content()  # those are another count
    alone = parsed(write_page(tmp_path / "sft", WatchSettings()).read_text("utf-8"))
    assert any(label.startswith("Supervised loss") for label in alone.xpath("//svg/@aria-label"))
    facts = [[part.text_content() for part in fact] for fact in alone.xpath("//div[@class='metric']")]
    assert facts == [["Loss on given answers", "1.000", "−0.990 since the start"]]
    assert "Sampled answers" not in alone.text_content()  # of which that stage has none


def test_a_run_on_mathematics_shows_how_many_answers_are_right(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path / "metrics.jsonl")
    for step, right in ((0, 0.25), (10, 0.75)):
        journal.add(step, "heldout", {"heldout/f1": None, "heldout/accuracy": right})
    journal.close()
    page = parsed(write_page(tmp_path, WatchSettings()).read_text("utf-8"))
    facts = [[part.text_content() for part in fact] for fact in page.xpath("//div[@class='metric']")]
    assert facts[0] == ["Held-out accuracy", "0.750", "+0.500 since the start"]
    assert [fact[0] for fact in facts] == ["Held-out accuracy", "Reward"]
    assert any("right from 0.25 to 0.75" in label for label in page.xpath("//svg/@aria-label"))
    assert "the same answers" not in page.text_content()  # as what? there is no other chart of them


def test_nothing_from_outside_becomes_markup(tmp_path: Path) -> None:
    lying = tuple(ClaimValue(start=start, end=end, support=0.0) for start, end in ((5, 9), (7, 900), (2, 3), (9, 4)))
    fill(tmp_path, HOSTILE, lying)
    html = write_page(tmp_path, WatchSettings(), title=HOSTILE).read_text("utf-8")
    page = parsed(html)
    assert len(page.xpath("//script")) == 1
    assert not page.xpath("//img")
    assert "49" not in page.xpath("//h1")[0].text_content()
    assert not re.search(r"(src|href)=.?https?:", html)
    assert "default-src 'none'" in html


def test_a_run_without_steps_says_so(tmp_path: Path) -> None:
    text = write_page(tmp_path, WatchSettings()).read_text("utf-8")
    assert "No step is done yet." in text
    assert "None was kept." in text


def test_equal_files_give_equal_pages_and_a_long_run_a_small_one(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path / "metrics.jsonl")
    for step in range(1, 3001):
        journal.add(step, "train", {"reward/total": step / 3000, "entropy": 1.0, "kl": 0.01})
    journal.close()
    first = write_page(tmp_path, WatchSettings()).read_bytes()
    assert write_page(tmp_path, WatchSettings()).read_bytes() == first
    assert len(first) < 120_000


def test_the_page_before_stays_if_the_new_one_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "answer")
    before = write_page(tmp_path, WatchSettings()).read_bytes()

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space"):
        write_page(tmp_path, WatchSettings())
    assert (tmp_path / "run.html").read_bytes() == before


def test_a_run_in_two_phases_shows_what_became_of_drafts(tmp_path: Path) -> None:
    journal = RunJournal(tmp_path / "metrics.jsonl")
    shares = ("right_right", "wrong_right", "wrong_wrong", "right_wrong")
    for step in range(1, 9):
        drafts = {"reward/draft": step / 10, "reward/total": step / 10}
        moved = dict(zip(shares, (step / 10, 0.1, 0.8 - step / 10, 0.1), strict=True))
        improved = {"reward/improved": 0.8, "reward/total": 0.8, **{f"transitions/{k}": v for k, v in moved.items()}}
        journal.add(step, "train", drafts if step % 2 else improved)
    journal.close()
    page = parsed(write_page(tmp_path, WatchSettings()).read_text("utf-8"))
    labels = page.xpath("//svg/@aria-label")
    (stacked,) = [label for label in labels if label.startswith("What became of answers")]
    assert "right → right from 0.2 to 0.8; wrong → right from 0.1 to 0.1" in stacked
    assert len(page.xpath("//path[starts-with(@class, 'area ')]")) == 4
    assert any("drafts from 0.1 to 0.7; improvements from 0.8 to 0.8" in label for label in labels)
    assert not any(label.startswith("Reward, ") for label in labels)
    facts = [[part.text_content() for part in fact] for fact in page.xpath("//div[@class='metric']")]
    assert facts[1:] == [
        ["Reward of drafts", "0.700", "+0.600 since the start"],
        ["Reward of improvements", "0.800", "0.000 since the start"],
    ]


def test_an_improvement_stands_under_the_draft_that_it_improves(tmp_path: Path) -> None:
    samples = SampleFile(tmp_path / "samples.jsonl", 4)
    earned = Breakdown(id="q", total=0.5)
    samples.add(1, ["q"], ["first"], [earned], ["draft"], [None])
    samples.add(2, ["q"], ["second"], [earned], [HOSTILE], [HOSTILE + "x" * 5_000])
    samples.close()
    html = write_page(tmp_path, WatchSettings()).read_text("utf-8")
    page = parsed(html)
    draft, improved = page.xpath("//li[@class='sample']")
    assert draft.xpath("p[@class='meta']")[0].text_content() == "step 1 · draft · reward 0.500"
    assert not draft.xpath("details")
    (shown,) = improved.xpath("details/p[@class='completion']")
    assert shown.text_content().startswith("</script><script>alert(1)")
    assert improved.xpath("details/p[@class='cut']")
    assert improved.xpath("p[@class='completion']/text()") == ["second"]
    assert len(page.xpath("//script")) == 1
    assert not page.xpath("//img")
    assert "\u202e" not in html
