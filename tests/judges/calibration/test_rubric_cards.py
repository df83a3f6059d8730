"""Cards of both kinds of judge lie side by side; a judge that was never measured is said to be so."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.judges.calibration.test_card_files import card as support_card

from citerefine.judges.calibration.agreement_words import agreement_lines
from citerefine.judges.calibration.card_files import (
    card_text,
    find_agreement,
    find_cards,
    find_rubric_cards,
    keep_card,
    read_card,
)
from citerefine.judges.calibration.rubric_card import Measure, RubricJudgeCard


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of cards; made when the first is kept."""
    monkeypatch.setenv("CITEREFINE_CARDS", str(tmp_path / "cards"))
    return tmp_path / "cards"


def card(**values: Any) -> RubricJudgeCard:
    none = Measure(reason="not measured")
    figures = {name: none for name, field in RubricJudgeCard.model_fields.items() if field.annotation is Measure}
    fields: dict[str, Any] = {
        "judge": "mine 1",
        "labels": "own labels",
        "labels_sha256": "0" * 64,
        "rows": 1_200,
        "n": 1_200,
        "answers": 400,
        "prompts": 100,
        "n_labels": 2_400,
        "date": datetime.date(2026, 11, 26),
        **figures,
        "macro_f1": Measure(value=0.71, ci95=(0.68, 0.74), n=2_400),
    }
    return RubricJudgeCard.model_validate({**fields, **values})


def test_a_card_that_is_kept_is_found_by_the_name_of_its_judge() -> None:
    keep_card(card())
    assert find_rubric_cards("mine 1") == [card()]
    assert find_rubric_cards("mine 2") == []


def test_cards_of_both_kinds_do_not_stand_in_each_others_place(folder: Path) -> None:
    told: list[str] = []
    keep_card(support_card())
    keep_card(card())
    assert len([*folder.iterdir()]) == 2
    assert find_cards("mine 1", broken=lambda name, why: told.append(why)) == [support_card()]
    assert find_rubric_cards("mine 1", broken=lambda name, why: told.append(why)) == [card()]
    assert len(find_agreement("mine 1")) == 1
    assert told == []


def test_each_kind_is_read_back_as_what_it_is() -> None:
    assert read_card(card_text(card()).encode()) == card()
    assert read_card(card_text(support_card()).encode()) == support_card()


def test_files_that_are_no_cards_are_told_and_passed_over(folder: Path) -> None:
    keep_card(card())
    (folder / "a.json").write_text('{"kind": "rubric"}')
    (folder / "b.json").write_text('{"kind": 3}')
    (folder / "c.json").write_text(card_text(card()).replace("0.71", '"high"'))
    told: dict[str, str] = {}
    found = find_rubric_cards("mine 1", broken=lambda name, why: told.update({Path(name).name: why}))
    assert len(found) == 1
    assert sorted(told) == ["a.json", "b.json", "c.json"]
    assert "macro_f1.value" in told["c.json"]


def test_a_new_measurement_takes_the_place_of_the_old_one(folder: Path) -> None:
    keep_card(card())
    keep_card(card(macro_f1=Measure(value=0.8, n=2_400)))
    assert len([*folder.iterdir()]) == 1
    assert [one.macro_f1.value for one in find_rubric_cards("mine 1")] == [0.8]


def served(port: int, seed: int = 0, votes: int = 3, backup: str = "") -> str:
    others = f", backup {backup}" if backup else ""
    return f"openai:m@http://localhost:{port}/v1 (rubric prompt 6a5c9498, votes {votes}, hard, seed {seed}{others})"


def test_the_card_of_a_model_is_found_where_it_is_served_elsewhere_and_the_line_says_where_it_was_measured() -> None:
    keep_card(card(judge=served(8000)))
    assert find_rubric_cards(served(8001, seed=7)) == [card(judge=served(8000))]
    (line,) = agreement_lines(served(8001))
    assert f"measured as {served(8000)!r}" in line
    (line,) = agreement_lines(served(8000))
    assert "measured as" not in line


def test_other_votes_another_model_or_another_backup_make_another_judge() -> None:
    keep_card(card(judge=served(8000, backup="openai:b@http://localhost:1/v1")))
    assert find_rubric_cards(served(9000, seed=2, backup="openai:b@http://localhost:2/v1"))
    others = [served(8000), served(8000, votes=5, backup="openai:b@http://localhost:1/v1")]
    others.append(served(8000, backup="openai:b@http://localhost:1/v1").replace(":m@", ":n@"))
    assert [find_rubric_cards(other) for other in others] == [[], [], []]


def test_of_several_cards_of_one_set_it_is_the_one_from_this_very_address_else_the_newest() -> None:
    for port, day in ((8000, 26), (8001, 28), (8002, 27)):
        keep_card(card(judge=served(port), date=datetime.date(2026, 11, day)))
    assert [[one.judge for one in find_rubric_cards(served(port))] for port in (8000, 9000)] == [
        [served(8000)],
        [served(8001)],
    ]


def test_a_judge_that_was_never_measured_is_said_to_be_so_loudly() -> None:
    (line,) = agreement_lines("mine 1")
    assert line.startswith("NOT MEASURED: how far the judge 'mine 1' agrees with people is not known")
    assert "citerefine calibrate LABELS.jsonl --kind rubric" in line


def test_a_measured_judge_is_said_to_agree_so_far_on_each_set() -> None:
    keep_card(
        card(
            people=Measure(value=0.73, n=2_400),
            kappa=Measure(value=0.42, n=2_400),
            order_accuracy=Measure(value=0.74, ci95=(0.7, 0.78), n=300),
            sign_flips=Measure(value=0.061, n=300),
            sign_lost=Measure(value=0.02, n=300),
        )
    )
    keep_card(card(labels="a second set", labels_sha256="1" * 64))
    of = "(1,200 criteria of 400 answers): macro-F1 0.710 [0.680, 0.740]"
    assert agreement_lines("mine 1") == [
        f"with people on a second set {of}, kappa –, order of answers to one prompt –",
        f"with people on own labels {of} (people among themselves 0.730), kappa 0.420, "
        "order of answers to one prompt 0.740 [0.700, 0.780], 6.1 % of advantages turned, 2.0 % lost",
    ]
