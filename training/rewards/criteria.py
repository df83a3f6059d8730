"""The criteria that the answers of one group are judged by: the row's own and static ones, some withheld.

In: a row, settings, what draws. Out: `Criteria`. Withheld from the judge (dropout) is a share drawn by seed, step and
prompt, the same for all answers of a group, so that a policy cannot learn one list by heart (2608.11669). Held out
from the reward, and judged, is a share that depends on the criterion alone: figures of these show whether the policy
gets better or only learns what is paid. A criterion with a veto is never withheld or held out, and some positive
criterion always stays. Not here: joining rubrics (citerefine.rubrics.combining), judging.
"""

import hashlib
from collections.abc import Collection
from typing import NamedTuple

from citerefine.rubrics.aggregation.weights import weigh
from citerefine.rubrics.combining import combine
from citerefine.rubrics.criterion import Criterion, walk
from citerefine.rubrics.rubric import Rubric
from citerefine.rubrics.sets import load_set
from citerefine.training.data.row import TrainingRow
from citerefine.training.data.tasks import task_of
from citerefine.training.rewards.settings import RewardSettings


class Criteria(NamedTuple):
    """What a group is judged by."""

    asked: Rubric
    """All that is judged."""
    rewarded: Rubric
    """The same without what is held out."""
    held_out: Rubric | None
    """What is held out; None if nothing is."""


def criteria_of(row: TrainingRow, settings: RewardSettings, draw: str) -> Criteria | None:
    """What the answers to a row are judged by; None if there is nothing.

    Args:
        row: whose rubric is judged, and, unless it is a task without evidence, the static sets beside it.
        settings: names of sets, shares.
        draw: seed, step and prompt in one string: decides what is withheld.

    Raises:
        RubricError: if the rubrics cannot be one.
    """
    rubric = joined(row, settings)
    if rubric is None or not rubric.judged:
        return None
    held = _held_out(rubric, settings.held_out_share)
    held_out = _without(rubric, {leaf.id for leaf in rubric.judged} - held) if held else None
    return withheld(Criteria(rubric, _without(rubric, held), held_out), settings.rubric_dropout, draw)


def joined(row: TrainingRow, settings: RewardSettings) -> Rubric | None:
    """The row's own rubric and, unless it is a task without evidence, the static sets beside it; None if there is
    neither. Raises RubricError if they cannot be one."""
    sets = settings.static_sets if task_of(row).cites else ()
    if row.rubric is None and not sets:
        return None
    instance = row.rubric if row.rubric is not None else Rubric(id=row.id, query=row.question)
    return combine(instance, *map(load_set, sets)) if sets else instance


def withheld(criteria: Criteria, share: float, draw: str) -> Criteria:
    """The criteria without a share of those that are rewarded, which is not judged; `draw` decides which these are."""
    dropped = _dropped(criteria.rewarded, share, draw)
    asked, rewarded = _without(criteria.asked, dropped), _without(criteria.rewarded, dropped)
    return Criteria(asked, rewarded, criteria.held_out)


def _held_out(rubric: Rubric, share: float) -> set[str]:
    """Ids of the criteria whose hash lies below the share: the same ones in every rubric that asks them."""
    drawn = _drawn(rubric, "held out") if share else []
    return _leaving_merit(rubric, [id for place, id in drawn if place < share])


def _dropped(rubric: Rubric, share: float, draw: str) -> set[str]:
    """Ids of share · n criteria; what is left over of that number is the chance that one more leaves."""
    if not share:
        return set()
    n = int(share * len(rubric.judged) + _unit_hash(draw, rubric.key))
    return _leaving_merit(rubric, [id for _, id in _drawn(rubric, draw)[:n]])


def _drawn(rubric: Rubric, salt: str) -> list[tuple[float, str]]:
    """The criteria that may leave, each with its place in [0, 1), lowest first."""
    guarded = _guarded(rubric)
    return sorted((_unit_hash(salt, leaf.key), leaf.id) for leaf in rubric.judged if leaf.id not in guarded)


def _guarded(rubric: Rubric) -> set[str]:
    """Ids of what has a veto, and of what is part of something that has one."""
    vetoes = tuple(node for node in walk(rubric.criteria) if node.veto)
    return {node.id for veto in vetoes for node in walk((veto,))}


def _leaving_merit(rubric: Rubric, leaving: list[str]) -> set[str]:
    """Those that may leave so that some criterion with positive weight stays, or, if there is none, any."""
    leaves = weigh(rubric)
    merits = {leaf.criterion.id for leaf in leaves if leaf.mass and not leaf.is_fault}
    needed = merits or {leaf.criterion.id for leaf in leaves}
    if needed <= {*leaving}:
        leaving.remove(next(id for id in reversed(leaving) if id in needed))
    return {*leaving}


def _unit_hash(salt: str, key: str) -> float:
    """A number in [0, 1) that stands for both."""
    digest = hashlib.sha256(f"{salt}\n{key}".encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56


def _without(rubric: Rubric, ids: Collection[str]) -> Rubric:
    """The rubric in which these leaves are not judged; what it weighs and how it is built stays."""
    if not ids:
        return rubric
    return rubric.model_copy(update={"criteria": tuple(_marked(node, ids) for node in rubric.criteria)})


def _marked(node: Criterion, ids: Collection[str]) -> Criterion:
    """Recursion is safe here: a rubric is at most MAX_DEPTH deep."""
    if not node.children:
        return node.model_copy(update={"state": "inactive"}) if node.id in ids else node
    children = tuple(_marked(child, ids) for child in node.children)
    state = "inactive" if all(child.state == "inactive" for child in children) else node.state
    return node.model_copy(update={"children": children, "state": state})
