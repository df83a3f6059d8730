"""Held-out answers are scored as the reward would, without its noise; what fails is not known, and ends nothing."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.training.rewards.rewarding import ROW, RUBRIC, WordRubricJudge, answer, training_row

from citerefine.judges.judge import SupportJudge
from citerefine.judges.lexical.lexical_judge import LexicalJudge
from citerefine.judges.rubric.rubric_judge import Graded, GradeQuery, RubricJudge
from citerefine.judges.verdict import SupportQuery, Verdict
from citerefine.refiner.errors import CallError
from citerefine.refiner.evidence import Evidence
from citerefine.rubrics.sets import load_set
from citerefine.training.data.prompted import PromptedRow
from citerefine.training.data.row import TrainingRow
from citerefine.training.rewards.maths import MathsGrader
from citerefine.training.rewards.settings import RewardSettings
from citerefine.training.watch.heldout import Heldout, HeldoutScore, Judges

SETTINGS = RewardSettings()
ABSTAINS = "<answer>The sources do not say what happened in the lake.</answer>"
GOOD = answer("perch", "ice", "eels")


class Refused:
    """Judges that cannot be asked at all."""

    name = "refused"
    asks_at_once = False

    async def judge(self, queries: Sequence[SupportQuery]) -> list[Verdict]:
        raise CallError("the server refuses the key", "unauthorized")

    async def grade(self, query: GradeQuery) -> Graded:
        raise CallError("the server refuses the key", "unauthorized")

    async def aclose(self) -> None:
        """Nothing is open."""


def prompted(*rows: TrainingRow) -> list[PromptedRow]:
    return [
        PromptedRow(id=f"{at}", prompt=f"prompt {at}", n_prompt_tokens=2, row=row.model_dump_json())
        for at, row in enumerate(rows)
    ]


def judges(
    support: SupportJudge | None = None, rubric: RubricJudge | None = None, audit: RubricJudge | None = None
) -> Judges:
    return Judges(support or LexicalJudge(), rubric, audit, MathsGrader(1))


def score(
    rows: Sequence[TrainingRow], texts: Sequence[str], settings: RewardSettings = SETTINGS, **who: Any
) -> HeldoutScore:
    asked = judges(**who)
    found = Heldout(prompted(*rows), asked, settings).score(lambda prompts: [*texts])
    asked.grader.close()
    assert found is not None
    return found


def maths(gold: str | None = "4") -> TrainingRow:
    return TrainingRow(id="m", question="What is 2 + 2?", evidence=Evidence(()), gold=gold, task="maths")


def test_figures_are_means_over_the_answers() -> None:
    found = score([ROW, ROW], [GOOD, answer("lies")], rubric=WordRubricJudge(), audit=WordRubricJudge())
    assert found.completions == (GOOD, answer("lies"))
    assert found.figures["heldout/f1"] == pytest.approx(0.5)
    assert found.figures["heldout/rubric"] == found.figures["heldout/audit"] == pytest.approx(0.5)
    assert found.figures["gap/rubric_audit"] == 0
    assert found.figures["heldout/accuracy"] is None
    assert (found.figures["heldout/n"], found.figures["heldout/unscored"]) == (2, 0)
    assert found.failures == {}


def test_to_abstain_does_not_raise_the_mean() -> None:
    """A row that nobody labelled counts as answerable, as it does in the reward."""
    rows = [training_row(answerable=None)] * 2
    assert score(rows, [GOOD, ABSTAINS]).figures["heldout/f1"] == pytest.approx(0.5)
    unlabelled = score(rows, [GOOD, ABSTAINS], RewardSettings(assume_answerable=False))
    assert unlabelled.figures["heldout/f1"] == 1
    assert unlabelled.figures["heldout/unscored"] == 1
    assert [*unlabelled.failures] == ["abstained"]


def test_judges_that_fail_leave_figures_unknown() -> None:
    found = score([ROW, ROW], [GOOD, GOOD], support=Refused(), rubric=Refused(), audit=WordRubricJudge())
    assert found.figures["heldout/f1"] is None
    assert found.figures["heldout/rubric"] is found.figures["gap/rubric_audit"] is None
    assert found.figures["heldout/audit"] == 1
    assert found.figures["heldout/unscored"] == 2
    assert found.failures == {"unauthorized": "unauthorized: the server refuses the key"}


def test_criteria_are_those_that_are_rewarded() -> None:
    """Static sets are asked too, none is withheld by chance, and what the reward holds out is not asked."""
    judge, name = WordRubricJudge(), "citation"
    held = RewardSettings(static_sets=(name,), rubric_dropout=0.9, held_out_share=0.0)
    score([training_row(rubric=None)], [GOOD], held, rubric=judge)
    texts = {criterion.text for criterion in judge.asked[0].criteria}
    assert texts == {leaf.text for leaf in load_set(name).judged}
    judge = WordRubricJudge()
    score([ROW], [GOOD], RewardSettings(held_out_share=0.99), rubric=judge)
    assert len(judge.asked[0].criteria) < len(ROW.rubric.judged if ROW.rubric else ())


def test_the_score_of_a_rubric_can_be_below_nothing_as_the_reward_can() -> None:
    clipped = RUBRIC.model_copy(update={"aggregate": "clip01"})
    figures = score([training_row(rubric=clipped)], [answer("pike")], rubric=WordRubricJudge()).figures
    assert figures["heldout/rubric"] is not None
    assert figures["heldout/rubric"] < 0


def test_mathematical_answers_are_compared() -> None:
    rows = [maths(), maths(), ROW]
    found = score(rows, [r"So \boxed{4}", r"So \boxed{5}", GOOD])
    assert found.figures["heldout/accuracy"] == 0.5
    assert found.figures["heldout/f1"] == 1
    assert (found.figures["heldout/n"], found.figures["heldout/unscored"]) == (3, 0)


def test_reference_answers_of_cited_rows_count_where_they_are_paid() -> None:
    rows = [training_row(gold="by 2010")]
    assert score(rows, [GOOD]).figures["heldout/accuracy"] is None
    assert score(rows, [GOOD], RewardSettings(verification=1)).figures["heldout/accuracy"] == 1


def test_rows_of_which_no_figure_can_be_had_are_not_sampled() -> None:
    def never(prompts: Sequence[str]) -> list[str]:
        raise AssertionError(f"sampled {prompts}")

    assert Heldout(prompted(maths(gold=None)), judges(), SETTINGS).score(never) is None
    asked = list[str]()

    def sample(prompts: Sequence[str]) -> list[str]:
        asked.extend(prompts)
        return [GOOD] * len(prompts)

    Heldout(prompted(maths(gold=" "), ROW), judges(), SETTINGS).score(sample)
    assert asked == ["prompt 1"]


def test_processes_share_the_rows_and_the_first_one_scores() -> None:
    sampled = list[tuple[int, str]]()

    def gather(values: list[tuple[int, str]]) -> list[tuple[int, str]]:
        sampled.extend(values)
        return sampled

    rows = prompted(ROW, ROW, ROW)
    found = [
        Heldout(rows, judges(), SETTINGS, rank=rank, world=2, gather=gather).score(
            lambda prompts: [f"answer to {prompt}" for prompt in prompts]
        )
        for rank in (1, 0)
    ]
    assert found[0] is None
    assert found[1] is not None
    assert found[1].completions == ("answer to prompt 0", "answer to prompt 1", "answer to prompt 2")
    with pytest.raises(ValueError, match="nothing gathers"):
        Heldout(rows, judges(), SETTINGS, world=2)
