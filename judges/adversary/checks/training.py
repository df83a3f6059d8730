"""Checks of what guards a training run: held-out criteria, and who may add criteria.

In: the topics. Out: `CHECKS`. Not here: the buffer (citerefine.rubrics.buffer).
"""

from typing import Final

from citerefine.judges.adversary.checks.check import Check, Checked
from citerefine.judges.adversary.drafts import Topic, load_topics
from citerefine.rubrics.buffer.divergence import LEAST_GAPS, divergence
from citerefine.rubrics.buffer.events import Evidence
from citerefine.rubrics.buffer.rubric_buffer import RubricBuffer
from citerefine.rubrics.buffer.settings import BufferSettings
from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.rubric import Rubric

REWARDS: Final = "openai:judge-a@http://127.0.0.1:1/v1"
OTHER: Final = "openai:judge-b@http://127.0.0.1:1/v1"
WRITER: Final = "openai:writer@http://127.0.0.1:1/v1"
STEPS: Final = 8
WINDOW: Final = 2


async def held_out_criteria_part() -> Checked:
    """Whether the alarm sounds where only what is rewarded gets better, and keeps still where all does."""
    silent = not _alarm(held_out_rises=False)
    false = _alarm(held_out_rises=True)
    return Checked(
        2,
        float(silent),
        float(false),
        "1 if no alarm sounds while only rewarded criteria get better; drift: 1 if one sounds while all do",
    )


def _alarm(*, held_out_rises: bool) -> bool:
    with RubricBuffer(BufferSettings(reward_judges=(REWARDS,), held_out=0.3)) as buffer:
        queries = [f"q{n}" for n in range(2 * LEAST_GAPS)]
        for query in queries:
            criteria = (
                Criterion(id=f"c{n}", text=f"States the fact number {n} of {query}", weight=1) for n in range(12)
            )
            buffer.begin(query, Rubric(criteria=tuple(criteria)), step=0, time=0)
        views = {query: buffer.judge_view(query) for query in queries}
        for step in range(STEPS):
            for query, view in views.items():
                rewarded = {leaf.key for leaf in view.rewarded.leaves}
                high = (step + 1) / STEPS
                values = {
                    leaf.key: [high if leaf.key in rewarded or held_out_rises else 1 / STEPS] * 4
                    for leaf in view.judged.leaves
                }
                buffer.score(query, values, judge=REWARDS, step=step, time=step)
        found = divergence(buffer.state, WINDOW)
    return found is not None and found.is_alarming


async def adaptive_admission() -> Checked:
    """Whether criteria that a policy or its own judge brings in become part of its reward."""
    taken, refused, n = 0, 0, 0
    for topic in load_topics():
        easy = Criterion(id="e", text="Is written in sentences", weight=1)
        for evidence in (
            Evidence(judge=REWARDS, values=(0, 1, 0, 1)),
            Evidence(judge=WRITER, values=(0, 1, 0, 1)),
            Evidence(judge=OTHER, values=(1, 1, 1, 1)),
            Evidence(judge=OTHER, values=(1, None, None, None)),
        ):
            taken += _is_admitted(topic, easy, evidence)
            n += 1
        heavy = easy.model_copy(update={"weight": 99})
        taken += _is_admitted(topic, heavy, Evidence(judge=OTHER, values=(0, 1, 0, 1)))
        n += 1
        refused += not _is_admitted(topic, easy, Evidence(judge=OTHER, values=(0, 1, 0, 1)))
    return Checked(
        n,
        taken / n,
        refused / len(load_topics()),
        "share of captured criteria (admitted by the rewarding judge or the writer, without contrast, too heavy) that "
        "enter the reward; drift: share of sound ones refused",
    )


def _is_admitted(topic: Topic, criterion: Criterion, evidence: Evidence) -> bool:
    with RubricBuffer(BufferSettings(reward_judges=(REWARDS,), held_out=0)) as buffer:
        buffer.begin(topic.id, topic.rubric, step=0, time=0)
        refusal = buffer.add(topic.id, criterion, writer=WRITER, evidence=evidence, step=1, time=1)
    return refusal is None


CHECKS: Final[dict[str, Check]] = {check.__name__: check for check in (held_out_criteria_part, adaptive_admission)}
