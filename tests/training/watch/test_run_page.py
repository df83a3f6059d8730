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
    terms = (Term(name="citation", value=0.5, weight=0.2), Term(name="rubric", weight=0.8, reason="outage: no reply"))
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
    assert "20 steps so far" in text
    assert page.xpath("//span[@class='said full']/text()") == ["Perch doubled."]
    labels = page.xpath("//svg/@aria-label")
    assert any("F1 from 0.31 to 0.62" in label for label in labels)
    assert not any("Divergence" in label for label in labels)  # never measured


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
