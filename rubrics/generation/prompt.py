"""What a writer of criteria is asked.

In: a question, its evidence, answers, criteria that are there already. Out: the system and the user text. Not here:
asking, reading the reply (reply.py).
"""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from citerefine.rubrics.criterion import Criterion
from citerefine.rubrics.generation.data_fence import fenced, filled


class Sample(NamedTuple):
    """An answer to the question, to learn from."""

    text: str
    score: float | None = None
    """How good a judge found it; higher is better. None where that is not known."""


class Prompt(NamedTuple):
    """What is put to the writer."""

    system: str
    user: str


def build_prompt(
    question: str,
    evidence: Sequence[tuple[str, str]],
    answers: Sequence[Sample],
    existing: Iterable[Criterion],
    n_positive: int,
    n_negative: int,
) -> Prompt:
    """The prompt; answers with scores stand best first."""
    ranked = sorted(answers, key=lambda answer: (answer.score is None, -(answer.score or 0.0)))
    there = [criterion.text for criterion in existing]
    texts = [("QUESTION", question)]
    texts += [(f"EVIDENCE {number}", text) for number, (_, text) in enumerate(evidence, 1)]
    texts += [(_label(number, answer), answer.text) for number, answer in enumerate(ranked, 1)]
    texts += [(f"CRITERION {number}", text) for number, text in enumerate(there, 1)]
    task = [_file("contrast.md")] if len(ranked) > 1 else []
    task += ["Write others than the criteria above, which are there already.\n"] if there else []
    values = {
        "data": fenced(texts),
        "n_positive": str(n_positive),
        "n_negative": str(n_negative),
        "task": "".join(task).strip(),
    }
    return Prompt(_file("system.md"), filled(_file("user.md"), values).strip())


def asked_again(prompt: Prompt, reason: str) -> Prompt:
    """The same prompt after a reply that could not be used; the reason holds nothing of the reply."""
    return Prompt(prompt.system, prompt.user + filled(_file("again.md"), {"reason": reason}).rstrip())


def _label(number: int, answer: Sample) -> str:
    return f"ANSWER {number}" + ("" if answer.score is None else f" (score {answer.score:.2f})")


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
