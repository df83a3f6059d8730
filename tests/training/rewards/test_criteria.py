"""Criteria are withheld by group and step, held out for good; what has a veto, and some merit, always stays."""

from typing import Any

import pytest
from tests.training.rewards.rewarding import ROW, RUBRIC, training_row

from citerefine.rubrics.criterion import Criterion, Polarity
from citerefine.rubrics.rubric import Rubric
from citerefine.training.rewards import RewardSettings
from citerefine.training.rewards.criteria import Criteria, criteria_of

MANY = Rubric(criteria=tuple(Criterion(id=f"c{n}", text=f"It says number {n}.") for n in range(40)))


def criteria(rubric: Rubric = MANY, draw: str = "0/0/p", **settings: object) -> Criteria:
    found = criteria_of(training_row(rubric=rubric), RewardSettings.model_validate(settings), draw)
    assert found is not None
    return found


def ids(rubric: Rubric | None) -> set[str]:
    return set() if rubric is None else {leaf.id for leaf in rubric.judged}


def test_by_default_all_criteria_are_judged_and_rewarded() -> None:
    assert criteria(RUBRIC) == Criteria(RUBRIC, RUBRIC, None)


def test_static_sets_come_behind_the_rows_own_and_stand_alone_where_it_has_none() -> None:
    joined = criteria(RUBRIC, static_sets=("citation",))
    assert [leaf.id for leaf in joined.asked.judged][:5] == ["perch", "ice", "eels", "pike", "citation/uncited"]
    alone = criteria_of(training_row(rubric=None), RewardSettings(static_sets=("citation",)), "")
    assert alone is not None
    assert all(leaf.id.startswith("citation/") for leaf in alone.asked.judged)


@pytest.mark.parametrize("values", [{"rubric": None}, {"rubric": Rubric()}])
def test_a_row_without_any_criterion_has_none(values: dict[str, object]) -> None:
    assert criteria_of(training_row(**values), RewardSettings(), "") is None


def test_static_sets_are_about_evidence_and_no_part_of_mathematics() -> None:
    row = training_row(rubric=None, task="maths", evidence={"snippets": []})
    assert criteria_of(row, RewardSettings(static_sets=("citation",)), "") is None


def test_a_group_is_judged_by_a_share_that_another_step_draws_anew() -> None:
    first, again, other = (criteria(draw=draw, rubric_dropout=0.25) for draw in ("0/1/p", "0/1/p", "0/2/p"))
    assert len(ids(first.asked)) == 30
    assert first == again
    assert ids(first.asked) != ids(other.asked)


def test_a_share_that_is_no_whole_number_is_met_on_average() -> None:
    kept = [len(ids(criteria(RUBRIC, draw=f"0/{step}/p", rubric_dropout=0.3).asked)) for step in range(400)]
    assert {*kept} == {2, 3}
    assert abs(4 - sum(kept) / len(kept) - 1.2) < 0.1


def test_held_out_criteria_are_judged_and_not_rewarded_in_whichever_rubric_they_stand() -> None:
    found = criteria(held_out_share=0.3)
    held = ids(found.held_out)
    assert 5 < len(held) < 20
    assert ids(found.rewarded) == ids(MANY) - held
    assert ids(found.asked) == ids(MANY)
    half = Rubric(criteria=tuple(one.model_copy(update={"id": f"x{one.id}"}) for one in MANY.criteria[::2]))
    assert ids(criteria(half, held_out_share=0.3).held_out) == {f"x{id}" for id in held if int(id[1:]) % 2 == 0}


def test_what_is_held_out_is_never_withheld() -> None:
    found = criteria(held_out_share=0.3, rubric_dropout=0.5)
    assert ids(found.held_out) <= ids(found.asked)
    assert ids(found.rewarded) == ids(found.asked) - ids(found.held_out)


def test_a_veto_stays_and_so_does_the_group_that_it_guards() -> None:
    guarded = Criterion(
        id="g", text="", veto=True, children=(Criterion(id="g1", text="one"), Criterion(id="g2", text="two"))
    )
    rubric = Rubric(criteria=(*MANY.criteria, guarded, Criterion(id="v", text="must", veto=True)))
    for step in range(30):
        found = criteria(rubric, draw=str(step), rubric_dropout=0.9, held_out_share=0.9)
        assert {"g1", "g2", "v"} <= ids(found.rewarded)


@pytest.mark.parametrize("share", [{"rubric_dropout": 0.99}, {"held_out_share": 0.99}])
def test_some_merit_always_stays(share: dict[str, Any]) -> None:
    faults = tuple(
        Criterion(id=f"f{n}", text=f"It has fault {n}.", weight=-1, polarity=Polarity.NEGATIVE) for n in range(9)
    )
    rubric = Rubric(criteria=(*faults, Criterion(id="merit", text="It is good.")))
    for step in range(30):
        assert "merit" in ids(criteria(rubric, draw=str(step), **share).rewarded)
    assert ids(criteria(Rubric(criteria=faults), **share).rewarded)


def test_a_group_of_criteria_of_which_nothing_is_left_is_left_out_itself() -> None:
    tree = Criterion(id="t", text="", children=(Criterion(id="t1", text="one"),))
    rubric = Rubric(criteria=(tree, Criterion(id="c", text="two")))
    left = [criteria(rubric, draw=str(step), rubric_dropout=0.5).asked for step in range(20)]
    without = next(one for one in left if ids(one) == {"c"})
    assert without.criteria[0].state == "inactive"


def test_row_and_settings_decide_alone() -> None:
    assert criteria_of(ROW, RewardSettings(rubric_dropout=0.5), "1/2/x") == criteria_of(
        training_row(), RewardSettings(rubric_dropout=0.5), "1/2/x"
    )
