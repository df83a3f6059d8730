"""A folder is read again as it was written, and refused where its files do not belong together."""

from pathlib import Path

import pytest
from tests.training.passk.passk_results import problem, write_results

from citerefine.refiner.errors import InputError
from citerefine.training.passk.results import PROBLEMS, read_results


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x1c", "\r", "\ud800"])
def test_questions_with_any_marks_come_back(mark: str, tmp_path: Path) -> None:
    asked = problem(1, [1.0, None, 0.0, 0.5]).model_copy(update={"question": f"One{mark}two?"})
    folder = write_results(tmp_path / "out", [asked, problem(2, [0.0] * 4)])
    first, second = read_results(folder).problems
    assert first.drafts == asked.drafts
    assert first.question.startswith("One")
    assert second.id == "p2"


@pytest.mark.parametrize(("drafts", "refined"), [([1.0] * 3, None), ([1.0] * 4, [1.0] * 5)])
def test_another_number_of_answers_than_the_result_says_is_refused(
    drafts: list[float], refined: list[float] | None, tmp_path: Path
) -> None:
    folder = write_results(tmp_path / "out", [problem(1, [1.0] * 4, [0.0] * 4), problem(2, drafts, refined)])
    with pytest.raises(InputError, match="another number of answers to 'p2' than n = 4; sample again"):
        read_results(folder)


@pytest.mark.parametrize("worth", ["2", "-1", "NaN", "Infinity"])
def test_what_no_answer_can_be_worth_is_refused(worth: str, tmp_path: Path) -> None:
    folder = write_results(tmp_path / "out", [problem(1, [1.0] * 4)])
    lines = (folder / PROBLEMS).read_text().replace("[1.0,", f"[{worth},")
    (folder / PROBLEMS).write_text(lines)
    with pytest.raises(InputError, match="make it again"):
        read_results(folder)
