"""Rows of the demonstration: invented, answerable from their evidence alone, with unseen names in tests."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from citerefine.judges import score_citations
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.row_files import read_rows
from citerefine.training.data.row_values import row_values
from citerefine.training.demo.names import Side, side_of
from citerefine.training.demo.task import make_rows
from citerefine.training.recipes.reading import load_recipe
from citerefine.training.rewards.refiner_reward import RefinerReward

RECIPE = Path(str(files("citerefine.training.demo").joinpath("demo.toml")))
_NAME = re.compile(r"\b(?!Near\b)[A-Z][a-z]{3}\b")


def names_in(row: TrainingRow) -> set[str]:
    return {name for snippet in row.evidence.snippets for name in _NAME.findall(snippet.text)}


def test_the_same_arguments_give_the_same_rows_and_other_seeds_others() -> None:
    assert make_rows(5, 1, "train") == make_rows(5, 1, "train")
    assert make_rows(5, 1, "train")[:3] == make_rows(3, 1, "train")
    assert {row.question for row in make_rows(20, 1, "train")} != {row.question for row in make_rows(20, 2, "train")}


@pytest.mark.parametrize("side", ["train", "test"])
def test_a_row_has_names_of_its_side_alone(side: Side) -> None:
    for row in make_rows(50, 0, side):
        assert len(names_in(row)) == 5  # the place and what is near it, each once
        assert {side_of(name) for name in names_in(row)} == {side}


def test_no_name_is_on_both_sides_whatever_the_seeds() -> None:
    trained = set[str]().union(*(names_in(row) for seed in range(3) for row in make_rows(100, seed, "train")))
    tested = set[str]().union(*(names_in(row) for seed in range(3) for row in make_rows(100, seed, "test")))
    assert not trained & tested


def test_the_answer_to_imitate_is_fully_supported_and_cites_one_snippet() -> None:
    for row in make_rows(20, 0, "train"):
        assert row.answer is not None
        score = score_citations(row.answer, snippets=row.evidence, question=row.question)
        assert (score.f1, score.format_errors, score.n_claims) == (1.0, 0, 1)


def test_answers_to_imitate_cite_each_place_about_equally_often() -> None:
    cited = [re.findall(r"id=S(\d)", row.answer or "") for row in make_rows(400, 0, "train")]
    assert all(70 < cited.count([number]) < 130 for number in "1234")


def test_the_reward_pays_most_for_saying_what_the_cited_snippet_says() -> None:
    """What the citation score alone would be content with earns less: a claim that leaves the place out, or invents
    a word that is no name."""
    row = make_rows(1, 0, "train")[0]
    first, second = (snippet.text for snippet in row.evidence.snippets[:2])
    place, other = row.gold, first.split()[-1]
    reward = RefinerReward(load_recipe(str(RECIPE)).reward)
    answers = [
        f"<answer><snippet id=S1>{first}</snippet></answer>",
        f"<answer><snippet id=S1>{second}</snippet></answer>",
        f"<answer><snippet id=S1>Near {place} is fofo.</snippet></answer>",
        f"<answer><snippet id=S1>Near {place} is.</snippet></answer>",
        f"<answer><snippet id=S1>Near {place} is Fofo.</snippet></answer>",
        f"<answer>Near {place} is {other}</answer>",
        "Near",
    ]
    totals = [total for answer in answers if (total := reward.score(row, answer).total) is not None]
    assert len(totals) == len(answers)
    assert totals[0] == max(totals)
    assert totals[0] > max(totals[1:]) + 0.2
    assert totals[-1] <= 0


def test_rows_can_be_written_and_read_again(tmp_path: Path) -> None:
    rows = make_rows(3, 0, "train")
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row_values(row)) + "\n" for row in rows), "utf-8")
    read = read_rows(str(file))
    assert not read.refused
    assert [(row.question, row.evidence, row.gold, row.answer) for row in read.rows] == [
        (row.question, row.evidence, row.gold, row.answer) for row in rows
    ]
    assert [[leaf.text for leaf in row.rubric.judged] for row in read.rows if row.rubric] == [
        [f"Names {snippet.text.split()[-1]}" for snippet in row.evidence.snippets] for row in rows
    ]
