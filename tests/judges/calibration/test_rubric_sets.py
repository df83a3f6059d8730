"""Public sets as labels of criteria: every row is read, and a judge of words does on them as the docs say."""

from pathlib import Path

import pytest
from benchmarks.rubric_cards import measure_rows
from benchmarks.rubric_sets import Row, read_rubric_sets

from citerefine.judges.calibration.agreement_words import agreement_lines
from citerefine.judges.calibration.card_files import find_rubric_cards, shipped_rubric_cards
from citerefine.judges.calibration.criterion_rows import read_criterion_row
from citerefine.judges.rubric.lexical.lexical_rubric_judge import LexicalRubricJudge

DATA = Path(__file__).parents[3].parent / "shared" / "data"
needs_data = pytest.mark.skipif(
    not (DATA / "judge_meta").is_dir(), reason="needs ../shared/data/judge_meta beside the clone"
)


@pytest.fixture(scope="module")
def sets() -> dict[str, list[Row]]:
    """The rows of each set."""
    return read_rubric_sets(DATA)


def test_what_a_folder_lacks_is_left_out(tmp_path: Path) -> None:
    assert read_rubric_sets(tmp_path) == {}


@needs_data
def test_every_row_of_the_sets_is_a_labelled_criterion(sets: dict[str, list[Row]]) -> None:
    sizes = {name: len([*map(read_criterion_row, rows)]) for name, rows in sets.items()}
    pairs = {"natural": 100, "gptinst": 92, "gptout": 47, "manual": 46, "neighbor": 134}
    assert {name.split("_")[-1].split()[-1]: n for name, n in sizes.items() if name.startswith("LLMBar")} == {
        name: 2 * n for name, n in pairs.items()
    }
    assert (sizes["HHH"], sizes["Vicuna, scores of GPT-4"]) == (442, 320)


@needs_data
def test_levels_of_a_prompt_are_those_of_the_scale(sets: dict[str, list[Row]]) -> None:
    read = [read_criterion_row(row) for row in sets["Vicuna, scores of GPT-4"]]
    assert {len(one.criteria[0].labels) for one in read} == {3}
    assert {label for one in read for label in one.criteria[0].labels} == {0, 0.25, 0.5, 0.75, 1}
    assert {len(one.criteria[0].criterion.scale.levels) for one in read} == {5}
    assert {one.source for one in read} == {"vicuna", "chat_gpt", "wizard", "llama-2-chat"}
    assert len({one.group for one in read}) == 80


@needs_data
def test_words_alone_are_fooled_by_answers_that_were_written_to_fool(sets: dict[str, list[Row]]) -> None:
    name = "LLMBar adversarial_manual"
    card, moved = measure_rows(name, sets[name], "lexical")
    assert (card.order_accuracy.n, card.answers, moved) == (46, 92, 0)
    assert card.order_accuracy.value is not None
    assert card.order_accuracy.value < 0.5
    (shipped,) = (one for one in shipped_rubric_cards() if one.labels == name)
    assert card.model_copy(update={"date": shipped.date, "versions": shipped.versions}) == shipped


def test_shipped_cards_are_of_the_lexical_judge_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that was changed is another judge: `python -m benchmarks.rubric_cards ../shared/data --write`."""
    monkeypatch.setenv("CITEREFINE_CARDS", str(tmp_path))
    cards = shipped_rubric_cards()
    assert {one.judge for one in cards} == {LexicalRubricJudge().name}
    assert all(one.is_measured for one in cards)
    assert find_rubric_cards(LexicalRubricJudge().name) == sorted(cards, key=lambda one: one.labels)
    assert len(agreement_lines(LexicalRubricJudge().name)) == len(cards) == 3
