"""A prompt that tells what answers are judged by is found before a run; what the evidence says is no leak."""

from tests.training.evolving.growing import OWN, reward_settings, row

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric
from citerefine.training.evolving.prompts import MOST_PROMPTS, told_in_prompts

LONG = Criterion(id="long", text="Names the wet spring as the cause of the flood in the valley.")
ROW = row(rubric=Rubric(criteria=(*OWN, LONG)))


def test_a_prompt_that_holds_a_criterion_is_told() -> None:
    clean = "What became of the fish? Answer in tags."
    leaking = f"{clean} A good answer names the wet spring as the cause of the flood in the valley."
    assert told_in_prompts([(clean, ROW), (clean, ROW)], reward_settings()) == ""
    line = told_in_prompts([(clean, ROW), (leaking, ROW)], reward_settings())
    assert line.startswith("1 of 2 prompts tell a criterion that answers are judged by")
    assert "row 'r1', criterion 'long'" in line


def test_what_the_evidence_says_in_the_same_words_is_no_leak() -> None:
    said = Criterion(id="said", text="The survey found that perch doubled in Lake Orven by 2010.")
    assert told_in_prompts([(said.text, row(rubric=Rubric(criteria=(said,))))], reward_settings()) == ""


def test_static_sets_are_looked_for_and_rows_without_rubrics_passed_over() -> None:
    settings = reward_settings(static_sets=("citation",))
    from citerefine.rubrics.sets import load_set

    criterion = load_set("citation").judged[0]
    assert told_in_prompts([(criterion.text, row(rubric=None))], settings)
    assert told_in_prompts([(criterion.text, row(rubric=None))], reward_settings()) == ""


def test_only_the_first_prompts_are_looked_at() -> None:
    prompts = [("Answer.", ROW)] * MOST_PROMPTS + [(LONG.text, ROW)]
    assert told_in_prompts(prompts, reward_settings()) == ""
