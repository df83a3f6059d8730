"""Problems come from rows, in files and tables, and from what a recipe holds out."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.training.data.sources import lake_values, write_rows

from citerefine.refiner.errors import InputError
from citerefine.training.passk.overlap import asked_in
from citerefine.training.passk.source import is_recipe, questions_of, read_problems

MATHS = Path(__file__).parents[4] / "shared" / "data" / "math"


def maths(number: int, **values: Any) -> dict[str, Any]:
    return {"id": f"m{number}", "question": f"What is {number} + {number + 1}?", "task": "maths", "gold": 3, **values}


def test_a_problem_without_a_reference_answer_is_refused_and_the_rest_is_asked(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "rows.jsonl", [maths(1), maths(2, gold=None), maths(3), "no json"])
    found = read_problems(str(source))
    assert [row.id for row in found.rows] == ["m1", "m3"]
    assert sorted((row.id, row.code) for row in found.refused) == [("", "invalid_json"), ("m2", "no_gold")]
    assert [row.id for row in read_problems(str(source), most=1).rows] == ["m1"]


def test_reference_answers_that_nobody_could_give_are_refused_and_words_in_text_are_not(tmp_path: Path) -> None:
    odd = [{"id": "s", "problem": "x", "solution": "no box here"}, maths(1, gold="no idea"), maths(2, gold="Evelyn")]
    fine = [maths(3, gold=r"\text{Evelyn}"), maths(4, gold="(C)"), maths(5, gold="12 apples")]
    found = read_problems(str(write_rows(tmp_path / "rows.jsonl", [*odd, *fine])))
    assert [row.id for row in found.rows] == ["m3", "m4", "m5"]
    assert [(row.id, row.code) for row in found.refused] == [("s", "no_gold"), ("m1", "bad_gold"), ("m2", "bad_gold")]
    assert r"write words as \text{…}" in found.refused[2].reason


def test_rows_of_a_table_are_read_alike(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = [{"problem": "What is 6 x 7?", "answer": "42"}, {"problem": "What is 1 + 1?", "answer": "2"}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet")
    assert [row.gold for row in read_problems(str(tmp_path / "rows.parquet")).rows] == ["42", "2"]


def test_nothing_to_ask_and_two_kinds_at_once_are_refused(tmp_path: Path) -> None:
    empty = write_rows(tmp_path / "empty.jsonl", [maths(1, gold=None)])
    with pytest.raises(InputError, match="no problem that can be asked: it has no reference answer"):
        read_problems(str(empty))
    both = write_rows(tmp_path / "both.jsonl", [maths(1), lake_values(0)])
    with pytest.raises(InputError, match="several kinds"):
        read_problems(str(both))
    with pytest.raises(InputError, match="--set changes a recipe"):
        read_problems(str(both), sets=("data.mode=think",))


def test_a_recipe_gives_what_it_holds_out_and_says_what_it_trains_on(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.jsonl", [maths(number) for number in range(40)])
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[model]\nname = "tiny"\n[data]\ntrain = "rows.jsonl"\neval_share = 0.2\n')
    found = read_problems(str(recipe))
    assert found.recipe is not None
    assert 0 < len(found.rows) < 20
    assert len(found.rows) + len(found.trained) == 40
    assert not {row.question for row in found.rows} & {*found.trained}
    held = write_rows(tmp_path / "held.jsonl", [maths(100)])
    assert [row.id for row in read_problems(str(recipe), sets=(f"data.eval={held}",)).rows] == ["m100"]


@pytest.mark.parametrize(
    ("source", "found"),
    [("rloo-maths", True), ("a/b.toml", True), ("rows.jsonl", False), ("rows.parquet", False), ("hub:a/b", False)],
)
def test_what_is_a_recipe_is_told_by_its_name(source: str, found: bool) -> None:
    assert is_recipe(source) is found


def test_nearly_the_same_question_is_the_same_question() -> None:
    asked = [f"Ann has {n} apples and buys 4 more baskets. How many?" for n in (3, 5)]
    assert asked_in(asked, ["ANN has 3 apples, and buys 4 more baskets — how many?"]) == [True, False]
    assert asked_in(asked, []) == [False, False]


@pytest.mark.skipif(not MATHS.is_dir(), reason=f"there is no {MATHS}")
def test_gsm8k_is_read_and_its_sides_share_no_problem() -> None:
    test, train = (questions_of(str(MATHS / f"gsm8k_{side}.jsonl")) for side in ("test", "train"))
    assert (len(test), len(train)) == (600, 1000)
    shared = [question for question, is_asked in zip(test, asked_in(test, train), strict=True) if is_asked]
    assert shared == []
    first = json.loads((MATHS / "gsm8k_test.jsonl").read_text().splitlines()[0])
    assert read_problems(str(MATHS / "gsm8k_test.jsonl"), most=1).rows[0].gold == first["answer"]
