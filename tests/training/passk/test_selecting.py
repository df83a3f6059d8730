"""The best checkpoint is chosen by development problems, and never by problems that results are reported on."""

from pathlib import Path

import pytest
from tests.training.passk.passk_results import problem, results

from citerefine.refiner.errors import InputError
from citerefine.training.passk.results import Results
from citerefine.training.passk.selecting import select


def folder(name: str, right: int, **values: object) -> Results:
    """A run over 40 problems, in each of which so many of 4 answers are right."""
    answers = [1.0] * right + [0.0] * (4 - right)
    return results(Path(name), [problem(number, answers, answers[::-1]) for number in range(40)], **values)


def test_the_highest_mean_is_chosen_and_set_against_each_other_one() -> None:
    found = select([folder("a", 1), folder("b", 3), folder("c", 2)])
    assert found.best == "b"
    assert [one.folder for one in found.candidates] == ["b", "c", "a"]
    assert found.against["a"].difference == pytest.approx(0.5)
    assert any("flatters" in note for note in found.notes)
    assert any("--test" in note for note in found.notes)


def test_of_folders_with_other_numbers_of_answers_the_first_ones_choose() -> None:
    more = [problem(number, [0.0] * 4 + [1.0] * 12) for number in range(40)]
    found = select([folder("a", 1), results(Path("b"), more, n=16)])
    assert (found.best, found.against["b"].difference) == ("a", 0.25)
    assert found.notes[0] == "folders hold 4 to 16 answers to each problem; the first 4 are compared"


def test_results_on_test_problems_choose_nothing() -> None:
    with pytest.raises(InputError, match="b holds results on test problems"):
        select([folder("a", 1), folder("b", 3, split="test")])


def test_problems_that_are_asked_elsewhere_choose_nothing() -> None:
    asked = [problem(7, [1.0]).question.lower().replace("how many", "How  many")]
    folders = [folder("a", 1), folder("b", 3)]
    with pytest.raises(InputError, match=r"1 of 40 problems are asked in what was trained on.*p7"):
        select(folders, trained=asked)
    with pytest.raises(InputError, match=r"1 of 40 problems are asked in the test problems.*p7"):
        select(folders, tested=asked)
    with pytest.raises(InputError, match=r"3 of 40 problems of b are asked in what its model was trained on"):
        select([folder("a", 1), folder("b", 3, asked_in_training=3)])
    assert select(folders, trained=["What is 2 + 2?"], tested=["What is 3 + 3?"]).best == "b"


def test_runs_that_cannot_be_compared_choose_nothing() -> None:
    with pytest.raises(InputError, match="leaves nothing to choose"):
        select([folder("a", 1)])
    with pytest.raises(InputError, match="named twice"):
        select([folder("a", 1), folder("a", 1)])
    shorter = folder("b", 3)._replace(problems=folder("b", 3).problems[:-1])
    with pytest.raises(InputError, match="hold other problems"):
        select([folder("a", 1), shorter])
    with pytest.raises(InputError, match="two judges"):
        select([folder("a", 1, support="lexical"), folder("b", 3, support="nli:m")])
    drafts = results(Path("b"), [problem(number, [1.0] * 4) for number in range(40)])
    with pytest.raises(InputError, match="no refinements"):
        select([folder("a", 1), drafts], by="refined")


def test_the_order_of_problems_does_not_matter() -> None:
    turned = folder("b", 3)._replace(problems=folder("b", 3).problems[::-1])
    assert select([folder("a", 1), turned]).against["a"].difference == pytest.approx(0.5)


def test_where_unknown_answers_could_change_the_order_it_says_so() -> None:
    holed = results(Path("b"), [problem(number, [1.0, 0.0, None, None]) for number in range(40)])
    found = select([folder("a", 2), holed])
    assert found.best == "a"
    assert any("could change the order" in note for note in found.notes)
