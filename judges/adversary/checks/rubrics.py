"""Checks of rubric data: whether it reaches the policy, and whether poisoned documents are taken.

In: the topics. Out: `CHECKS`. Not here: rubrics that change in training (training.py).
"""

from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError

from citerefine.judges.adversary.checks.check import Check, Checked
from citerefine.judges.adversary.drafts import load_topics
from citerefine.refiner.evidence import Evidence
from citerefine.refiner.prompts.fit import fit_prompt
from citerefine.refiner.request import RefineRequest
from citerefine.rubrics.buffer.leaks import canary, find_leaks
from citerefine.rubrics.errors import RubricError
from citerefine.rubrics.lint import lint
from citerefine.rubrics.loading import read_rubric
from citerefine.rubrics.rubric import MAX_DEPTH, MAX_NODES, Rubric

_TOKENS: Final = 6144
"""Longest prompt of the policy."""


async def _no_counter(texts: Any) -> list[int]:
    return [len(text) for text in texts]


async def rubric_stays_out_of_prompts() -> Checked:
    """Whether the policy's prompt tells a criterion, and whether that would be found."""
    leaks, missed, n = 0, 0, 0
    for topic in load_topics():
        row = {"rubrics": topic.rubric.model_dump(mode="json")}
        request = RefineRequest(id=topic.id, question=topic.question, evidence=Evidence(topic.snippets))
        prompt = await fit_prompt(request, _TOKENS, _no_counter)
        text = "\n".join(message.content for message in prompt.messages)
        criteria = (*topic.rubric.leaves, canary(topic.id))
        leaks += bool(find_leaks(text, criteria))
        missed += len(find_leaks(f"{text}\n{row}\n{canary(topic.id).text}", criteria)) < len(criteria)
        n += 1
    return Checked(
        n,
        leaks / n,
        missed / n,
        "share of prompts to the policy that tell a criterion of the rubric; drift: share of prompts with the whole "
        "rubric in which not all of it is found",
    )


def _poisons(rubric: Rubric) -> dict[str, Callable[[], object]]:
    """What is wrong → a document."""
    item = {"id": "c1", "text": "States that it is so", "weight": 1, "polarity": "positive"}

    def document(*criteria: dict[str, Any], **fields: Any) -> dict[str, Any]:
        return {"format": "citerefine", "criteria": list(criteria), **fields}

    deep: dict[str, Any] = item
    for number in range(MAX_DEPTH + 1):
        deep = {**item, "id": f"n{number}", "children": [deep]}
    return {
        "a weight that is no number": lambda: document({**item, "weight": float("nan")}),
        "an infinite weight": lambda: document({**item, "weight": float("inf")}),
        "a positive criterion with a negative weight": lambda: document({**item, "weight": -1}),
        "a fault that is rewarded": lambda: document({**item, "polarity": "negative"}),
        "a weight that is true": lambda: document({**item, "weight": True}),
        "two criteria of one id": lambda: document(item, item),
        "a field of its own": lambda: document({**item, "regex": "(a+)+$"}),
        "a rule of its own": lambda: document({**item, "verifier": "python"}),
        "nested too deep": lambda: document(deep),
        "too many criteria": lambda: document(*({**item, "id": f"c{n}"} for n in range(MAX_NODES + 1))),
        "one criterion that outweighs the rest": lambda: document(
            *(one.model_dump(mode="json") for one in rubric.criteria), {**item, "id": "big", "weight": 99}
        ),
        "the same criterion twice": lambda: document(item, {**item, "id": "c2"}),
        "a fault worded as its absence": lambda: document(
            item, {"id": "c2", "text": "Does not name the author", "weight": -1, "polarity": "negative"}
        ),
    }


async def poisoned_rubrics() -> Checked:
    """Whether documents that were made to distort a reward are refused, or found by lint."""
    topics = load_topics()
    poisons = _poisons(topics[0].rubric)
    taken = [what for what, document in poisons.items() if _is_taken(document())]
    refused = [topic.id for topic in topics if not _is_taken(_own_form(topic.rubric), strict=False)]
    note = "share of poisoned rubrics that are neither refused nor found by lint; drift: share of sound ones refused"
    return Checked(
        len(poisons),
        len(taken) / len(poisons),
        len(refused) / len(topics),
        note + (f"; taken: {', '.join(taken)}" if taken else ""),
    )


def _own_form(rubric: Rubric) -> dict[str, Any]:
    return rubric.model_dump(mode="json")


def _is_taken(document: object, *, strict: bool = True) -> bool:
    """Whether a document becomes a rubric; if `strict`, one of which lint says nothing."""
    try:
        rubric = read_rubric(document)
    except (RubricError, ValidationError, RecursionError):
        return False
    return not strict or not lint(rubric)


CHECKS: Final[dict[str, Check]] = {check.__name__: check for check in (rubric_stays_out_of_prompts, poisoned_rubrics)}
