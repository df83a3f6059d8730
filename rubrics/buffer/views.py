"""Who may see what of a query's criteria: judges those that are judged now, the policy none.

In: the state of a query. Out: rubrics, with copies of the criteria. Not here: judging, whether a prompt keeps to it
(leaks.py).
"""

from typing import Final, NamedTuple

from pydantic import JsonValue

from citerefine.rubrics.aggregation.formulas import default_formula
from citerefine.rubrics.buffer.own_rubric import detached, detached_rubric
from citerefine.rubrics.buffer.state import Entry, QueryState, Standing
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.loading import dump_rubric
from citerefine.rubrics.rubric import Rubric

DRTULU_BUFFER: Final = "drtulu_buffer"
_STATES: Final = {Standing.FIXED: "persistent", Standing.ACTIVE: "active", Standing.RETIRED: "inactive"}


class JudgeView(NamedTuple):
    """What judges see."""

    judged: Rubric
    """All that is judged now: put to the judge in one question, since whether a criterion is rewarded is not for the
    judge to know."""
    rewarded: Rubric
    """What the reward is made of."""
    held_out: Rubric
    """What is measured and never rewarded."""
    keys: dict[str, str]
    """Id of a judged criterion → its content key, by which a buffer is told of values."""


class PolicyView(NamedTuple):
    """What the policy sees: nothing. There is no way from here to a criterion."""

    criteria: tuple[()] = ()


def judge_view(state: QueryState, query: str = "") -> JudgeView:
    """The criteria of one query for judges and rewards: its own rubric as it came, and beside it the adaptive ones.

    Args:
        state: of the query.
        query: the question's text, for the rubrics; the own rubric's by default.
    """
    own, active = state.own, [entry for entry in state.entries if entry.standing is Standing.ACTIVE]
    return JudgeView(
        _rubric(own.rubric, active, query, own.formula),
        _rubric(own.rewarded, [entry for entry in active if not entry.held_out], query, own.formula),
        _rubric(own.held_out, [entry for entry in active if entry.held_out], query, own.formula),
        {entry.criterion.id: entry.key for entry in state.entries if entry.is_judged},
    )


def drtulu_buffer(state: QueryState) -> JsonValue:
    """All criteria, the retired ones too, as DR Tulu keeps them; to be read by its format `drtulu_buffer`.

    It has no place for ids, groups, evidence and what is held out, and judges on a scale from 0 to 2.
    """
    criteria = tuple(_with_state(entry.alone, entry.standing) for entry in state.entries)
    fixed: list[JsonValue] = [
        {"description": criterion.text, "weight": float(criterion.weight), "title": criterion.title}
        for criterion in criteria
        if criterion.state == "persistent"
    ]
    lists: dict[str, JsonValue] = {f"{name}_rubrics": [] for name in ("active", "inactive", "persistent")}
    rubric = Rubric(format=DRTULU_BUFFER, criteria=criteria, extra={**lists, "static_rubrics": fixed})
    return dump_rubric(rubric, DRTULU_BUFFER, lossy=True)


def _rubric(own: Rubric, active: list[Entry], query: str, formula: str) -> Rubric:
    rubric = detached_rubric(own, *(_with_state(entry.criterion, entry.standing) for entry in active))
    if query:
        rubric = rubric.model_copy(update={"query": query})
    # Of a tree whose groups are all held out, a list is left: that is no reason for another formula.
    return rubric if default_formula(rubric) == formula else rubric.model_copy(update={"aggregate": formula})


def _with_state(criterion: Criterion, standing: Standing) -> Criterion:
    return detached(criterion, state=_STATES[standing])
