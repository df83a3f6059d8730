"""Cards are kept where they are found again; files that are no cards are told and passed over."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from benchmarks.lexical_cards import measure_set
from benchmarks.support_sets import read_sets

from citerefine.judges.calibration.card_files import card_text, cards_folder, find_agreement, keep_card, shipped_cards
from citerefine.judges.calibration.judge_card import JudgeCard
from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.verdict import Label
from citerefine.refiner.errors import InputError

DATA = Path(__file__).parents[3].parent / "shared" / "data"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cards; made when the first is kept."""
    monkeypatch.setenv("CITEREFINE_CARDS", str(tmp_path / "cards"))
    return tmp_path / "cards"


def card(**values: Any) -> JudgeCard:
    fields: dict[str, Any] = {
        "judge": "mine 1",
        "labels": "own labels",
        "labels_sha256": "0" * 64,
        "rows": 10,
        "n": 10,
        "clusters": 5,
        "classes": {Label.FULL: 4, Label.NONE: 6},
        "score": "p_supported",
        "auc": 0.8,
        "auc_ci95": (0.7, 0.9),
        "balanced_accuracy": 0.7,
        "accuracy": 0.7,
        "macro_f1": 0.7,
        "kappa": 0.4,
        "mcc": 0.4,
        "false_positive_rate": 0.3,
        "false_negative_rate": 0.3,
        "confusion": {},
        "date": datetime.date(2026, 11, 25),
    }
    return JudgeCard.model_validate({**fields, **values})


def test_a_card_that_is_kept_is_found_by_the_name_of_its_judge() -> None:
    keep_card(card())
    (found,) = find_agreement("mine 1")
    assert (found.labels, found.n, found.auc, found.auc_ci95) == ("own labels", 10, 0.8, (0.7, 0.9))
    assert find_agreement("mine 2") == ()


def test_a_new_measurement_takes_the_place_of_the_old_one(folder: Path) -> None:
    keep_card(card())
    path = keep_card(card(auc=0.9, date=datetime.date(2026, 12, 1)))
    assert [one.name for one in folder.iterdir()] == [path.name]
    assert [one.auc for one in find_agreement("mine 1")] == [0.9]


def test_each_set_of_labels_has_its_own(folder: Path) -> None:
    keep_card(card(labels="b"))
    keep_card(card(labels="a", labels_sha256="1" * 64))
    keep_card(card(labels="c", positive="0"))
    assert [one.labels for one in find_agreement("mine 1")] == ["a", "b", "c"]


def test_files_that_are_no_cards_are_told_and_passed_over(folder: Path) -> None:
    keep_card(card())
    (folder / "a.json").write_text("{")
    (folder / "b.json").write_text('{"judge": "mine 1"}')
    (folder / "c.json").write_bytes(b"\xff")
    (folder / "d.json").write_text(card_text(card()).replace("0.8", "1.8"))
    (folder / "e.json").write_text(" " * (1 << 20) + "{}")
    (folder / "f.json").mkdir()
    (folder / "notes.txt").write_text("no card")
    told: dict[str, str] = {}
    found = find_agreement("mine 1", broken=lambda name, why: told.update({Path(name).name: why}))
    assert len(found) == 1
    assert sorted(told) == [f"{letter}.json" for letter in "abcdef"]
    assert "auc: Input should be less than or equal to 1" in told["d.json"]
    assert "longer than 1 MB" in told["e.json"]


def test_without_any_card_nothing_is_known(folder: Path) -> None:
    assert find_agreement("mine 1") == ()
    assert not folder.exists()


def test_without_the_variable_cards_are_in_the_users_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITEREFINE_CARDS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert cards_folder().is_relative_to(tmp_path)


def test_a_folder_that_cannot_be_written_is_said_with_what_to_do(folder: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(InputError, match=r"cannot be kept in .*: .*CITEREFINE_CARDS"):
        keep_card(card())


def test_shipped_cards_are_of_the_judges_as_they_are() -> None:
    """A judge that was changed is another judge: measure it anew with `python -m benchmarks.lexical_cards`."""
    cards = shipped_cards()
    assert cards
    assert {one.judge for one in cards} == {LexicalJudge().name}


@pytest.mark.skipif(not (DATA / "begin").is_dir(), reason="needs ../shared/data/begin beside the clone")
def test_a_shipped_card_says_what_measuring_gives_today() -> None:
    (labels,) = (one for one in read_sets(DATA) if one.name == "BEGIN wow")
    (card,) = (one for one in shipped_cards() if one.labels == labels.name)
    today = {"date": card.date, "versions": card.versions}
    assert measure_set(labels).model_copy(update=today) == card


def test_the_lexical_judge_comes_with_its_agreement() -> None:
    found = find_agreement(LexicalJudge().name)
    assert len(found) == len(shipped_cards())
    assert all(one.auc is not None and one.auc_ci95 is not None for one in found)


def test_an_own_card_comes_before_a_shipped_one_of_the_same_labels() -> None:
    shipped = shipped_cards()[0]
    keep_card(shipped.model_copy(update={"auc": 0.123}))
    found = find_agreement(shipped.judge)
    assert len(found) == len(shipped_cards())
    assert 0.123 in [one.auc for one in found]
