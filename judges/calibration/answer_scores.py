"""Scores answers by the criteria that people labelled: once with the judge's values, once with people's.

In: `Observations`. Out: two scores an answer, comparable within a group. The score is Σ w v / Σ |w|, which within a
group orders answers, and gives advantages, as every formula does that is linear in v. Only answers that were labelled
by the same criteria are in one group. Not here: other formulas (citerefine.rubrics.aggregation), order
(group_order.py).
"""

import hashlib
from collections import defaultdict
from typing import NamedTuple

from citerefine.judges.calibration.observing import Observation, Observations


class AnswerScore(NamedTuple):
    """An answer by the same criteria, as the judge and as people see it."""

    judge: float
    people: float
    group: int
    """Answers to one prompt that were labelled by the same criteria."""
    cluster: int


def answer_scores(seen: Observations) -> list[AnswerScore]:
    """The scores of the answers whose prompt is known and all of whose criteria have a value.

    A criterion that was labelled in several rows counts once for each.
    """
    answers = defaultdict[int, list[Observation]](list)
    for one in seen.rows:
        if one.in_group and one.answer not in seen.incomplete:
            answers[one.answer].append(one)
    return [_score(rows) for rows in answers.values() if any(one.weight for one in rows)]


def _score(rows: list[Observation]) -> AnswerScore:
    weight = sum(abs(one.weight) for one in rows)
    judge = sum(one.weight * one.value for one in rows) / weight
    people = sum(one.weight * one.people for one in rows) / weight
    asked = repr((rows[0].cluster, sorted((one.criterion, one.weight) for one in rows)))
    group = int.from_bytes(hashlib.sha256(asked.encode()).digest()[:8], "big")
    return AnswerScore(judge, people, group, rows[0].cluster)
