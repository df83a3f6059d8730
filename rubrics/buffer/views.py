"""Who may see what of a query's criteria: judges those that are judged now, the policy none.

In: the state of a query. Out: rubrics, with copies of the criteria. Not here: judging, whether a prompt keeps to it
(leaks.py).
"""

from typing import Final, NamedTuple

from pydantic import JsonValue

from citerefine.rubrics.buffer.folding import detached
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
    """The criteria of one query for judges and rewards; `query` is the question's text, for the rubrics."""
    judged = [entry for entry in state.entries if entry.is_judged]
    return JudgeView(
        _rubric(judged, query),
        _rubric([entry for entry in judged if entry.is_rewarded], query),
        _rubric([entry for entry in judged if entry.held_out], query),
        {entry.criterion.id: entry.key for entry in judged},
    )


def drtulu_buffer(state: QueryState) -> JsonValue:
    """All criteria, the retired ones too, as DR Tulu keeps them; to be read by its format `drtulu_buffer`.

    It has no place for ids, evidence and what is held out, and judges on a scale from 0 to 2.
    """
    criteria = tuple(map(_with_state, state.entries))
    fixed: list[JsonValue] = [
        {"description": criterion.text, "weight": float(criterion.weight), "title": criterion.title}
        for criterion in criteria
        if criterion.state == "persistent"
    ]
    lists: dict[str, JsonValue] = {f"{name}_rubrics": [] for name in ("active", "inactive", "persistent")}
    rubric = Rubric(format=DRTULU_BUFFER, criteria=criteria, extra={**lists, "static_rubrics": fixed})
    return dump_rubric(rubric, DRTULU_BUFFER, lossy=True)


def _rubric(entries: list[Entry], query: str) -> Rubric:
    return Rubric(query=query, criteria=tuple(map(_with_state, entries)))


def _with_state(entry: Entry) -> Criterion:
    return detached(entry.criterion).model_copy(update={"state": _STATES[entry.standing]})
